"""Values that travel as text: bodies and results of tasks.

Text travels as it is, everything else as JSON. A text that would read as JSON travels as a JSON string, so that what
comes out is what went in.
"""

import json
from typing import Any, TypeVar, overload

import msgspec

from agent_spaces.peer_text import visible

T = TypeVar("T")


def to_text(value: Any) -> str:
    """Return a value as text; None is the empty text. TypeError if JSON cannot hold it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value if value and not _reads_as_json(value) else json.dumps(value, ensure_ascii=False)
    plain = msgspec.to_builtins(value)
    text = json.dumps(plain, ensure_ascii=False)
    return text if visible(text) == text else json.dumps(plain, ensure_ascii=True)


@overload
def from_text(text: str) -> Any: ...
@overload
def from_text(text: str, kind: type[T]) -> T: ...
def from_text(text: str, kind: Any = Any) -> Any:
    """Return what `to_text` was given, converted to a type if one is named; msgspec.ValidationError if it is none."""
    try:
        value = json.loads(text) if text else None
    except ValueError:
        value = text
    return value if kind is Any else msgspec.convert(value, kind)


def _reads_as_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
