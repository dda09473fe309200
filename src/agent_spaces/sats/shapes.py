"""Shapes: an algebraic type together with the Python classes its values have. Codecs are generated from them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

from agent_spaces.errors import DefinitionError
from agent_spaces.sats import types
from agent_spaces.sats.special import ConnectionId, Identity, TimeDuration, Timestamp, Uuid
from agent_spaces.sats.types import AlgebraicType, Array, Element, Primitive, Product, Sum, Variant


@dataclass(frozen=True, slots=True)
class Scalar:
    """A primitive by its name in SATS, or `Bytes`."""

    name: str


@dataclass(frozen=True, slots=True)
class Special:
    """Identity, ConnectionId, Uuid, Timestamp or TimeDuration."""

    cls: type[Any]


@dataclass(frozen=True, slots=True)
class Enumeration:
    """A sum of unit variants whose values are members of an IntEnum."""

    cls: type[IntEnum]


@dataclass(frozen=True, slots=True)
class Option:
    """None or a value; a `Some` where the inner shape is an option too."""

    inner: "Shape"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Interval or Time."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of anything but u8."""

    element: "Shape"


@dataclass(frozen=True, slots=True)
class Record:
    """A product: values are instances of `cls`, or tuples if it is None."""

    cls: type[Any] | None
    names: tuple[str | None, ...]
    fields: tuple["Shape", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any other sum: values are SumValue."""

    names: tuple[str | None, ...]
    variants: tuple["Shape", ...]


Shape = Scalar | Special | Enumeration | Option | Schedule | ListOf | Record | Choice
Named = Callable[[type[Any]], AlgebraicType | None]

SPECIAL_TYPES: dict[type[Any], Product] = {
    Identity: types.IDENTITY,
    ConnectionId: types.CONNECTION_ID,
    Uuid: types.UUID,
    Timestamp: types.TIMESTAMP,
    TimeDuration: types.TIME_DURATION,
}
WIRE_BYTES: dict[type[Any], int] = {cls: cls.size for cls in (Identity, ConnectionId, Uuid)}
_SPECIAL_CLASSES = {product: cls for cls, product in SPECIAL_TYPES.items()}
SCALAR_SIZES = {"Bool": 1, "String": 4, "Bytes": 4, "F32": 4, "F64": 8} | {
    f"{sign}{bits}": bits // 8 for sign in "IU" for bits in (8, 16, 32, 64, 128, 256)
}


def variant_name(member: str) -> str:
    """Return the published name of an enum member: AGENT_LOG is agentLog."""
    first, *rest = member.lower().split("_")
    return first + "".join(word.capitalize() for word in rest)


@lru_cache(maxsize=4096)
def shape_of_type(t: AlgebraicType) -> Shape:
    """Return the shape for a bare type; it must hold no Ref (see `types.inline`)."""
    return _shape(types.inline(t))


def _shape(t: AlgebraicType) -> Shape:
    match t:
        case Primitive(name):
            if name not in types.PRIMITIVES:
                raise DefinitionError(f"There is no primitive type {name}.")
            return Scalar(name)
        case Array(Primitive("U8")):
            return Scalar("Bytes")
        case Array(element):
            return ListOf(_shape(element))
        case Product(elements):
            if t in _SPECIAL_CLASSES:
                return Special(_SPECIAL_CLASSES[t])
            return Record(None, tuple(e.name for e in elements), tuple(_shape(e.type) for e in elements))
        case Sum(variants):
            if types.is_option(t):
                return Option(_shape(variants[0].type))
            if t == types.SCHEDULE_AT:
                return Schedule()
            return Choice(tuple(v.name for v in variants), tuple(_shape(v.type) for v in variants))
    raise AssertionError(t)


def type_of_shape(shape: Shape, named: Named | None = None) -> AlgebraicType:
    """Return the algebraic type of a shape.

    `named` is asked for every enum and struct class that is met; what it returns stands for the class, and None
    means that the class is written out in place.
    """
    match shape:
        case Scalar("Bytes"):
            return types.BYTES
        case Scalar(name):
            return types.PRIMITIVES[name]
        case Special(cls):
            return SPECIAL_TYPES[cls]
        case Option(inner):
            return types.option_of(type_of_shape(inner, named))
        case Schedule():
            return types.SCHEDULE_AT
        case ListOf(element):
            return Array(type_of_shape(element, named))
        case Choice(names, variants):
            pairs = zip(names, variants, strict=True)
            return Sum(tuple(Variant(name, type_of_shape(variant, named)) for name, variant in pairs))
        case Enumeration(cls) | Record(cls, _, _):
            known = named(cls) if named is not None and cls is not None else None
            return written_out(shape, named) if known is None else known


def written_out(shape: Enumeration | Record, named: Named | None) -> AlgebraicType:
    """Return the type of an enum or struct in place; `named` is asked for what stands inside only."""
    if isinstance(shape, Enumeration):
        return Sum(tuple(Variant(variant_name(member.name), types.UNIT) for member in shape.cls))
    pairs = zip(shape.names, shape.fields, strict=True)
    return Product(tuple(Element(name, type_of_shape(field, named)) for name, field in pairs))


def depth_of(shape: Shape) -> int:
    """Return how many levels of types stand inside each other."""
    match shape:
        case Option(inner) | ListOf(inner):
            return 1 + depth_of(inner)
        case Record(_, _, parts) | Choice(_, parts):
            return 1 + max(map(depth_of, parts), default=0)
        case _:
            return 1


@lru_cache(maxsize=4096)
def size_min(shape: Shape) -> int:
    """Return the least number of bytes a value takes."""
    match shape:
        case Scalar(name):
            return SCALAR_SIZES[name]
        case Special(cls):
            return WIRE_BYTES.get(cls, 8)
        case Enumeration() | Option():
            return 1
        case Schedule():
            return 9
        case ListOf():
            return 4
        case Record(_, _, fields):
            return sum(map(size_min, fields))
        case Choice(_, variants):
            return 1 + min(map(size_min, variants), default=0)


def name_of(shape: Shape) -> str:
    """Return what error texts call the shape: u64, Message, option and so on."""
    match shape:
        case Scalar(name):
            return name.lower()
        case Special(cls) | Enumeration(cls):
            return cls.__name__
        case Record(cls, _, _):
            return "product" if cls is None else cls.__name__
        case Schedule():
            return "ScheduleAt"
        case Option():
            return "option"
        case ListOf():
            return "array"
        case Choice():
            return "sum"
