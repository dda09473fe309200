"""Finds out why generated code could not read or write a value: which part, where, and what is wrong with it.

Generated code only notices that something does not fit; these walks over the shape run after that. The reasons for
short data, unknown tags and invalid UTF-8 are worded as SpacetimeDB 2.8.3 words them (seen).
"""

from typing import Any

from agent_spaces.errors import DecodeError, EncodeError
from agent_spaces.sats.shapes import (
    SCALAR_SIZES,
    WIRE_BYTES,
    Choice,
    Enumeration,
    ListOf,
    Option,
    Record,
    Scalar,
    Schedule,
    Shape,
    Special,
    name_of,
    size_min,
)
from agent_spaces.sats.source import UNSIZED_ELEMENTS_MAX
from agent_spaces.sats.special import Interval, Time
from agent_spaces.sats.values import Some, SumValue


def explain_decode(shape: Shape, data: bytes, offset: int, error: BaseException) -> DecodeError:
    """Return the DecodeError for bytes that do not encode a value of the shape from `offset` on."""
    try:
        _read(shape, data, offset)
    except DecodeError as found:
        return found
    return DecodeError(name_of(shape), offset, str(error))


def _take(data: bytes, offset: int, size: int, name: str, wanted: str | None = None) -> int:
    left = max(len(data) - offset, 0)
    if left < size:
        raise DecodeError(name, offset, f"data too short for {wanted or name}: Expected {size}, given {left}")
    return offset + size


def _tag(shape: Shape, data: bytes, offset: int, count: int) -> int:
    _take(data, offset, 1, name_of(shape), "u8")
    if data[offset] >= count:
        raise DecodeError(name_of(shape), offset, f"unknown tag {data[offset]:#x} for sum type <unknown>")
    return data[offset]


def _count(shape: Shape, data: bytes, offset: int) -> int:
    _take(data, offset, 4, name_of(shape), "u32")
    return int.from_bytes(data[offset : offset + 4], "little")


def _read(shape: Shape, data: bytes, offset: int) -> int:
    """Return the offset behind the value, or raise."""
    match shape:
        case Scalar("String" | "Bytes"):
            return _read_text(shape, data, offset)
        case Scalar("Bool"):
            _take(data, offset, 1, "bool", "u8")
            if data[offset] > 1:
                raise DecodeError("bool", offset, f"byte {data[offset]:#04x} is neither 0 nor 1")
            return offset + 1
        case Scalar(name):
            return _take(data, offset, SCALAR_SIZES[name], name.lower())
        case Special(cls):
            wanted = f"u{WIRE_BYTES[cls] * 8}" if cls in WIRE_BYTES else "i64"
            return _take(data, offset, size_min(shape), cls.__name__, wanted)
        case Enumeration(cls):
            _tag(shape, data, offset, len(cls))
            return offset + 1
        case Option(inner):
            return _read(inner, data, offset + 1) if _tag(shape, data, offset, 2) == 0 else offset + 1
        case Schedule():
            _tag(shape, data, offset, 2)
            return _take(data, offset + 1, 8, "ScheduleAt", "i64")
        case ListOf(element):
            return _read_list(element, data, offset, _count(shape, data, offset))
        case Record(_, _, fields):
            for field in fields:
                offset = _read(field, data, offset)
            return offset
        case Choice(_, variants):
            return _read(variants[_tag(shape, data, offset, len(variants))], data, offset + 1)


def _read_text(shape: Scalar, data: bytes, offset: int) -> int:
    count = _count(shape, data, offset)
    offset += 4
    end = _take(data, offset, count, name_of(shape), "[u8]")
    if shape.name == "String":
        try:
            data[offset:end].decode()
        except UnicodeDecodeError as error:
            raise DecodeError("string", offset + error.start, "invalid utf8") from None
    return end


def _read_list(element: Shape, data: bytes, offset: int, count: int) -> int:
    least, left = size_min(element), len(data) - offset - 4
    if least == 0 and count > UNSIZED_ELEMENTS_MAX:
        raise DecodeError("array", offset, f"{count} elements; {UNSIZED_ELEMENTS_MAX} without size are the most")
    if count * least > left:
        raise DecodeError(
            "array", offset, f"data too short for {count} elements: Expected {count * least}, given {left}"
        )
    offset += 4
    for _ in range(count):
        offset = _read(element, data, offset)
    return offset


def explain_encode(shape: Shape, value: Any, error: BaseException) -> EncodeError:
    """Return the EncodeError for a value that does not fit the shape."""
    try:
        _check(shape, value, "")
    except EncodeError as found:
        return found
    return EncodeError(name_of(shape), str(error) or repr(value))


def _refuse(shape: Shape, where: str, reason: str) -> EncodeError:
    return EncodeError(name_of(shape), f"{where.lstrip('.')}: {reason}" if where else reason)


def _check(shape: Shape, value: Any, where: str) -> None:
    match shape:
        case Scalar(name):
            _check_scalar(shape, name, value, where)
        case Special(cls) if issubclass(cls, int):
            _check_scalar(shape, "I64", value, where)
        case Special(cls) | Enumeration(cls):
            if type(value) is not cls:
                raise _refuse(shape, where, f"{value!r} is no {cls.__name__}")
        case Option(inner):
            if value is not None and isinstance(inner, Option):
                if not isinstance(value, Some):
                    raise _refuse(shape, where, f"{value!r} must be a Some(…): the option holds an option")
                value = value.value
                _check(inner, value, where)
            elif value is not None:
                _check(inner, value, where)
        case Schedule():
            if not isinstance(value, Interval | Time):
                raise _refuse(shape, where, f"{value!r} is neither an Interval nor a Time")
            _check_scalar(shape, "I64", value.duration if isinstance(value, Interval) else value.at, where)
        case ListOf(element):
            if not isinstance(value, list | tuple):
                raise _refuse(shape, where, f"{value!r} is no list")
            if size_min(element) == 0 and len(value) > UNSIZED_ELEMENTS_MAX:
                raise _refuse(shape, where, f"{len(value)} elements; {UNSIZED_ELEMENTS_MAX} without size are the most")
            for position, item in enumerate(value):
                _check(element, item, f"{where}[{position}]")
        case Record():
            _check_record(shape, value, where)
        case Choice(_, variants):
            if not isinstance(value, SumValue) or value.tag not in range(len(variants)):
                raise _refuse(shape, where, f"{value!r} is no SumValue with a tag below {len(variants)}")
            _check(variants[value.tag], value.value, f"{where}.{value.tag}")


def _check_scalar(shape: Shape, name: str, value: Any, where: str) -> None:
    match name:
        case "Bool" | "String" | "Bytes":
            wanted = {"Bool": bool, "String": str, "Bytes": bytes}[name]
            if not isinstance(value, wanted):
                raise _refuse(shape, where, f"{value!r} is no {wanted.__name__}")
            if isinstance(value, str):
                try:
                    value.encode()
                except UnicodeEncodeError:
                    raise _refuse(shape, where, "the text holds a lone surrogate, which UTF-8 cannot carry") from None
        case "F32" | "F64":
            if not isinstance(value, int | float):
                raise _refuse(shape, where, f"{value!r} is no number")
        case _:
            if not isinstance(value, int):
                raise _refuse(shape, where, f"{value!r} is no integer")
            bits = int(name[1:])
            low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if name[0] == "I" else (0, (1 << bits) - 1)
            if not low <= value <= high:
                raise _refuse(shape, where, f"{value} is not between {low} and {high}")


def _check_record(shape: Record, value: Any, where: str) -> None:
    if shape.cls is None:
        if not isinstance(value, list | tuple) or len(value) != len(shape.fields):
            raise _refuse(shape, where, f"{value!r} is no sequence of {len(shape.fields)} values")
        for position, (field, item) in enumerate(zip(shape.fields, value, strict=True)):
            _check(field, item, f"{where}[{position}]")
        return
    for name, field in zip(shape.names, shape.fields, strict=True):
        assert name is not None
        if not hasattr(value, name):
            raise _refuse(shape, where, f"{value!r} has no {name}")
        _check(field, getattr(value, name), f"{where}.{name}")
