"""From Python annotations to algebraic types: `u64 | None` is an option of U64, a struct class is a product."""

import types as python_types
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from agent_spaces.errors import DefinitionError
from agent_spaces.sats import types
from agent_spaces.sats.shapes import (
    SPECIAL_TYPES,
    Enumeration,
    ListOf,
    Named,
    Option,
    Record,
    Scalar,
    Schedule,
    Shape,
    Special,
    depth_of,
    shape_of_type,
    type_of_shape,
    written_out,
)
from agent_spaces.sats.special import Interval, Time
from agent_spaces.sats.types import AlgebraicType, Array, Element, Primitive, Product, Ref, Sum
from agent_spaces.sats.values import Some

_SIMPLE = {bool: "Bool", str: "String", bytes: "Bytes"}


@lru_cache(maxsize=4096)
def shape_of(annotation: Any) -> Shape:
    """Return the shape of an annotation, a struct class or an AlgebraicType; DefinitionError if it has none."""
    shape = _shape(annotation, ())
    if depth_of(shape) > types.TYPE_DEPTH_MAX:
        raise DefinitionError(f"{annotation} is nested deeper than {types.TYPE_DEPTH_MAX} levels.")
    return shape


def arguments_shape(pairs: Sequence[tuple[str, Any]]) -> Record:
    """Return the shape of a parameter list: a tuple of (name, annotation) pairs."""
    return Record(None, tuple(name for name, _ in pairs), tuple(shape_of(annotation) for _, annotation in pairs))


def type_of(annotation: Any, named: Named | None = None) -> AlgebraicType:
    """Return the algebraic type of an annotation, written out in place.

    With `named`, every enum and struct class is first offered to it, and what it returns (a Ref, say) stands for
    the class. DefinitionError for annotations that are no type of SpacetimeDB.
    """
    return type_of_shape(shape_of(annotation), named)


def class_type(cls: type[Any], named: Named | None = None) -> AlgebraicType:
    """Return the type of an enum or struct class itself; `named` is asked only for the classes inside it."""
    annotation: Any = cls
    shape = shape_of(annotation)
    if not isinstance(shape, Enumeration | Record):
        raise DefinitionError(f"{cls} is neither an enum nor a struct.")
    return written_out(shape, named)


def product_of(pairs: Sequence[tuple[str, Any]], named: Named | None = None) -> Product:
    """Return the product of a parameter list or of columns: (name, annotation) pairs."""
    return Product(tuple(Element(name, type_of(annotation, named)) for name, annotation in pairs))


def _shape(annotation: Any, inside: tuple[type[Any], ...]) -> Shape:
    if isinstance(annotation, Primitive | Array | Product | Sum | Ref):
        return shape_of_type(annotation)
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        base, *marks = args
        given = next((mark for mark in marks if isinstance(mark, Primitive | Array | Product | Sum)), None)
        return _shape(base, inside) if given is None else shape_of_type(given)
    if origin is Union or origin is python_types.UnionType:
        return _union(annotation, args, inside)
    if origin is list:
        element = _shape(args[0], inside)
        if element == Scalar("U8"):
            raise DefinitionError("An array of u8 is written as bytes, not as list[u8].")
        return ListOf(element)
    if isinstance(annotation, type):
        return _class(annotation, inside)
    raise DefinitionError(f"{annotation} is no type of SpacetimeDB.")


def _union(annotation: Any, args: tuple[Any, ...], inside: tuple[type[Any], ...]) -> Shape:
    if set(args) == {Interval, Time}:
        return Schedule()
    rest = [arg for arg in args if arg is not type(None)]
    if set(rest) == {Interval, Time}:
        return Option(Schedule())
    if len(rest) != 1 or len(rest) == len(args):
        raise DefinitionError(f"{annotation} is no type of SpacetimeDB: a union may only be `T | None`.")
    if get_origin(rest[0]) is not Some:
        return Option(_shape(rest[0], inside))
    inner = _shape(get_args(rest[0])[0], inside)
    if not isinstance(inner, Option):
        raise DefinitionError(f"{annotation}: Some[…] is only for an option inside an option.")
    return Option(inner)


def _class(cls: type[Any], inside: tuple[type[Any], ...]) -> Shape:
    if cls in _SIMPLE:
        return Scalar(_SIMPLE[cls])
    if cls in SPECIAL_TYPES:
        return Special(cls)
    if cls in inside:
        raise DefinitionError(f"{cls.__name__} contains itself.")
    if issubclass(cls, IntEnum):
        if [int(member) for member in cls] != list(range(len(cls))) or not 0 < len(cls) <= types.VARIANTS_MAX:
            raise DefinitionError(f"The members of {cls.__name__} must be numbered 0, 1, 2, … (at most 256).")
        return Enumeration(cls)
    if issubclass(cls, msgspec.Struct):
        fields = msgspec.structs.fields(cls)
        shapes = tuple(_shape(field.type, (*inside, cls)) for field in fields)
        return Record(cls, tuple(field.name for field in fields), shapes)
    hint = {int: "say which: u64, i32, …", float: "say which: f32 or f64"}.get(cls, "it is neither enum nor struct")
    raise DefinitionError(f"{cls.__name__} is no type of SpacetimeDB: {hint}.")
