"""Events are JSON that any library reads back, in one spelling only."""

import json

from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.fabric.events import KIND_NAMES, STATE_NAMES, event_content, json_string
from agent_spaces.fabric.types import KnowledgeKind, TaskState
from fabric.coordination.world import ANN


@given(st.text())
def test_a_string_is_read_back_as_it_was(text: str) -> None:
    assert json.loads(json_string(text)) == text


@given(st.text())
def test_only_quote_backslash_and_controls_are_escaped(text: str) -> None:
    """The standard library, told to leave non-ASCII alone, escapes the same, DEL included."""
    assert json_string(text) == json.dumps(text, ensure_ascii=False)


def test_members_stand_in_the_order_given_without_blanks() -> None:
    content = event_content("a.b", z=1, a=None, flag=True, off=False, who=ANN, list=[0, 2], names=["ä", '"'])

    assert content == (
        f'{{"event":"a.b","z":1,"a":null,"flag":true,"off":false,"who":"{ANN.hex()}","list":[0,2],"names":["ä","\\""]}}'
    )


def test_every_control_character_has_one_spelling() -> None:
    assert json_string("\x00\x08\t\n\x0b\x0c\r\x1f\x7f/") == r'"\u0000\b\t\n\u000b\f\r\u001f' + '\x7f/"'


def test_every_enum_value_has_a_name() -> None:
    assert set(STATE_NAMES) == set(TaskState)
    assert set(KIND_NAMES) == set(KnowledgeKind)
    assert all(name == state.name.lower() for state, name in STATE_NAMES.items())
