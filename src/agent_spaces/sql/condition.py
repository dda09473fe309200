"""Conditions on rows: comparisons, AND, OR, constants. Immutable, and free of NULL."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from typing import Literal as OneOf

Operator = OneOf["=", "<>", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class ColumnRef:
    """A column of the table number `source`."""

    source: int
    column: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A value of the type of the column that it is compared with, such as an Identity or a Timestamp."""

    value: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column compared with a value or with another column of the same type."""

    left: ColumnRef
    op: Operator
    right: Literal | ColumnRef


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts; at least two, none of them an And."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Any of the parts; at least two, none of them an Or."""

    parts: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Constant:
    """TRUE or FALSE."""

    value: bool


Condition = Comparison | And | Or | Constant
TRUE = Constant(value=True)


def conjuncts(condition: Condition) -> tuple[Condition, ...]:
    """Return the conditions that must all hold; none for TRUE."""
    if isinstance(condition, And):
        return condition.parts
    return () if condition == TRUE else (condition,)


def conjunction(parts: Iterable[Condition]) -> Condition:
    """Return one condition that holds when all parts do."""
    flat = [part for each in parts for part in conjuncts(each)]
    return flat[0] if len(flat) == 1 else And(tuple(flat)) if flat else TRUE


def sources_of(condition: Condition) -> frozenset[int]:
    """Return the numbers of the tables that the condition looks at."""
    if isinstance(condition, Comparison):
        sides = (condition.left, condition.right)
        return frozenset(side.source for side in sides if isinstance(side, ColumnRef))
    if isinstance(condition, Constant):
        return frozenset()
    return frozenset().union(*(sources_of(part) for part in condition.parts))
