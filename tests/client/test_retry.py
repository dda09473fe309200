"""Waits between attempts spread over a bound that doubles from 0.1 s to 30 s and shrinks while a connection holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.client.retry import Backoff

BOUNDS = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0]


@given(numbers=st.lists(st.floats(0, 1, exclude_max=True), min_size=12, max_size=12))
def test_a_wait_is_the_random_share_of_its_bound(numbers: list[float]) -> None:
    drawn = iter(numbers)
    backoff = Backoff(lambda: next(drawn))

    waits = [backoff.wait(0.0) for _ in range(12)]

    assert waits == pytest.approx([share * bound for share, bound in zip(numbers, BOUNDS, strict=True)])


def test_whoever_loses_a_connection_every_second_is_back_soon() -> None:
    backoff = Backoff(lambda: 1.0)
    assert max(backoff.wait(1.0) for _ in range(50)) == pytest.approx(0.1)
    for _ in range(6):
        backoff.wait(0.0)
    assert [backoff.wait(1.0) for _ in range(3)] == pytest.approx([0.8, 0.1, 0.1])


def test_a_host_that_lets_one_in_only_to_throw_one_out_is_left_alone() -> None:
    backoff = Backoff(lambda: 1.0)
    assert [backoff.wait(0.1) for _ in range(12)] == pytest.approx(BOUNDS)


def test_a_connection_that_held_for_days_is_waited_for_as_the_first() -> None:
    backoff = Backoff(lambda: 1.0)
    for _ in range(12):
        backoff.wait(0.0)
    assert backoff.wait(1e6) == pytest.approx(0.1)
