"""Checked SQL: what to read, from which tables, under which conditions. Immutable, and free of NULL.

A `Query` gives whole rows of one table. Its tables are numbered as they stand in the text; `ColumnRef.source` is such
a number. Two queries with the same `key` have the same rows for everybody who may read their tables.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from agent_spaces.module.table import TableDefinition
from agent_spaces.sql.condition import (
    TRUE,
    ColumnRef,
    Comparison,
    Condition,
    Literal,
    conjunction,
    conjuncts,
    sources_of,
)
from agent_spaces.sql.predicate import compile_condition

INTEGER_STEP = {"<": ("high", -1), "<=": ("high", 0), ">": ("low", 1), ">=": ("low", 0)}


@dataclass(frozen=True, slots=True)
class Source:
    """One table of a query under the name that the text gives it."""

    alias: str
    table: TableDefinition


@dataclass(frozen=True, slots=True)
class Join:
    """The other table of a query of two, seen from the table whose rows are returned."""

    table: TableDefinition
    column: str  # of the returned table
    other_column: str  # of the other table; equal values meet


@dataclass(frozen=True, eq=False)
class Query:
    """Whole rows of one table, each as often as it finds partners in the joined ones."""

    text: str  # as the client wrote it
    sources: tuple[Source, ...]
    returned: int  # which of the sources
    on: tuple[Comparison, ...]  # one for each source after the first: an equality of two columns
    where: Condition

    @property
    def table(self) -> TableDefinition:
        """The table whose rows are returned."""
        return self.sources[self.returned].table

    @cached_property
    def join(self) -> Join | None:
        """The other table where there are exactly two, None where there is one; more than two have no such view."""
        if len(self.sources) != 2:
            return None
        on = self.on[0]
        assert isinstance(on.right, ColumnRef)
        own, other = (on.left, on.right) if on.left.source == self.returned else (on.right, on.left)
        return Join(self.sources[other.source].table, own.column, other.column)

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """Equal for queries that mean the same but for blanks, quotes, case of keywords and aliases."""
        return (tuple(source.table.name for source in self.sources), self.returned, self.on, self.where)

    @property
    def others(self) -> tuple[int, ...]:
        """The numbers of the tables that are joined to the returned one."""
        return tuple(number for number in range(len(self.sources)) if number != self.returned)

    def equalities(self, source: int | None = None) -> tuple[tuple[str, Any], ...]:
        """Return (column, value) pairs that every row of the table has; by default of the returned table."""
        number = self.returned if source is None else source
        return tuple(
            (part.left.column, part.right.value)
            for part in conjuncts(self.where)
            if isinstance(part, Comparison)
            and part.op == "="
            and part.left.source == number
            and isinstance(part.right, Literal)
        )

    def range_on(self, column: str, source: int | None = None) -> tuple[int | None, int | None]:
        """Return inclusive bounds that an integer column's values keep, None where there is no bound.

        low > high means that no row can match. For columns of other types both are None, but for Timestamp.
        """
        number = self.returned if source is None else source
        low: int | None = None
        high: int | None = None
        for part in conjuncts(self.where):
            if not isinstance(part, Comparison) or not isinstance(part.right, Literal):
                continue
            value = part.right.value
            if part.left != ColumnRef(number, column) or not isinstance(value, int) or isinstance(value, bool):
                continue
            if part.op == "=":
                low = value if low is None else max(low, value)
                high = value if high is None else min(high, value)
            elif part.op != "<>":
                side, step = INTEGER_STEP[part.op]
                bound = int(value) + step
                if side == "low":
                    low = bound if low is None else max(low, bound)
                else:
                    high = bound if high is None else min(high, bound)
        return low, high

    def predicate(self, source: int | None = None) -> Callable[[Any], bool]:
        """Return a generated function that tells whether a row of one table passes what looks at that table only.

        By default the returned table. For a query of one table this is the whole WHERE; for joins the rest of it is
        `pair_predicate`.
        """
        number = self.returned if source is None else source
        return compile_condition(self.own_condition(number), (number,))

    def own_condition(self, source: int) -> Condition:
        """Return what of WHERE looks at that table only, or at none; TRUE if nothing does."""
        return conjunction(part for part in conjuncts(self.where) if sources_of(part) <= {source})

    @cached_property
    def cross(self) -> Condition:
        """What of WHERE looks at more than one table; TRUE if nothing does."""
        return conjunction(part for part in conjuncts(self.where) if len(sources_of(part)) > 1)

    def pair_predicate(self) -> Callable[[Any, Any], bool] | None:
        """Return, for two tables, what of WHERE compares (returned row, other row); None if nothing does."""
        if self.cross == TRUE:
            return None
        (other,) = self.others
        return compile_condition(self.cross, (self.returned, other))

    def row_predicate(self) -> Callable[..., bool]:
        """Return the whole WHERE as a function of one row of each source, in the order of the text."""
        return compile_condition(self.where, tuple(range(len(self.sources))))


@dataclass(frozen=True, slots=True)
class Output:
    """One column of a result: its name there and where it comes from."""

    name: str
    column: ColumnRef


@dataclass(frozen=True, slots=True)
class Select:
    """A SELECT of HTTP. Whole rows (neither columns nor count), chosen columns, or how many there are."""

    query: Query
    columns: tuple[Output, ...] | None = None
    count: str | None = None  # the name of the one column
    limit: int | None = None  # rows


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows to add, each with the values of all columns in table order."""

    table: TableDefinition
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Update:
    """Columns to set in the rows that the query gives."""

    query: Query
    assignments: tuple[tuple[str, Any], ...]

    @property
    def table(self) -> TableDefinition:
        """The table that is changed."""
        return self.query.table


@dataclass(frozen=True, slots=True)
class Delete:
    """The rows that the query gives are to go."""

    query: Query

    @property
    def table(self) -> TableDefinition:
        """The table that is changed."""
        return self.query.table


@dataclass(frozen=True, slots=True)
class SetVariable:
    """A setting of the database: `row_limit`, in rows."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Show:
    """Asks for a setting of the database."""

    name: str


Statement = Select | Insert | Update | Delete | SetVariable | Show


class Catalog(Protocol):
    """Which tables there are, as one caller may know them."""

    def table(self, name: str) -> TableDefinition | None:
        """Return the table of that name, whoever may read it; None if there is none."""
        ...

    def may_read(self, name: str) -> bool:
        """Tell whether the caller may know of the table: it is public or the caller is the owner."""
        ...

    def all_tables(self) -> Iterable[TableDefinition]:
        """Return every table, in a fixed order."""
        ...


@dataclass(frozen=True, slots=True)
class ModuleCatalog:
    """The tables of a module, for the owner or for everybody else."""

    tables: Mapping[str, TableDefinition]
    is_owner: bool

    def table(self, name: str) -> TableDefinition | None:
        """Return the table of that name; None if there is none."""
        return self.tables.get(name)

    def may_read(self, name: str) -> bool:
        """Tell whether the table is public or the caller the owner."""
        return self.is_owner or self.tables[name].public

    def all_tables(self) -> Iterable[TableDefinition]:
        """Return every table by name, without the host's own: `*` means the module's tables."""
        return (self.tables[name] for name in sorted(self.tables) if not name.startswith("st_"))
