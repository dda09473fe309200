"""Annotations of Python for a database's types, as text."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from agent_spaces.sats.shapes import SPECIAL_TYPES
from agent_spaces.sats.types import (
    PRIMITIVES,
    SCHEDULE_AT,
    U8,
    AlgebraicType,
    Array,
    Element,
    Primitive,
    Product,
    Ref,
    Sum,
    Variant,
    inline,
    is_option,
)

_SPECIAL = {product: cls.__name__ for cls, product in SPECIAL_TYPES.items()}
_BUILTIN = {"Bool": "bool", "String": "str"}


class PythonTypes:
    """Writes annotations, and notes which names they use; `class_of` names the classes of numbered types."""

    SATS: ClassVar[frozenset[str]] = frozenset(
        {name.lower() for name in PRIMITIVES if name not in _BUILTIN}
        | set(_SPECIAL.values())
        | {"ScheduleAt", "Some", "SumValue", "Array", "Element", "Primitive", "Product", "Sum", "Variant"}
    )
    MODULE: ClassVar[frozenset[str]] = frozenset(
        {"AutoInc", "Index", "PrimaryKey", "Unique", "ReducerContext", "reducer", "reducer_named", "table"}
    )
    IMPORTABLE: ClassVar[frozenset[str]] = SATS | MODULE

    def __init__(self, types: Sequence[AlgebraicType], class_of: Mapping[int, str]) -> None:
        self._types, self._class_of = types, class_of
        self.used: set[str] = set()

    def annotation(self, t: AlgebraicType) -> str:
        """Return the annotation of a type; sums with payloads are SumValue, products without a name tuples."""
        match t:
            case Ref(number):
                return self._class_of[number]
            case Primitive(name):
                return _BUILTIN.get(name) or self._use(name.lower())
            case Array(element):
                return "bytes" if element == U8 else f"list[{self.annotation(element)}]"
            case Product():
                if t in _SPECIAL:
                    return self._use(_SPECIAL[t])
                return f"Annotated[tuple[Any, ...], {self._written(inline(t, self._types))}]"
            case Sum(variants):
                if t == SCHEDULE_AT:
                    return self._use("ScheduleAt")
                if is_option(t):
                    inner = self.annotation(variants[0].type)
                    if is_option(inline(variants[0].type, self._types)):
                        return f"{self._use('Some')}[{inner}] | None"
                    return f"{inner} | None"
                return f"Annotated[{self._use('SumValue')}, {self._written(inline(t, self._types))}]"

    def _use(self, name: str) -> str:
        self.used.add(name)
        return name

    def _written(self, t: AlgebraicType) -> str:
        """Return the expression that makes a type."""
        match t:
            case Primitive(name):
                return f"{self._use('Primitive')}({name!r})"
            case Array(element):
                return f"{self._use('Array')}({self._written(element)})"
            case Product(elements):
                return f"{self._use('Product')}({self._entries(elements)})"
            case Sum(variants):
                return f"{self._use('Sum')}({self._entries(variants)})"
            case Ref():
                raise AssertionError(t)

    def _entries(self, entries: Sequence[Element | Variant]) -> str:
        made = [f"{self._use(type(e).__name__)}({e.name!r}, {self._written(e.type)})" for e in entries]
        return f"({', '.join(made)}{',' if len(made) == 1 else ''})"
