"""Waits between attempts are spread over a bound that doubles from 0.1 s to 30 s."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.client.retry import delays

BOUNDS = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0]


@given(numbers=st.lists(st.floats(0, 1, exclude_max=True), min_size=12, max_size=12))
def test_a_wait_is_the_random_share_of_its_bound(numbers: list[float]) -> None:
    drawn = iter(numbers)

    waits = list(islice(delays(lambda: next(drawn)), 12))

    assert waits == pytest.approx([share * bound for share, bound in zip(numbers, BOUNDS, strict=True)])
