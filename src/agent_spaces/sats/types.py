"""AlgebraicType: what a value looks like on the wire, without any Python class.

Special types (Identity, Timestamp, options, …) are ordinary products and sums that are recognised by exact names.
Source: wire facts of SpacetimeDB 2.8.3; vectors/golden/bsatn-values.json.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agent_spaces.errors import DefinitionError
from agent_spaces.sats.annotations import Primitive

__all__ = [
    "BOOL",
    "BYTES",
    "CONNECTION_ID",
    "F32",
    "F64",
    "I8",
    "I16",
    "I32",
    "I64",
    "I128",
    "I256",
    "IDENTITY",
    "PRIMITIVES",
    "SCHEDULE_AT",
    "STRING",
    "TIMESTAMP",
    "TIME_DURATION",
    "TYPE_DEPTH_MAX",
    "U8",
    "U16",
    "U32",
    "U64",
    "U128",
    "U256",
    "UNIT",
    "UUID",
    "VARIANTS_MAX",
    "AlgebraicType",
    "Array",
    "Element",
    "Primitive",
    "Product",
    "Ref",
    "Sum",
    "Variant",
    "inline",
    "is_option",
    "is_result",
    "is_unit_sum",
    "option_of",
    "result_of",
]

TYPE_DEPTH_MAX = 64
VARIANTS_MAX = 256


@dataclass(frozen=True, slots=True)
class Array:
    """A list; an array of U8 is bytes."""

    element: "AlgebraicType"


@dataclass(frozen=True, slots=True)
class Element:
    """One field of a product; tuples have fields without names."""

    name: str | None
    type: "AlgebraicType"


@dataclass(frozen=True, slots=True)
class Product:
    """A struct or tuple: its fields one after the other."""

    elements: tuple[Element, ...] = ()


@dataclass(frozen=True, slots=True)
class Variant:
    """One alternative of a sum."""

    name: str | None
    type: "AlgebraicType"


@dataclass(frozen=True, slots=True)
class Sum:
    """An enum: a tag, which is the position of the variant, and that variant's payload. At most 256 variants."""

    variants: tuple[Variant, ...] = ()


@dataclass(frozen=True, slots=True)
class Ref:
    """The type with this number in the typespace of a schema."""

    number: int


AlgebraicType = Primitive | Array | Product | Sum | Ref

STRING, BOOL = Primitive("String"), Primitive("Bool")
I8, I16, I32, I64, I128, I256 = (Primitive(f"I{bits}") for bits in (8, 16, 32, 64, 128, 256))
U8, U16, U32, U64, U128, U256 = (Primitive(f"U{bits}") for bits in (8, 16, 32, 64, 128, 256))
F32, F64 = Primitive("F32"), Primitive("F64")
PRIMITIVES = {
    primitive.name: primitive
    for primitive in (STRING, BOOL, I8, U8, I16, U16, I32, U32, I64, U64, I128, U128, I256, U256, F32, F64)
}
BYTES = Array(U8)
UNIT = Product()

IDENTITY = Product((Element("__identity__", U256),))
CONNECTION_ID = Product((Element("__connection_id__", U128),))
UUID = Product((Element("__uuid__", U128),))
TIMESTAMP = Product((Element("__timestamp_micros_since_unix_epoch__", I64),))
TIME_DURATION = Product((Element("__time_duration_micros__", I64),))
SCHEDULE_AT = Sum((Variant("Interval", TIME_DURATION), Variant("Time", TIMESTAMP)))


def option_of(inner: AlgebraicType) -> Sum:
    """Return the type that holds `inner` or nothing: some is tag 0, none is tag 1."""
    return Sum((Variant("some", inner), Variant("none", UNIT)))


def result_of(ok: AlgebraicType, err: AlgebraicType) -> Sum:
    """Return the type of an outcome: ok is tag 0, err is tag 1."""
    return Sum((Variant("ok", ok), Variant("err", err)))


def is_option(t: AlgebraicType) -> bool:
    """Whether `t` is a sum of exactly some and unit none, in this order."""
    match t:
        case Sum((Variant("some", _), Variant("none", Product(())))):
            return True
    return False


def is_result(t: AlgebraicType) -> bool:
    """Whether `t` is a sum of exactly ok and err, in this order."""
    match t:
        case Sum((Variant("ok", _), Variant("err", _))):
            return True
    return False


def is_unit_sum(t: AlgebraicType) -> bool:
    """Whether `t` is a plain enum: at least one variant, and none has a payload."""
    return isinstance(t, Sum) and bool(t.variants) and all(variant.type == UNIT for variant in t.variants)


def inline(t: AlgebraicType, typespace: Sequence[AlgebraicType] = (), depth: int = 0) -> AlgebraicType:
    """Return `t` with every Ref replaced by what it names.

    DefinitionError for a Ref outside the typespace, for types that are nested deeper than TYPE_DEPTH_MAX (so for
    recursive ones), and for sums of more than VARIANTS_MAX variants.
    """
    if depth > TYPE_DEPTH_MAX:
        raise DefinitionError(f"A type is nested deeper than {TYPE_DEPTH_MAX} levels, or contains itself.")
    match t:
        case Primitive():
            return t
        case Array(element):
            return Array(inline(element, typespace, depth + 1))
        case Product(elements):
            return Product(tuple(Element(e.name, inline(e.type, typespace, depth + 1)) for e in elements))
        case Sum(variants):
            if len(variants) > VARIANTS_MAX:
                raise DefinitionError(f"A sum has {len(variants)} variants; {VARIANTS_MAX} is the most.")
            return Sum(tuple(Variant(v.name, inline(v.type, typespace, depth + 1)) for v in variants))
        case Ref(number):
            if not 0 <= number < len(typespace):
                raise DefinitionError(f"Type {number} is referred to, but there are only {len(typespace)} types.")
            return inline(typespace[number], typespace, depth + 1)
