"""Rows are frozen: a changed one is a copy."""

from typing import Any, TypeVar

import msgspec

R = TypeVar("R")


def replace(row: R, **changes: Any) -> R:
    """Return the row with other values in the columns named, as `Table.update` takes it."""
    # A table's class is a msgspec.Struct, which type checkers cannot know of a class with @table.
    return msgspec.structs.replace(row, **changes)  # type: ignore[type-var]
