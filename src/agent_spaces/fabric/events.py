"""The AgentEvents that the module sends by itself: their text, to the byte (contract section 7).

A writer of our own, because both twins must give the same bytes: no blanks, members in the order given, non-ASCII as
it is; of characters only the quote, the backslash and U+0000 to U+001F are escaped, in short form where JSON has one.
"""

from collections.abc import Sequence
from enum import IntEnum

from agent_spaces.fabric.types import KnowledgeKind, TaskState
from agent_spaces.sats import ZERO_IDENTITY, Identity

EventValue = None | bool | int | str | Identity | Sequence[int] | Sequence[str]

_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_ESCAPES = str.maketrans({chr(code): f"\\u{code:04x}" for code in range(0x20)} | _SHORT)

STATE_NAMES = {
    TaskState.SUBMITTED: "submitted",
    TaskState.WORKING: "working",
    TaskState.INPUT_REQUIRED: "input_required",
    TaskState.AUTH_REQUIRED: "auth_required",
    TaskState.COMPLETED: "completed",
    TaskState.FAILED: "failed",
    TaskState.CANCELED: "canceled",
    TaskState.REJECTED: "rejected",
}
KIND_NAMES = {
    KnowledgeKind.OBSERVATION: "observation",
    KnowledgeKind.INFERENCE: "inference",
    KnowledgeKind.DIRECTIVE: "directive",
}


def json_string(text: str) -> str:
    """Return text as a JSON string with its quotes."""
    return '"' + text.translate(_ESCAPES) + '"'


def json_value(value: EventValue) -> str:
    """Return a member's value: identities as 64 hex digits, lists without blanks. Enums are given by their names."""
    assert not isinstance(value, IntEnum), "enum values stand in events by their lower-case names"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return json_string(value)
    if isinstance(value, Identity):
        return f'"{value.hex()}"'
    return "[" + ",".join(json_value(item) for item in value) + "]"


def event_content(event: str, **members: EventValue) -> str:
    """Return the content of an AgentEvent: `event` first, then the members in the order given."""
    parts = [f'"event":{json_string(event)}']
    parts.extend(f'"{name}":{json_value(value)}' for name, value in members.items())
    return "{" + ",".join(parts) + "}"


def absent_if_zero(ref_id: int) -> int | None:
    """Return an id as events write it: 0 means that there is none."""
    return ref_id or None


def absent_if_empty(text: str) -> str | None:
    """Return a text as events write it: the empty one means that there is none."""
    return text or None


def absent_if_nobody(identity: Identity) -> Identity | None:
    """Return an identity as events write it: all zeros mean that there is none."""
    return None if identity == ZERO_IDENTITY else identity
