"""What a reducer is handed."""

from agent_spaces.engine.context import Context
from agent_spaces.sats import Identity, Timestamp


def context(timestamp: int) -> Context:
    return Context(Identity(bytes(32)), Timestamp(timestamp), None, Identity(bytes(32)), {}, "name", b"")


def test_the_same_call_gets_the_same_random_numbers_and_another_time_others() -> None:
    def numbers(timestamp: int) -> list[int]:
        ctx = context(timestamp)
        return [ctx.rng.randrange(1 << 60) for _ in range(3)]

    assert numbers(5) == numbers(5)
    assert numbers(5) != numbers(6)
