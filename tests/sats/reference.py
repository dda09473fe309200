"""A second BSATN, plain and recursive over the bare type, that the generated code is compared with."""

import struct
from enum import IntEnum
from typing import Any

import msgspec

from agent_spaces.sats import Interval, Some, SumValue, Time, types
from agent_spaces.sats.floats import f32_from_bits, f32_to_bits
from agent_spaces.sats.special import ConnectionId, Identity, TimeDuration, Timestamp, Uuid
from agent_spaces.sats.types import AlgebraicType, Array, Primitive, Product, Sum

NUMBERS = (Timestamp, TimeDuration)
SPECIAL = {
    types.IDENTITY: Identity,
    types.CONNECTION_ID: ConnectionId,
    types.UUID: Uuid,
    types.TIMESTAMP: Timestamp,
    types.TIME_DURATION: TimeDuration,
}


class MalformedError(Exception):
    """Bytes that are no value of the type."""


def plain(value: Any) -> Any:
    """Turn rows into tuples and enum members into SumValue, as bare types have them."""
    match value:
        case msgspec.Struct():
            return tuple(plain(getattr(value, name)) for name in value.__struct_fields__)
        case IntEnum():
            return SumValue(int(value), ())
        case list():
            return [plain(item) for item in value]
        case tuple():
            return tuple(plain(item) for item in value)
        case Some(inner):
            return Some(plain(inner))
    return value


def write(t: AlgebraicType, value: Any) -> bytes:
    """Encode a value of a bare type."""
    match t:
        case Primitive("Bool"):
            return b"\1" if value else b"\0"
        case Primitive("String"):
            return write(types.BYTES, value.encode())
        case Primitive("F32"):
            return f32_to_bits(value).to_bytes(4, "little")
        case Primitive("F64"):
            return struct.pack("<d", value)
        case Primitive(name):
            return int(value).to_bytes(int(name[1:]) // 8, "little", signed=name[0] == "I")
        case Array(Primitive("U8")):
            return len(value).to_bytes(4, "little") + value
        case Array(element):
            return len(value).to_bytes(4, "little") + b"".join(write(element, item) for item in value)
        case Product(elements):
            if t in SPECIAL:
                return write(elements[0].type, value if isinstance(value, int) else int.from_bytes(value, "little"))
            return b"".join(write(e.type, item) for e, item in zip(elements, value, strict=True))
        case Sum(variants):
            if types.is_option(t):
                if value is None:
                    return b"\1"
                return b"\0" + write(variants[0].type, value.value if types.is_option(variants[0].type) else value)
            if t == types.SCHEDULE_AT:
                interval = isinstance(value, Interval)
                return (b"\0" if interval else b"\1") + write(types.I64, value.duration if interval else value.at)
            return bytes([value.tag]) + write(variants[value.tag].type, value.value)
    raise AssertionError(t)


def take(data: bytes, offset: int, size: int) -> tuple[bytes, int]:
    """Return the next bytes and the offset behind them."""
    if size > len(data) - offset:
        raise MalformedError
    return data[offset : offset + size], offset + size


def read(t: AlgebraicType, data: bytes, offset: int) -> tuple[Any, int]:
    """Decode a value of a bare type."""
    match t:
        case Primitive("Bool"):
            raw, offset = take(data, offset, 1)
            if raw not in {b"\0", b"\1"}:
                raise MalformedError
            return raw == b"\1", offset
        case Primitive("String"):
            raw, offset = read(types.BYTES, data, offset)
            try:
                return raw.decode(), offset
            except UnicodeDecodeError:
                raise MalformedError from None
        case Primitive("F32"):
            raw, offset = take(data, offset, 4)
            return f32_from_bits(int.from_bytes(raw, "little")), offset
        case Primitive("F64"):
            raw, offset = take(data, offset, 8)
            return struct.unpack("<d", raw)[0], offset
        case Primitive(name):
            raw, offset = take(data, offset, int(name[1:]) // 8)
            return int.from_bytes(raw, "little", signed=name[0] == "I"), offset
        case Array(element):
            return read_array(element, data, offset)
        case Product(elements):
            if t in SPECIAL:
                number, offset = read(elements[0].type, data, offset)
                return (SPECIAL[t] if SPECIAL[t] in NUMBERS else SPECIAL[t].from_int)(number), offset
            values = []
            for e in elements:
                value, offset = read(e.type, data, offset)
                values.append(value)
            return tuple(values), offset
        case Sum():
            return read_sum(t, data, offset)
    raise AssertionError(t)


def read_array(element: AlgebraicType, data: bytes, offset: int) -> tuple[Any, int]:
    count, offset = read(types.U32, data, offset)
    if element == types.U8:
        return take(data, offset, count)
    values = []
    for position in range(count):
        before = offset
        value, offset = read(element, data, offset)
        if offset == before and position == 65_536:
            raise MalformedError
        values.append(value)
    return values, offset


def read_sum(t: Sum, data: bytes, offset: int) -> tuple[Any, int]:
    raw, offset = take(data, offset, 1)
    tag = raw[0]
    if tag >= len(t.variants):
        raise MalformedError
    inner = t.variants[tag].type
    value, offset = read(inner, data, offset)
    if types.is_option(t):
        if tag == 1:
            return None, offset
        return (Some(value) if types.is_option(inner) else value), offset
    if t == types.SCHEDULE_AT:
        return (Interval, Time)[tag](value), offset
    return SumValue(tag, value), offset
