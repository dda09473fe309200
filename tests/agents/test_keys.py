"""Keys of what handlers send."""

import asyncio

import pytest

from agent_spaces.agents.keys import Key, key_for, running


def test_the_nth_send_of_a_run_has_the_nth_key_and_given_keys_do_not_count() -> None:
    with running("inbox/12"):
        keys = [key_for(None), key_for("mine"), key_for(None)]

    assert keys == [Key("inbox/12/1", True), Key("mine"), Key("inbox/12/2", True)]


def test_outside_handlers_no_two_sends_share_a_key() -> None:
    assert key_for(None) != key_for(None)
    assert not key_for(None).automatic


async def test_runs_at_the_same_time_do_not_mix_and_tasks_of_a_run_share_it() -> None:
    async def send_two(prefix: str) -> list[str]:
        with running(prefix):
            first = key_for(None)
            await asyncio.sleep(0)
            second = await asyncio.create_task(_later())
        return [first.text, second.text]

    async def _later() -> Key:
        return key_for(None)

    assert await asyncio.gather(send_two("a"), send_two("b")) == [["a/1", "a/2"], ["b/1", "b/2"]]


@pytest.mark.parametrize("prefix", ["task/18446744073709551615/4294967295"])
def test_the_longest_prefix_leaves_room_for_its_numbers(prefix: str) -> None:
    with running(prefix):
        assert len(key_for(None).text) <= 128
