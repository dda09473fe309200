"""Values of types that have no Python class: options inside options, and sums that are not enums."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Some(Generic[T]):
    """The some of an option whose inner type is an option itself; `Some(None)` is some(none).

    Every other option is written as the bare value or None. As an annotation: `Some[u8 | None] | None`.
    """

    value: T


@dataclass(frozen=True, slots=True)
class SumValue:
    """One variant of a sum by its tag; the value of a unit variant is ()."""

    tag: int
    value: Any = ()
