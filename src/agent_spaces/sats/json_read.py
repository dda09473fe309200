"""Reads values from SATS-JSON data, in all the forms that a call over HTTP may use."""

import math
import re
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from agent_spaces.errors import JsonError
from agent_spaces.sats import types
from agent_spaces.sats.shapes import (
    SPECIAL_TYPES,
    Choice,
    Enumeration,
    ListOf,
    Option,
    Record,
    Scalar,
    Schedule,
    Shape,
    Special,
    shape_of_type,
    size_min,
    variant_name,
)
from agent_spaces.sats.source import UNSIZED_ELEMENTS_MAX
from agent_spaces.sats.special import ConnectionId, Identity, Interval, Time, TimeDuration, Timestamp, Uuid
from agent_spaces.sats.values import Some, SumValue

Reader = Callable[[Any], Any]

_WIDE_HEX = re.compile(r"(-?)0x([0-9a-fA-F]+)")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")
_SINGLE = struct.Struct("<f")
_NUMBERED: dict[type[Any], Callable[[int], Any]] = {cls: cls.from_int for cls in (Identity, ConnectionId, Uuid)}


@lru_cache(maxsize=4096)
def reader_of(shape: Shape) -> Reader:
    """Return the function that turns JSON data into a value of the shape."""
    match shape:
        case Scalar(name):
            return _scalar_reader(name)
        case Special(cls):
            return _special_reader(cls)
        case Enumeration(cls):
            unit = reader_of(shape_of_type(types.UNIT))
            pick = _sum_reader([variant_name(member.name) for member in cls], [unit] * len(cls))
            members = tuple(cls)
            return lambda data: members[pick(data)[0]]
        case Option(inner):
            return _option_reader(reader_of(inner), isinstance(inner, Option))
        case Schedule():
            return _schedule_reader()
        case ListOf(element):
            return _list_reader(element)
        case Record():
            return _record_reader(shape)
        case Choice(names, variants):
            pick = _sum_reader(names, [reader_of(variant) for variant in variants])
            return lambda data: SumValue(*pick(data))


def read_arguments(reducer: str, shape: Record, data: Any) -> tuple[Any, ...]:
    """Return the arguments of a call; texts speak of the reducer."""
    names, readers = shape.names, [reader_of(field) for field in shape.fields]
    if isinstance(data, list):
        if len(data) < len(readers):
            expected = f"reducer args for {reducer} with {len(readers)} elements"
            raise JsonError(".", f"invalid length {len(data)}, expected {expected}")
        return tuple(_elements(readers, data))
    if isinstance(data, dict):
        return tuple(_fields(names, readers, data, "reducer argument"))
    raise _wrong_type(data, f"a {reducer} tuple")


def _unexpected(data: Any) -> str:
    """Return what serde calls a piece of JSON."""
    match data:
        case None:
            return "null"
        case bool():
            return f"boolean `{str(data).lower()}`"
        case int():
            return f"integer `{data}`"
        case float():
            return f"floating point `{data}`"
        case str():
            return f'string "{data}"'
        case list():
            return "sequence"
    return "map"


def _wrong_type(data: Any, expected: str) -> JsonError:
    return JsonError(".", f"invalid type: {_unexpected(data)}, expected {expected}")


def _wrong_value(data: Any, expected: str) -> JsonError:
    return JsonError(".", f"invalid value: {_unexpected(data)}, expected {expected}")


def _at(step: str, error: JsonError) -> JsonError:
    """Return the error as seen from one level further out."""
    separator = "" if error.path == "." or error.path.startswith("[") else "."
    return JsonError(step + separator + error.path.removeprefix("."), error.reason)


def _inside(step: str, read: Reader, data: Any) -> Any:
    try:
        return read(data)
    except JsonError as error:
        raise _at(step, error) from None


def _scalar_reader(name: str) -> Reader:
    match name:
        case "Bool":
            return _read_bool
        case "String":
            return _read_string
        case "Bytes":
            return _read_bytes
        case "F32" | "F64":
            return lambda data: _read_float(name, data)
    bits, signed = int(name[1:]), name[0] == "I"
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    if bits == 256:
        return lambda data: _read_wide(name.lower(), low, high, data)

    def read_integer(data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            raise _wrong_type(data, name.lower())
        if not low <= data <= high:
            raise _wrong_value(data, name.lower())
        return data

    return read_integer


def _read_bool(data: Any) -> bool:
    if not isinstance(data, bool):
        raise _wrong_type(data, "a boolean")
    return data


def _read_string(data: Any) -> str:
    if not isinstance(data, str):
        raise _wrong_type(data, "a string")
    try:
        data.encode()
    except UnicodeEncodeError:
        raise JsonError(".", "lone leading surrogate in hex escape") from None
    return data


def _read_bytes(data: Any) -> bytes:
    if isinstance(data, str):
        if _HEX.fullmatch(data) is None:
            raise _wrong_value(data, "hex digits in pairs")
        return bytes.fromhex(data)
    if not isinstance(data, list):
        raise _wrong_type(data, "a vec")
    read = reader_of(Scalar("U8"))
    return bytes(_inside(f"[{position}]", read, item) for position, item in enumerate(data))


def _read_float(name: str, data: Any) -> float:
    if not isinstance(data, int | float) or isinstance(data, bool):
        raise _wrong_type(data, name.lower())
    try:
        value = float(data)
        if name == "F32":
            (value,) = _SINGLE.unpack(_SINGLE.pack(value))
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise _wrong_value(data, name.lower())
    return value


def _read_wide(name: str, low: int, high: int, data: Any) -> int:
    if not isinstance(data, str):
        raise _wrong_type(data, name)
    found = _WIDE_HEX.fullmatch(data)
    if found is None:
        raise JsonError(".", "invalid digit found in string")
    if len(found[2].lstrip("0")) > 64:
        raise JsonError(".", "number too large to fit in target type")
    value = int(found[1] + found[2], 16)
    if not low <= value <= high:
        raise JsonError(".", f"number too {'large' if value > high else 'small'} to fit in target type")
    return value


def _special_reader(cls: type[Any]) -> Reader:
    product = SPECIAL_TYPES[cls]
    (element,) = product.elements
    read = _record_reader(Record(None, (element.name,), (shape_of_type(element.type),)))
    make: Callable[[int], Any] = _NUMBERED.get(cls, cls)
    return lambda data: make(read(data)[0])


def _option_reader(read: Reader, nested: bool) -> Reader:
    pick = _sum_reader(("some", "none"), [read, reader_of(shape_of_type(types.UNIT))])

    def read_option(data: Any) -> Any:
        if data is None:
            return None
        tag, value = pick(data)
        if tag == 1:
            return None
        return Some(value) if nested else value

    return read_option


def _schedule_reader() -> Reader:
    pick = _sum_reader(("Interval", "Time"), [reader_of(Special(TimeDuration)), reader_of(Special(Timestamp))])

    def read_schedule(data: Any) -> Interval | Time:
        tag, value = pick(data)
        return Time(value) if tag else Interval(value)

    return read_schedule


def _list_reader(element: Shape) -> Reader:
    read, unsized = reader_of(element), size_min(element) == 0

    def read_list(data: Any) -> list[Any]:
        if not isinstance(data, list):
            raise _wrong_type(data, "a vec")
        if unsized and len(data) > UNSIZED_ELEMENTS_MAX:
            raise JsonError(".", f"invalid length {len(data)}, expected at most {UNSIZED_ELEMENTS_MAX} elements")
        return [_inside(f"[{position}]", read, item) for position, item in enumerate(data)]

    return read_list


def _record_reader(shape: Record) -> Reader:
    readers = [reader_of(field) for field in shape.fields]
    expected = f"a {len(readers)}-element tuple"
    make: Callable[..., Any] = (lambda *values: values) if shape.cls is None else shape.cls

    def read_record(data: Any) -> Any:
        if isinstance(data, list):
            if len(data) < len(readers):
                raise JsonError(".", f"invalid length {len(data)}, expected {expected}")
            return make(*_elements(readers, data))
        if isinstance(data, dict):
            return make(*_fields(shape.names, readers, data, "field"))
        raise _wrong_type(data, expected)

    return read_record


def _elements(readers: Sequence[Reader], data: list[Any]) -> list[Any]:
    pairs = zip(readers, data, strict=False)
    values = [_inside(f"[{position}]", read, item) for position, (read, item) in enumerate(pairs)]
    if len(data) > len(readers):
        raise JsonError(".", "trailing characters")
    return values


def _fields(names: Sequence[str | None], readers: Sequence[Reader], data: dict[str, Any], kind: str) -> list[Any]:
    known = [name for name in names if name is not None]
    for key in data:
        if key not in known:
            raise JsonError(key, f"unknown {kind} `{key}`, expected {_listed(known)}")
    values = []
    for name, read in zip(names, readers, strict=True):
        if name is None or name not in data:
            raise JsonError(".", f"missing field `{name}`")
        values.append(_inside(name, read, data[name]))
    return values


def _listed(names: Sequence[str]) -> str:
    quoted = ", ".join(f"`{name}`" for name in names)
    return quoted if len(names) == 1 else f"one of {quoted}"


def _sum_reader(names: Sequence[str | None], readers: Sequence[Reader]) -> Callable[[Any], tuple[int, Any]]:
    """Return the function that reads tag and payload: `{"name": v}`, `{"2": v}`, `[2, v]` or `["name", v]`."""
    tags: dict[Any, int] = {str(tag): tag for tag in range(len(readers))}
    tags |= {name: tag for tag, name in enumerate(names) if name is not None}
    shown = _listed([str(tag) if name is None else name for tag, name in enumerate(names)])

    def read_sum(data: Any) -> tuple[int, Any]:
        if isinstance(data, dict):
            if len(data) != 1:
                raise JsonError(".", f"invalid length {len(data)}, expected sum type")
            ((key, payload),) = data.items()
            step = key
        elif isinstance(data, list):
            if len(data) != 2:
                raise JsonError(".", f"invalid length {len(data)}, expected sum type")
            key, payload = data
            step = "[1]"
        else:
            raise _wrong_type(data, "sum type")
        if isinstance(key, int) and not isinstance(key, bool):
            tag = key if 0 <= key < len(readers) else None
        elif isinstance(key, str):
            tag = tags.get(key)
        else:
            raise _at("[0]", _wrong_type(key, "a variant name or tag"))
        if tag is None:
            where = key if isinstance(data, dict) else "[0]"
            raise JsonError(where, f"unknown variant `{key}`, expected {shown}")
        return tag, _inside(step, readers[tag], payload)

    return read_sum
