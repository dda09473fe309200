"""Column values as SQLite keeps them, readable for people, and back without loss. Pure.

Whole numbers up to 64 bits are INTEGER (a u64 from 2^63 on as its negative two's complement), wider ones TEXT; floats
REAL (what SQLite cannot keep, NaN and -0.0, as TEXT); identities, connection ids and UUIDs TEXT, as they are printed;
times INTEGER microseconds; enums TEXT, by name; an option NULL or its value. Everything else is JSON text, or its BSATN
as BLOB where floats are in it, which JSON would not keep exactly.
"""

import json
import math
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache
from typing import Any

from agent_spaces.sats.bsatn import decoder_for_type, encoder_for_type
from agent_spaces.sats.json import json_reader, json_writer
from agent_spaces.sats.mapping import shape_of
from agent_spaces.sats.shapes import (
    WIRE_BYTES,
    Choice,
    Enumeration,
    ListOf,
    Option,
    Record,
    Scalar,
    Shape,
    Special,
    type_of_shape,
    variant_name,
)
from agent_spaces.sats.special import Uuid
from agent_spaces.sats.values import SumValue

_NARROW = {f"{sign}{bits}" for sign in "IU" for bits in (8, 16, 32)} | {"I64", "Bool"}
_SHARED = {"I64", "U64", "String"}
_AS_TEXT = {"minus zero": -0.0, "not a number": math.nan}
_IDENTITIES_MAX = 1 << 17


def sql_type(shape: Shape) -> str:
    """Return the SQLite type of a column."""
    match shape:
        case Scalar("F32" | "F64"):
            return "REAL"
        case Scalar("Bytes"):
            return "BLOB"
        case Scalar(name) if name in _NARROW or name == "U64":
            return "INTEGER"
        case Special(cls) if cls not in WIRE_BYTES:
            return "INTEGER"
        case Option(inner) if not isinstance(inner, Option):
            return sql_type(inner)
    return "BLOB" if _is_nested(shape) and _has_floats(shape) else "TEXT"


def is_row_number(shape: Shape) -> bool:
    """Whether a primary key of this shape can be SQLite's own row number."""
    return sql_type(shape) == "INTEGER" and not isinstance(shape, Option)


def _names(shape: Shape) -> list[str] | None:
    """Return the names of an enum's variants, or None if the shape is no enum."""
    match shape:
        case Enumeration(cls):
            return [variant_name(member.name) for member in cls]
        case Choice(names, variants) if all(v == Record(None, (), ()) for v in variants) and None not in names:
            found = [str(name) for name in names]
            return found if len(set(found)) == len(found) else None
    return None


def _is_nested(shape: Shape) -> bool:
    return not isinstance(shape, Scalar | Special) and _names(shape) is None


def _has_floats(shape: Shape) -> bool:
    match shape:
        case Scalar(name):
            return name in ("F32", "F64")
        case Option(inner) | ListOf(inner):
            return _has_floats(inner)
        case Record(_, _, parts) | Choice(_, parts):
            return any(map(_has_floats, parts))
    return False


def _write_float(value: float) -> float | str:
    if math.isnan(value):
        return "not a number"
    return "minus zero" if value == 0 and math.copysign(1, value) < 0 else float(value)


def _read_float(value: float | str) -> float:
    return _AS_TEXT[value] if isinstance(value, str) else float(value)


class _Source:
    """Collects the names that generated expressions use."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"_write_float": _write_float, "_read_float": _read_float}

    def name(self, value: Any) -> str:
        """Return a name for a value."""
        name = f"_{len(self.names)}"
        self.names[name] = value
        return name

    def write(self, shape: Shape, v: str) -> str:
        """Return the expression that makes the SQLite value of `v`."""
        match shape:
            case Scalar("U64"):
                return f"({v} if {v} < 0x8000000000000000 else {v} - 0x10000000000000000)"
            case Scalar("F32" | "F64"):
                return f"_write_float({v})"
            case Scalar(name) if name in _NARROW or name in ("String", "Bytes"):
                return v
            case Scalar():
                return f"str({v})"
            case Special(cls) if cls in WIRE_BYTES:
                return f"{self.name(lru_cache(_IDENTITIES_MAX)(str))}({v})"
            case Special():
                return v
            case Enumeration():
                return f"{self.name(_names(shape))}[{v}]"
            case Choice() if (names := _names(shape)) is not None:
                return f"{self.name(names)}[{v}.tag]"
            case Option(inner) if not isinstance(inner, Option):
                return f"(None if {v} is None else {self.write(inner, v)})"
        if _has_floats(shape):
            return f"{self.name(encoder_for_type(type_of_shape(shape)))}({v})"
        writer = json_writer(_as_annotation(shape))
        return f"{self.name(lambda value: json.dumps(writer(value), ensure_ascii=False))}({v})"

    def read(self, shape: Shape, v: str) -> str:
        """Return the expression that makes the value of a SQLite value `v`."""
        match shape:
            case Scalar("Bool"):
                return f"({v} != 0)"
            case Scalar("U64"):
                return f"({v} if {v} >= 0 else {v} + 0x10000000000000000)"
            case Scalar("F32" | "F64"):
                return f"_read_float({v})"
            case Scalar(name) if name in _NARROW or name in ("String", "Bytes"):
                return v
            case Scalar():
                return f"int({v})"
            case Special(cls) if cls in WIRE_BYTES:
                return f"{self.name(_Interned(Uuid.from_text if cls is Uuid else cls.from_hex))}[{v}]"
            case Special(cls):
                return f"{self.name(cls)}({v})"
            case Enumeration(cls):
                return f"{self.name({variant_name(member.name): member for member in cls})}[{v}]"
            case Choice() if (names := _names(shape)) is not None:
                return f"{self.name({name: SumValue(tag) for tag, name in enumerate(names)})}[{v}]"
            case Option(inner) if not isinstance(inner, Option):
                return f"(None if {v} is None else {self.read(inner, v)})"
        if _has_floats(shape):
            decode = decoder_for_type(type_of_shape(shape))
            return f"{self.name(lambda data: decode(data, 0)[0])}({v})"
        reader = json_reader(_as_annotation(shape))
        return f"{self.name(lambda text: reader(json.loads(text)))}({v})"


def _as_annotation(shape: Shape) -> Any:
    """Return something that the JSON codec takes for the shape, with its Python classes."""
    match shape:
        case ListOf(element):
            return list[_as_annotation(element)]  # type: ignore[misc]  # an annotation made at run time
        case Record(cls, _, _) if cls is not None:
            return cls
        case Enumeration(cls) | Special(cls):
            return cls
        case Option(inner) if not isinstance(inner, Option):
            return _as_annotation(inner) | None
    return type_of_shape(shape)


class _Interned(dict[str, Any]):
    """One object for each text: a million messages of a hundred senders hold a hundred identities."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, text: str) -> Any:
        value = self[text] = self._make(text)
        return value


def row_writer(annotations_or_types: Iterable[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return the function that makes a tuple of SQLite values of a sequence of column values."""
    source, shapes = _Source(), [shape_of(each) for each in annotations_or_types]
    variables = "".join(f"c{i}, " for i in range(len(shapes)))
    values = "".join(f"{source.write(shape, f'c{i}')}, " for i, shape in enumerate(shapes))
    exec(f"def write(row):\n    {variables}= row\n    return ({values})", source.names)  # the module docstring of bsatn
    writer: Callable[[Any], tuple[Any, ...]] = source.names["write"]
    return writer


def rows_reader(
    row_class: type[Any] | None,
    annotations_or_types: Iterable[Any],
    shared: dict[Any, Any] | None = None,
    repeating: Collection[int] = (),
) -> Callable[[Iterable[Any]], list[Any]]:
    """Return the function that makes a list of rows (tuples without a class) of rows of SQLite values.

    Equal numbers and strings in the columns at the positions `repeating` become one object, kept in `shared`.
    """
    source, shapes = _Source(), [shape_of(each) for each in annotations_or_types]
    source.names["_shared"] = None if shared is None else shared.setdefault
    values = ""
    for i, shape in enumerate(shapes):
        value = source.read(shape, f"c{i}")
        is_shared = shared is not None and i in repeating and isinstance(shape, Scalar) and shape.name in _SHARED
        values += f"_shared({value}, {value}), " if is_shared else f"{value}, "
    variables = "".join(f"c{i}, " for i in range(len(shapes)))
    made = f"({values})" if row_class is None else f"{source.name(row_class)}({values})"
    exec(f"def read(rows):\n    return [{made} for {variables}in rows]", source.names)
    reader: Callable[[Iterable[Any]], list[Any]] = source.names["read"]
    return reader
