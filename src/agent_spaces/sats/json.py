"""SATS-JSON, the form of values in HTTP: written as rows (form A) or with names (form B), read in either.

Both sides work on what Python's `json` module gives and takes; integers of any size stay exact there. Error texts are
those of SpacetimeDB 2.8.3 (seen) up to the position in the text, which is not known here.
Vectors: vectors/golden/bsatn-values.json
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from agent_spaces.errors import JsonError
from agent_spaces.sats.json_read import Reader, read_arguments, reader_of
from agent_spaces.sats.json_write import Form, Writer, writer_of
from agent_spaces.sats.mapping import arguments_shape, shape_of
from agent_spaces.sats.types import (
    PRIMITIVES,
    TYPE_DEPTH_MAX,
    AlgebraicType,
    Array,
    Element,
    Primitive,
    Product,
    Ref,
    Sum,
    Variant,
)

__all__ = [
    "Form",
    "JsonError",
    "Reader",
    "Writer",
    "arguments_from_json",
    "from_json",
    "json_reader",
    "json_writer",
    "to_json",
    "type_from_json",
    "type_to_json",
]


@lru_cache(maxsize=4096)
def json_writer(annotation_or_type: Any, form: Form = "row") -> Writer:
    """Return the function that turns a value into what `json.dumps` takes, with allow_nan=False."""
    return writer_of(shape_of(annotation_or_type), form)


@lru_cache(maxsize=4096)
def json_reader(annotation_or_type: Any) -> Reader:
    """Return the function that turns what `json.loads` gives into a value; it raises JsonError."""
    return reader_of(shape_of(annotation_or_type))


def to_json(annotation_or_type: Any, value: Any, form: Form = "row") -> Any:
    """Return a value as JSON data: `row` is arrays and tags, `named` is objects and variant names.

    The value must fit the type. Floats that are not finite become null. Struct fields keep their order.
    """
    return json_writer(annotation_or_type, form)(value)


def from_json(annotation_or_type: Any, data: Any) -> Any:
    """Return the value that JSON data holds, in either form; JsonError with the path of what does not fit."""
    return json_reader(annotation_or_type)(data)


def arguments_from_json(reducer: str, parameters: Sequence[tuple[str, Any]], data: Any) -> tuple[Any, ...]:
    """Return the arguments of a call from a JSON array, or from an object by parameter names; JsonError otherwise."""
    return read_arguments(reducer, arguments_shape(parameters), data)


def type_to_json(t: AlgebraicType) -> dict[str, Any]:
    """Return a type in the notation of /schema and /sql: `{"U64": []}`, `{"Ref": 3}`, …."""
    match t:
        case Primitive(name):
            return {name: []}
        case Array(element):
            return {"Array": type_to_json(element)}
        case Product(elements):
            return {"Product": {"elements": [_entry_to_json(element) for element in elements]}}
        case Sum(variants):
            return {"Sum": {"variants": [_entry_to_json(variant) for variant in variants]}}
        case Ref(number):
            return {"Ref": number}


def _entry_to_json(entry: Element | Variant) -> dict[str, Any]:
    name: dict[str, Any] = {"none": []} if entry.name is None else {"some": entry.name}
    return {"name": name, "algebraic_type": type_to_json(entry.type)}


def type_from_json(data: Any, depth: int = 0) -> AlgebraicType:
    """Return the type that the notation stands for; JsonError if it is none, or nested too deep."""
    if depth > TYPE_DEPTH_MAX:
        raise JsonError(".", f"types are nested deeper than {TYPE_DEPTH_MAX} levels")
    match data:
        case {"Array": element, **rest} if not rest:
            return Array(type_from_json(element, depth + 1))
        case {"Product": {"elements": [*entries]}, **rest} if not rest:
            return Product(tuple(_entry_from_json(Element, entry, depth) for entry in entries))
        case {"Sum": {"variants": [*entries]}, **rest} if not rest:
            return Sum(tuple(_entry_from_json(Variant, entry, depth) for entry in entries))
        case {"Ref": int(number), **rest} if not rest and not isinstance(number, bool) and number >= 0:
            return Ref(number)
        case dict() if len(data) == 1:
            name, payload = next(iter(data.items()))
            if name in PRIMITIVES and payload in ([], {}):
                return PRIMITIVES[name]
    raise JsonError(".", f"this is no type: {str(data)[:100]}")


def _entry_from_json(make: Callable[[str | None, AlgebraicType], Any], data: Any, depth: int) -> Any:
    match data:
        case {"name": None | {"none": [] | {}}, "algebraic_type": inner}:
            return make(None, type_from_json(inner, depth + 1))
        case {"name": {"some": str(name)}, "algebraic_type": inner}:
            return make(name, type_from_json(inner, depth + 1))
    raise JsonError(".", f"this is no element or variant of a type: {str(data)[:100]}")
