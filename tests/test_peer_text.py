"""What peers wrote reaches a model or a screen without what cannot be seen, in bounds, and quoted."""

import json
import sys

from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.errors import RefusedError
from agent_spaces.fabric.rules_text import check_content
from agent_spaces.peer_text import cut, json_line, one_line, quoted, visible


def _is_clean(character: str) -> bool:
    try:
        check_content(f"a{character}b")
    except RefusedError:
        return False
    return True


def test_exactly_what_the_fabric_calls_not_clean_is_invisible() -> None:
    """The two sets are written down twice, since hooks must not import the fabric; surrogates go as well."""
    everything = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]

    assert [c for c in everything if (visible(c) == c) != _is_clean(c)] == []
    assert visible("a\ud800b\udfff") == "ab"


@given(st.text(), st.integers(1, 50))
def test_a_quote_is_one_line_of_json_that_cannot_end_itself(text: str, chars_max: int) -> None:
    found = quoted(text, chars_max)

    assert json.loads(found) == one_line(text, chars_max)
    assert len(found.splitlines()) == 1
    assert len(one_line(text, chars_max)) <= chars_max


@given(st.text(), st.integers(1, 50))
def test_what_is_cut_says_so(text: str, chars_max: int) -> None:
    found = cut(text, chars_max)

    assert found == text if len(text) <= chars_max else found.endswith("…")


@given(st.text())
def test_json_is_one_line_and_loses_nothing(text: str) -> None:
    found = json_line({"said": text})

    assert json.loads(found) == {"said": text}
    assert len(found.splitlines()) == 1
    assert visible(found) == found
