"""Values of any database as people write and read them: arguments of a call, cells of an answer, types in words."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from agent_spaces.cli.output import plain
from agent_spaces.client import UnknownNameError
from agent_spaces.errors import JsonError
from agent_spaces.sats import types
from agent_spaces.sats.json import from_json
from agent_spaces.sats.types import AlgebraicType, Array, Element, Primitive, Product, Sum

_SPECIAL = {
    types.IDENTITY: "Identity",
    types.CONNECTION_ID: "ConnectionId",
    types.UUID: "Uuid",
    types.TIMESTAMP: "Timestamp",
    types.TIME_DURATION: "TimeDuration",
    types.SCHEDULE_AT: "ScheduleAt",
}
# What Spaces lets callers leave out beside optional parameters; other databases have no such reducer.
REDUCER_DEFAULTS: Mapping[str, Mapping[str, str]] = {"send_message": {"message_type": "text"}}
_HEX_TYPES = (types.IDENTITY, types.CONNECTION_ID)


def type_text(t: AlgebraicType) -> str:
    """Return a type as people say it: `u64`, `String`, `u64 or null`, `list of String`, `text | system`."""
    if t in _SPECIAL:
        return _SPECIAL[t]
    if types.is_option(t):
        assert isinstance(t, Sum)
        return f"{type_text(t.variants[0].type)} or null"
    match t:
        case Primitive(name):
            return name if name == "String" else name.lower()
        case Array(element):
            return f"list of {type_text(element)}"
        case Sum(variants) if types.is_unit_sum(t):
            return " | ".join(str(variant.name) for variant in variants)
        case Sum(variants):
            return " | ".join(f"{variant.name} {type_text(variant.type)}" for variant in variants)
        case Product(elements):
            return "{" + ", ".join(f"{e.name} {type_text(e.type)}" for e in elements) + "}"
    return "?"


def signature(name: str, parameters: Sequence[Element]) -> str:
    """Return a function with its parameters in order: `mark_channel_read(channel_id u64, message_id u64)`."""
    return f"{name}({', '.join(f'{p.name} {type_text(p.type)}' for p in parameters)})"


def arguments(
    name: str, parameters: Sequence[Element], texts: Sequence[str], defaults: Mapping[str, str] | None = None
) -> list[Any]:
    """Return what a person wrote as the SATS-JSON that a host takes.

    Text needs no quotes, an enum's variant no braces, an identity no 0x, a moment may be RFC 3339. What is left out at
    the end is its default, or none where it may be. UnknownNameError says what is wrong and what the call takes.
    """
    left_out = defaults or {}
    takes = f"It takes: {signature(name, parameters)}"
    if len(texts) > len(parameters):
        raise UnknownNameError(f"{name} takes {len(parameters)} arguments, not {len(texts)}. {takes}")
    values = []
    for position, parameter in enumerate(parameters):
        if position < len(texts):
            try:
                values.append(_checked(parameter.type, texts[position]))
            except (JsonError, ValueError) as error:
                why = f" ({error})" if isinstance(error, JsonError) else ""
                raise UnknownNameError(
                    f"{parameter.name} cannot be {texts[position]!r}: it is {type_text(parameter.type)}{why}."
                ) from error
        elif (text := left_out.get(str(parameter.name))) is not None:
            values.append(_checked(parameter.type, text))
        elif types.is_option(parameter.type):
            values.append(None)
        else:
            raise UnknownNameError(f"{parameter.name} is missing. {takes}")
    return values


def _checked(t: AlgebraicType, text: str) -> Any:
    data = _written(t, text)
    from_json(t, data)
    return data


def _written(t: AlgebraicType, text: str) -> Any:
    if types.is_option(t):
        assert isinstance(t, Sum)
        return None if text in {"null", "none"} else {"some": _written(t.variants[0].type, text)}
    if t in _HEX_TYPES and not text.startswith(("[", "{")):
        return [text if text.startswith("0x") else f"0x{text}"]
    if t == types.TIMESTAMP and not text.startswith(("[", "{")):
        return [int(text) if text.lstrip("-").isdigit() else _microseconds(text)]
    if t == types.BYTES and not text.startswith("["):
        return text
    if t == Primitive("String"):
        return _quoted(text)
    if isinstance(t, Sum) and types.is_unit_sum(t) and not text.startswith(("[", "{")):
        wanted = _folded(text)
        return {next((str(v.name) for v in t.variants if _folded(str(v.name)) == wanted), text): []}
    return json.loads(text)


def _quoted(text: str) -> str:
    """Return the text, or what it says if it is a JSON string."""
    if text[:1] == text[-1:] == '"':
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    return text


def _folded(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _microseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    whole = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(whole.timestamp() * 1_000_000)


def readable(t: AlgebraicType, data: Any) -> Any:
    """Return a value of an answer as JSON has it: options as the value or null, enums by name, times as RFC 3339."""
    return _plain(t, from_json(t, data))


def _plain(t: AlgebraicType, value: Any) -> Any:
    if t in _SPECIAL or value is None:
        return plain(value)
    if types.is_option(t):
        assert isinstance(t, Sum)
        return _plain(t.variants[0].type, getattr(value, "value", value))
    match t:
        case Array(element) if isinstance(value, list):
            return [_plain(element, item) for item in value]
        case Sum(variants):
            variant = variants[value.tag]
            inner = _plain(variant.type, value.value)
            return variant.name if types.is_unit_sum(t) else {str(variant.name): inner}
        case Product(elements):
            return {
                str(e.name or place): _plain(e.type, item)
                for place, (e, item) in enumerate(zip(elements, value, strict=True))
            }
    return plain(value)
