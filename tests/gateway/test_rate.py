"""The token bucket of each identity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.clock import ManualClock
from agent_spaces.config import load_host_config
from agent_spaces.errors import ConfigError
from agent_spaces.gateway import rate
from agent_spaces.gateway.rate import RateLimits, refusal_text
from agent_spaces.sats import Identity
from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import decode_server_payload, encode_client_message
from gateway.probe import hosting
from gateway.ws_client import connect, frame

ONE, OTHER = Identity(b"\1" * 32), Identity(b"\2" * 32)
NOOP = "noop"


@given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_never_more_than_the_burst_and_the_rate_and_the_wait_is_enough(
    waits: list[float], per_second: int, burst: int
) -> None:
    """In any stretch at most burst + rate x seconds calls pass; who waits as told passes."""
    clock = ManualClock()
    limits = RateLimits(per_second, burst, clock.monotonic)
    passed: list[float] = []
    for wait in waits:
        clock.advance(wait)
        told = limits.wait_of(ONE)
        if told:
            clock.advance(told + 1e-6)
            assert limits.wait_of(ONE) == 0
        passed.append(clock.monotonic())

    for first, since in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + (passed[last] - since) * per_second + 1e-3


def test_identities_do_not_share_a_bucket() -> None:
    limits = RateLimits(1, 1, ManualClock().monotonic)

    assert [limits.wait_of(ONE), limits.wait_of(OTHER)] == [0, 0]
    assert limits.wait_of(ONE) > 0


def test_full_buckets_are_forgotten_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "BUCKETS_MAX", 2)
    clock = ManualClock()
    limits = RateLimits(1, 2, clock.monotonic)
    limits.wait_of(OTHER)
    clock.advance(5)
    for _ in range(2):
        limits.wait_of(ONE)
    limits.wait_of(Identity(b"\3" * 32))

    assert limits.wait_of(ONE) == 1
    assert set(limits._buckets) == {ONE, Identity(b"\3" * 32)}


async def test_one_call_too_many_is_answered_with_when_to_try_again() -> None:
    async with hosting(calls_per_second_max=2, calls_burst_max=2) as host:
        caller = host.tokens.mint()
        path = f"/v1/database/spaces/subscribe?token={caller.token}"
        async with connect(host.port, path, "Sec-WebSocket-Protocol: v3.bsatn.spacetimedb\r\n") as client:
            client.send(frame(b"".join(encode_client_message(m.CallReducer(i, NOOP, b"")) for i in range(3))))
            answers: list[m.ServerMessage] = []
            while len(answers) < 4:
                answers += decode_server_payload((await client.receive())[1], 1 << 20)
        over_http = await host.call(NOOP, caller=caller)
        other = await host.call(NOOP)
        host.clock.advance(0.5)
        later = await host.call(NOOP, caller=caller)

    results = [answer.result for answer in answers if isinstance(answer, m.ReducerResult)]
    assert isinstance(results[2], m.ReducerErr)
    assert results[2].text == refusal_text(0.5) == "Too many calls at once; try again in 0.50 s."
    assert not any(isinstance(result, m.ReducerErr) for result in results[:2])
    assert (over_http.status_code, over_http.text, over_http.headers["retry-after"]) == (429, refusal_text(0.5), "1")
    assert (other.status_code, later.status_code) == (200, 200)


def test_it_is_off_unless_it_is_set() -> None:
    assert load_host_config({}).calls_per_second_max == 0
    assert load_host_config({"SPACES_CALLS_PER_SECOND_MAX": "0"}).calls_per_second_max == 0
    with pytest.raises(ConfigError, match="calls_burst_max"):
        load_host_config({}, "calls_burst_max = -1")
