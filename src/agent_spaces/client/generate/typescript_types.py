"""Type builders of the TypeScript SDK for a database's types, as text.

Source: npm `spacetimedb` 2.10.1, `t`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from agent_spaces.client.names import camel, distinct
from agent_spaces.sats.types import (
    CONNECTION_ID,
    IDENTITY,
    SCHEDULE_AT,
    TIME_DURATION,
    TIMESTAMP,
    U8,
    UNIT,
    UUID,
    AlgebraicType,
    Array,
    Element,
    Primitive,
    Product,
    Ref,
    Sum,
    is_option,
    is_result,
    is_unit_sum,
)

_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_SPECIAL = {
    IDENTITY: "t.identity()",
    CONNECTION_ID: "t.connectionId()",
    TIMESTAMP: "t.timestamp()",
    TIME_DURATION: "t.timeDuration()",
    UUID: "t.uuid()",
    UNIT: "t.unit()",
}


def quoted(text: str) -> str:
    """Return a string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def key(name: str) -> str:
    """Return a property's name in an object literal."""
    return name if _WORD.fullmatch(name) else quoted(name)


def is_keyable(t: AlgebraicType) -> bool:
    """Whether the SDK lets a column of this type be unique."""
    return t in _SPECIAL or (isinstance(t, Primitive) and t.name not in ("F32", "F64"))


class TypeScriptTypes:
    """Writes type builders; `const_of` names the constants of numbered types."""

    def __init__(self, const_of: Mapping[int, str]) -> None:
        self._const_of = const_of

    def builder(self, t: AlgebraicType, name: str = "Unnamed") -> str:
        """Return the expression that builds a type; `name` is what the SDK calls a product or sum."""
        match t:
            case Ref(number):
                return self._const_of[number]
            case Primitive(primitive):
                return f"t.{primitive.lower()}()"
            case Array(element):
                return "t.byteArray()" if element == U8 else f"t.array({self.builder(element)})"
            case Product(elements):
                if t in _SPECIAL:
                    return _SPECIAL[t]
                builders = (self.builder(element.type) for element in elements)
                return f"t.object({quoted(name)}, {_literal(property_names(elements), builders)})"
            case Sum():
                return self._sum(t, name)

    def _sum(self, t: Sum, name: str) -> str:
        if t == SCHEDULE_AT:
            return "t.scheduleAt()"
        if is_option(t):
            return f"t.option({self.builder(t.variants[0].type)})"
        if is_result(t):
            return f"t.result({self.builder(t.variants[0].type)}, {self.builder(t.variants[1].type)})"
        if is_unit_sum(t):
            names = ", ".join(quoted(v.name or f"v{i}") for i, v in enumerate(t.variants))
            return f"t.enum({quoted(name)}, [{names}])"
        variants = [v.name or f"v{i}" for i, v in enumerate(t.variants)]
        return f"t.enum({quoted(name)}, {_literal(variants, (self.builder(v.type) for v in t.variants))})"


def property_names(elements: Sequence[Element]) -> list[str]:
    """Return the properties that stand for columns or parameters: channelId for channel_id."""
    return distinct(camel(element.name or f"field{i}") for i, element in enumerate(elements))


def _literal(names: Iterable[str], values: Iterable[str]) -> str:
    inside = (f"{key(name)}: {value}" for name, value in zip(names, values, strict=True))
    return f"{{ {', '.join(inside)} }}"
