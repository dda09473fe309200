"""Hypothesis strategies for types of SpacetimeDB and for their values."""

import struct
from functools import partial
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from agent_spaces.sats import types
from agent_spaces.sats.floats import f32_from_bits
from agent_spaces.sats.mapping import shape_of
from agent_spaces.sats.shapes import (
    SPECIAL_TYPES,
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
)
from agent_spaces.sats.special import Interval, Time, TimeDuration, Timestamp
from agent_spaces.sats.types import AlgebraicType, Array, Element, Product, Sum, Variant
from agent_spaces.sats.values import Some, SumValue

_NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
_LEAVES: SearchStrategy[AlgebraicType] = st.sampled_from(
    [*types.PRIMITIVES.values(), types.BYTES, types.UNIT, types.SCHEDULE_AT, *SPECIAL_TYPES.values()]
)
_MICROS = st.integers(-(2**63), 2**63 - 1)


def _products(inner: SearchStrategy[AlgebraicType]) -> SearchStrategy[AlgebraicType]:
    named = st.lists(st.tuples(_NAMES, inner), max_size=7, unique_by=lambda pair: pair[0])
    unnamed = st.lists(st.tuples(st.none(), inner), max_size=3)
    return (named | unnamed).map(lambda pairs: Product(tuple(Element(name, t) for name, t in pairs)))


def _sums(inner: SearchStrategy[AlgebraicType]) -> SearchStrategy[AlgebraicType]:
    named = st.lists(st.tuples(_NAMES, inner | st.just(types.UNIT)), min_size=1, max_size=4, unique_by=lambda p: p[0])
    return named.map(lambda pairs: Sum(tuple(Variant(name, t) for name, t in pairs)))


def _branches(inner: SearchStrategy[AlgebraicType]) -> SearchStrategy[AlgebraicType]:
    results = st.builds(types.result_of, inner, inner)
    return st.one_of(inner.map(types.option_of), _products(inner), inner.map(Array), _sums(inner), results)


def algebraic_types(leaves_max: int = 12) -> SearchStrategy[AlgebraicType]:
    """Give types without Refs: primitives, special types, options, products, sums and arrays of them."""
    return st.recursive(_LEAVES, _branches, max_leaves=leaves_max)


def types_and_values(leaves_max: int = 12) -> SearchStrategy[tuple[AlgebraicType, Any]]:
    """Give pairs of a type and a value of it."""
    return algebraic_types(leaves_max).flatmap(lambda t: st.tuples(st.just(t), values_of(t)))


def values_of(annotation_or_type: Any) -> SearchStrategy[Any]:
    """Give values of an annotation, of a row or enum class, or of an AlgebraicType; floats include NaN and -0."""
    return _values(shape_of(annotation_or_type))


def _values(shape: Shape) -> SearchStrategy[Any]:
    match shape:
        case Scalar(name):
            return _scalars(name)
        case Special(cls):
            if cls in WIRE_BYTES:
                return st.binary(min_size=WIRE_BYTES[cls], max_size=WIRE_BYTES[cls]).map(cls)
            return _MICROS.map(cls)
        case Enumeration(cls):
            return st.sampled_from(list(cls))
        case Option(inner):
            some = _values(inner)
            return st.none() | (some.map(Some) if isinstance(inner, Option) else some)
        case Schedule():
            return _MICROS.map(TimeDuration).map(Interval) | _MICROS.map(Timestamp).map(Time)
        case ListOf(element):
            return st.lists(_values(element), max_size=4)
        case Record(cls, _, fields):
            values = st.tuples(*map(_values, fields))
            return values if cls is None else values.map(partial(_make, cls))
        case Choice(_, variants):
            if not variants:
                return st.nothing()
            return st.one_of(
                [_values(variant).map(partial(SumValue, tag)) for tag, variant in enumerate(variants)],
            )


def _make(cls: type[Any], values: tuple[Any, ...]) -> Any:
    return cls(*values)


def _scalars(name: str) -> SearchStrategy[Any]:
    match name:
        case "Bool":
            return st.booleans()
        case "String":
            return st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
        case "Bytes":
            return st.binary(max_size=20)
        case "F32":
            return st.integers(0, 2**32 - 1).map(f32_from_bits) | st.floats(width=32)
        case "F64":
            return st.binary(min_size=8, max_size=8).map(lambda raw: struct.unpack("<d", raw)[0]) | st.floats()
    bits = int(name[1:])
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if name[0] == "I" else (0, (1 << bits) - 1)
    return st.integers(low, high) | st.sampled_from([low, high])
