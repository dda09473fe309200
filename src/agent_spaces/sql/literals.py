"""Literals: what a piece of text means as a value of a column's type.

As on a SpacetimeDB 2.8.3 host (seen), the column decides: `5`, `'5'` and `5e0` are all fine for an integer, and an
unquoted number for a string. Only INSERT and UPDATE tell a quoted text from other literals.
"""

import re
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from agent_spaces.errors import SqlError
from agent_spaces.sats import types
from agent_spaces.sats.special import ConnectionId, Identity, Timestamp, Uuid
from agent_spaces.sats.types import AlgebraicType, Array, Primitive, Product, Ref, Sum
from agent_spaces.sql.syntax import Value

DIGITS_MAX = 80  # of an integer written with an exponent: 2**256 has 78

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32}", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def type_text(t: AlgebraicType) -> str:
    """Return a type as error texts write it: `U64`, `Array<U8>`, `(some: String | none: ())`."""
    match t:
        case Primitive(name):
            return name
        case Array(element):
            return f"Array<{type_text(element)}>"
        case Product(elements):
            return "(" + ", ".join(_field(element.name, element.type) for element in elements) + ")"
        case Sum(variants):
            return "(" + " | ".join(_field(variant.name, variant.type) for variant in variants) + ")"
        case Ref(number):
            return f"&{number}"


def _field(name: str | None, t: AlgebraicType) -> str:
    return type_text(t) if name is None else f"{name}: {type_text(t)}"


def _decimal(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return Decimal(text)


def _integer(name: str) -> Callable[[str], int]:
    bits = int(name[1:])
    low, high = (0, 2**bits - 1) if name[0] == "U" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)

    def parse(text: str) -> int:
        number = _decimal(text)
        if number.adjusted() > DIGITS_MAX or number != number.to_integral_value():
            raise ValueError(text)
        value = int(number)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse


def _f64(text: str) -> float:
    value = float(_decimal(text))
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


def _f32(text: str) -> float:
    try:
        (value,) = struct.unpack("<f", struct.pack("<f", _f64(text)))
    except OverflowError as error:
        raise ValueError(text) from error
    return float(value)


def _hex_digits(text: str) -> bytes:
    digits = text.removeprefix("0x")
    if not digits.isascii() or any(character.isspace() for character in digits):
        raise ValueError(text)
    return bytes.fromhex(digits)


def _identity(text: str) -> Identity:
    return Identity(_hex_digits(text)[::-1])


def _connection_id(text: str) -> ConnectionId:
    return ConnectionId(_hex_digits(text)[::-1])


def _uuid(text: str) -> Uuid:
    if not _UUID.fullmatch(text):
        raise ValueError(text)
    return Uuid.from_text(text)


def _timestamp(text: str) -> Timestamp:
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
    offset = timedelta(hours=int(match[9] or 0), minutes=int(match[10] or 0))
    zone = timezone(-offset if match[8] == "-" else offset)
    leap = second == 60  # a leap second is the last second, one longer
    moment = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=zone)
    whole = (moment - _EPOCH) // timedelta(seconds=1) + leap
    return Timestamp(whole * 1_000_000 + int((match[7] or "")[:6].ljust(6, "0")))


_PARSERS: dict[AlgebraicType, Callable[[str], Any]] = {
    types.STRING: str,
    types.F32: _f32,
    types.F64: _f64,
    types.BYTES: _hex_digits,
    types.IDENTITY: _identity,
    types.CONNECTION_ID: _connection_id,
    types.UUID: _uuid,
    types.TIMESTAMP: _timestamp,
    **{primitive: _integer(name) for name, primitive in types.PRIMITIVES.items() if name[0] in "IU"},
}


def is_comparable(t: AlgebraicType) -> bool:
    """Tell whether columns of this type can stand in a comparison."""
    return t in _PARSERS or t == types.BOOL


def unexpected_type(expected: AlgebraicType, inferred: AlgebraicType) -> SqlError:
    """Return the error for two types that are to be equal."""
    return SqlError(f"Unexpected type: (expected) {type_text(expected)} != {type_text(inferred)} (inferred)")


def read(text: str, t: AlgebraicType) -> Any:
    """Return what the text of a literal means for a column of type `t`; SqlError if nothing."""
    try:
        return _PARSERS[t](text)
    except (KeyError, ValueError, OverflowError):
        raise SqlError(f"The literal expression `{text}` cannot be parsed as type `{type_text(t)}`") from None


def compared(value: Value, t: AlgebraicType) -> Any:
    """Return the value of a literal that is compared with a column of type `t`; SqlError if it has none."""
    if value.kind != "bool":
        return read(value.text, t)
    if t != types.BOOL:
        raise unexpected_type(types.BOOL, t)
    return value.text == "true"


def written(value: Value, t: AlgebraicType) -> Any:
    """Return the value of a literal that INSERT or UPDATE puts into a column of type `t`; SqlError if it has none.

    Stricter than a comparison: quoted text is for strings only, so SQL writes no Timestamp.
    """
    if value.kind == "string" and t != types.STRING:
        raise unexpected_type(types.STRING, t)
    return compared(value, t)
