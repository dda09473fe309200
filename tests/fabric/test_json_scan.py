"""The scanner agrees with Python's json, but for depth, lone surrogates, NaN and what is no object."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.fabric.json_scan import DEPTH_MAX, NotAnObjectError, scan_object

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=4), VALUES, max_size=4)
TOKENS = r"""
{ } [ ] , : " "a" "event" 1 -0 1e5 01 1. .5 - true nul NaN "\u0041" "\ud83d\ude00" "\ud83d" "\ude00" "\x" "\n"
"""
PIECES = st.sampled_from([*TOKENS.split(), " ", "\n", "\t", "\x00", "\x0b", "\xa0"])


def _strings(value: Any) -> list[str]:
    """Return every string of a tree of (name, value) lists, in the order of the text."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [text for name, inner in value for text in [name, *_strings(inner)]]
    if isinstance(value, list):
        return [text for inner in value for text in _strings(inner)]
    return []


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def by_python(text: str) -> tuple[list[str], dict[str, str | None]] | None:
    """Return what Python's json finds: all strings and the members; None if the text is not to be taken."""
    try:
        pairs = json.loads(text, object_pairs_hook=tuple, parse_constant=_refuse_constant, parse_int=float)
    except ValueError:
        return None
    if not isinstance(pairs, tuple):
        return None
    strings = _strings(pairs)
    if any(0xD800 <= ord(character) <= 0xDFFF for each in strings for character in each):
        return None
    return strings, {name: value if isinstance(value, str) else None for name, value in pairs}


def by_us(text: str) -> tuple[list[str], dict[str, str | None]] | None:
    try:
        scan = scan_object(text)
    except NotAnObjectError:
        return None
    return scan.strings, scan.members


@given(OBJECTS, st.booleans(), st.sampled_from([None, 1]))
def test_what_python_writes_is_read_the_same(value: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    assert by_us(text) == by_python(text)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_odd_texts_are_judged_as_python_judges_them(text: str) -> None:
    wrapped = "{" + text + "}"

    assert by_us(text) == by_python(text)
    assert by_us(wrapped) == by_python(wrapped)


@given(OBJECTS, st.data())
def test_a_damaged_text_is_judged_as_python_judges_it(value: dict[str, Any], data: st.DataObject) -> None:
    text = json.dumps(value)
    place = data.draw(st.integers(0, len(text) - 1))
    damaged = text[:place] + data.draw(PIECES) + text[place + 1 :]

    assert by_us(damaged) == by_python(damaged)


def test_depth_counts_objects_and_arrays_and_begins_with_the_outermost() -> None:
    for inner in ("[", '{"a":'):
        closer = "]" if inner == "[" else "}"
        value = inner * (DEPTH_MAX - 1) + ("1" if closer == "}" else "") + closer * (DEPTH_MAX - 1)
        assert by_us('{"a":' + value + "}") is not None
        assert by_us('{"a":[' + value + "]}") is None


def test_depth_counts_what_is_open_not_what_there_is() -> None:
    assert by_us('{"a":[' + ",".join(["[]"] * 100) + "]}") is not None


@pytest.mark.parametrize(
    "text", ["", "[]", '"a"', "1", "null", "{}{}", "{} x", '{"a":NaN}', '{"a":Infinity}', "\ufeff{}"]
)
def test_what_is_no_object_is_refused(text: str) -> None:
    assert by_us(text) is None


def test_the_last_of_repeated_members_counts_also_when_it_is_no_string() -> None:
    assert scan_object('{"event":"a","event":{"event":"c"}}').members == {"event": None}
    assert scan_object('{"event":1,"\\u0065vent":"b"}').members == {"event": "b"}


@pytest.mark.parametrize(
    ("escaped", "decoded"),
    [
        (r"\ud83d\ude00", "😀"),
        (r"\uD83D\uDE00", "😀"),
        (r"\ud83d", None),
        (r"\ude00", None),
        (r"\ud83d\n", None),
        (r"\ud83da\ude00", None),
        (r"\ud83d\ud83d\ude00", None),
        (r"\\ud83d", r"\ud83d"),
        (r"\u00e9", "é"),
    ],
)
def test_surrogate_escapes_come_in_pairs(escaped: str, decoded: str | None) -> None:
    found = by_us(f'{{"a":"{escaped}"}}')

    assert (None if found is None else found[1]["a"]) == decoded
