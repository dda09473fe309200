"""Waits between attempts are spread over a bound that grows to 30 s, and shrinks while a connection holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.client.retry import Backoff

LONGEST = [0.1, 0.2, 0.3, 0.6, 1.2, 2.4, 4.8, 9.6, 19.2, 30.0, 30.0, 30.0]


def test_the_longest_waits_grow_to_half_a_minute() -> None:
    backoff = Backoff(lambda: 1.0)
    assert [backoff.wait(0.0) for _ in LONGEST] == pytest.approx(LONGEST)


@given(shares=st.lists(st.floats(0, 1, exclude_max=True), max_size=40))
def test_a_host_that_was_away_is_looked_for_within_as_long_again(shares: list[float]) -> None:
    drawn = iter(shares)
    backoff = Backoff(lambda: next(drawn))
    waited = 0.0
    for _ in shares:
        seconds = backoff.wait(0.0)
        assert seconds <= min(30.0, max(0.2, waited * (1 + 1e-9)))
        waited += seconds


@given(share=st.floats(0, 1, exclude_max=True))
def test_a_wait_is_the_random_share_of_its_bound(share: float) -> None:
    """Full jitter: clients that lost one host at one instant come back at any."""
    drawn = iter([1.0] * 7 + [share])
    backoff = Backoff(lambda: next(drawn))
    waits = [backoff.wait(0.0) for _ in range(8)]
    assert waits[-1] == pytest.approx(share * LONGEST[7])


def test_whoever_loses_a_connection_every_second_is_back_soon() -> None:
    backoff = Backoff(lambda: 1.0)
    assert max(backoff.wait(1.0) for _ in range(50)) == pytest.approx(0.1)
    for _ in range(6):
        backoff.wait(0.0)
    assert backoff.wait(1.0) <= 0.7
    assert backoff.wait(1.0) <= 0.2


def test_a_host_that_lets_one_in_only_to_throw_one_out_is_left_alone() -> None:
    backoff = Backoff(lambda: 1.0)
    assert [backoff.wait(0.1) for _ in LONGEST] == pytest.approx(LONGEST)


def test_a_connection_that_held_for_days_is_waited_for_as_the_first() -> None:
    backoff = Backoff(lambda: 1.0)
    for _ in range(12):
        backoff.wait(0.0)
    assert backoff.wait(1e6) == pytest.approx(0.1)
