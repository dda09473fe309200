"""Runs checked queries over the tables in memory, each table seen through the reader's filter.

Every table is cut to what the reader may read before it meets another one, so a join tells nothing about other rows.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from agent_spaces.engine.access_path import Path, best_path
from agent_spaces.engine.index import KeyIndex, Row
from agent_spaces.engine.tableset import TableSet
from agent_spaces.engine.visibility import Visibility
from agent_spaces.errors import SqlError
from agent_spaces.sats import Identity
from agent_spaces.sql.condition import TRUE, ColumnRef
from agent_spaces.sql.plan import Query

STEPS_MAX = 5_000_000  # rows that one statement may look at: about two seconds in which nothing else runs

Combination = tuple[Row, ...]


class _Steps:
    """Counts rows that are looked at."""

    def __init__(self) -> None:
        self.left = STEPS_MAX

    def take(self, rows: Collection[Row]) -> Collection[Row]:
        self.left -= len(rows)
        if self.left < 0:
            raise SqlError(
                f"The statement looks at more than {STEPS_MAX} rows; compare an indexed column with a literal."
            )
        return rows


@dataclass(frozen=True, slots=True)
class _Edge:
    """How a table is reached: its column equals a column of a table that is bound already."""

    column: str
    bound: ColumnRef


def _test(query: Query, number: int) -> Callable[[Row], bool] | None:
    return None if query.own_condition(number) == TRUE else query.predicate(number)


class _Join:
    """One run of a query."""

    def __init__(self, query: Query, tables: TableSet, visibility: Visibility, reader: Identity) -> None:
        self.query = query
        self.tables = [tables.by_name[source.table.name] for source in query.sources]
        self.filters = [visibility.row_filter(table, reader) for table in self.tables]
        self.equal = [dict(query.equalities(number)) for number in range(len(self.tables))]
        self.tests = [_test(query, number) for number in range(len(self.tables))]
        self.steps = _Steps()
        self._visibility, self._reader = visibility, reader

    def passing(self, number: int, rows: Collection[Row]) -> Iterable[Row]:
        """Return those rows of a table that pass what looks at it alone, and that the reader may read."""
        self.steps.take(rows)
        test, may_read = self.tests[number], self.filters[number]
        found: Iterable[Row] = rows
        if test is not None:
            found = filter(test, found)
        return found if may_read is None else filter(may_read, found)

    def first(self, number: int) -> Iterable[Row]:
        """Return all passing rows of a table."""
        table = self.tables[number]
        path = best_path(table, self.equal[number], self.query, number)
        if path is not None:
            return self.passing(number, path.rows(self.equal[number]))
        return self.passing(number, self._visibility.candidates(table, self._reader))

    def order(self) -> list[tuple[int, _Edge | None]]:
        """Return the tables in the order in which they are bound: the one with the best index first, then along ON."""
        total = len(self.tables)
        ranks = [self._rank(number) for number in range(total)]
        start = max(range(total), key=lambda number: (ranks[number], -number))
        order: list[tuple[int, _Edge | None]] = [(start, None)]
        bound = {start}
        while len(bound) < total:
            for each in self.query.on:
                assert isinstance(each.right, ColumnRef)
                pair = (each.left, each.right) if each.left.source in bound else (each.right, each.left)
                if pair[0].source in bound and pair[1].source not in bound:
                    order.append((pair[1].source, _Edge(pair[1].column, pair[0])))
                    bound.add(pair[1].source)
        return order

    def _rank(self, number: int) -> int:
        path = best_path(self.tables[number], self.equal[number], self.query, number)
        return 0 if path is None else 2 if isinstance(path.index, KeyIndex) else 1

    def partners(self, number: int, column: str) -> Callable[[Any], Iterable[Row]]:
        """Return a function from a value of the table's column to the passing rows that have it."""
        known = self.equal[number]
        path = best_path(self.tables[number], {*known, column}, self.query, number)
        if path is not None and column in path.columns:
            by_index: Path = path
            return lambda value: self.passing(number, by_index.rows({**known, column: value}))
        value_of = attrgetter(column)
        groups: dict[Any, list[Row]] = {}
        for row in self.first(number):
            groups.setdefault(value_of(row), []).append(row)
        return lambda value: self.steps.take(groups.get(value, ()))

    def combinations(self) -> Iterator[list[Row]]:
        """Walk the joined rows, each as a list by table number that is changed in place."""
        order = self.order()
        rows: list[Row] = [None] * len(self.tables)
        lookups: list[tuple[int, Callable[[], Iterable[Row]]]] = [(order[0][0], lambda: self.first(order[0][0]))]
        for number, edge in order[1:]:
            assert edge is not None
            lookups.append((number, self._bound_lookup(rows, number, edge)))
        return self._walk(rows, lookups, 0)

    def _bound_lookup(self, rows: list[Row], number: int, edge: _Edge) -> Callable[[], Iterable[Row]]:
        partners: list[Callable[[Any], Iterable[Row]]] = []
        source, value_of = edge.bound.source, attrgetter(edge.bound.column)

        def lookup() -> Iterable[Row]:
            if not partners:
                partners.append(self.partners(number, edge.column))
            return partners[0](value_of(rows[source]))

        return lookup

    def _walk(
        self, rows: list[Row], lookups: list[tuple[int, Callable[[], Iterable[Row]]]], depth: int
    ) -> Iterator[list[Row]]:
        number, lookup = lookups[depth]
        for row in lookup():
            rows[number] = row
            if depth + 1 == len(lookups):
                yield rows
            else:
                yield from self._walk(rows, lookups, depth + 1)


def combinations(query: Query, tables: TableSet, visibility: Visibility, reader: Identity) -> Iterator[Combination]:
    """Walk what the query's tables and WHERE give the reader: one row of each table in the order of the text.

    Event tables are empty. SqlError after STEPS_MAX rows that were looked at. Nothing may be written meanwhile.
    """
    run = _Join(query, tables, visibility, reader)
    if any(table.is_event for table in run.tables):
        return
    if len(run.tables) == 1:
        yield from zip(run.first(0), strict=True)
        return
    test = None if query.cross == TRUE else query.row_predicate()
    for rows in run.combinations():
        if test is None or test(*rows):
            yield tuple(rows)
