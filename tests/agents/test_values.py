"""Values that travel as text come out as they went in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.agents.values import from_text, to_text
from agent_spaces.fabric.rules_coordination import check_result

SCALARS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text() | st.floats(allow_nan=False)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=8
)


@given(VALUES)
def test_any_value_comes_out_as_it_went_in(value: Any) -> None:
    assert from_text(to_text(value)) == value


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_whatever_stands_in_json_is_text_that_a_task_may_hold(value: list[str]) -> None:
    check_result(to_text(value))


@pytest.mark.parametrize("text", ["12", "null", "[1]", '"x"', "true", ""])
def test_text_that_reads_as_json_stays_text(text: str) -> None:
    assert from_text(to_text(text), str) == text
