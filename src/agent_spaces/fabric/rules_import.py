"""Limits and refusal texts of an import (contract section 8)."""

DRAWS_MAX = 100_000  # numbers that one advance_<table> call uses up at most

NOT_OWNER = "Only the owner of this database imports."
NOT_OPEN = "No import is open: call begin_import."
NOT_FRESH = "Somebody is registered here already: import into a fresh database."
NO_SYSTEM = "Nobody holds the name system: import username_claim first."


def no_number(position: int, table: str, column: str) -> str:
    """Say that a row has no number of its own; position counts from 1."""
    return f"Row {position} for {table} has no {column}."


def repeats(position: int, table: str, columns: tuple[str, ...]) -> str:
    """Say that a row has a key that another row has; position counts from 1."""
    return f"Row {position} for {table} repeats the {' and '.join(columns)} of another row."
