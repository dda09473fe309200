"""Queries of two tables: a row of the returned one is a result as often as it finds partners in the other.

Only these keep results: for every kind of reader how often each row is in the result. A transaction that touches one
of the two tables has the rows that it may concern counted anew; the difference goes out.
"""

from operator import attrgetter
from typing import TYPE_CHECKING

from agent_spaces.engine.subscriptions.audience import EVERYBODY, OWNER, SELVES, Key, Row, Scope, Scopes
from agent_spaces.engine.subscriptions.delta import Change, Delta, Encoded
from agent_spaces.engine.subscriptions.snapshot import by_equality
from agent_spaces.engine.table import EngineTable
from agent_spaces.errors import SqlError
from agent_spaces.sats import Identity
from agent_spaces.sql.condition import TRUE
from agent_spaces.sql.plan import Query

if TYPE_CHECKING:
    from agent_spaces.engine.subscriptions.query_set import Feed

Results = dict[object, tuple[Row, int]]  # primary key -> row, how often


class LiveJoin:
    """A query of two tables.

    Results depend on the reader only if a table has a rule of its own; `scope` says whether they do. Tables with a
    membership rule are for the owner alone: together they would be three.
    """

    __slots__ = (
        "_ask",
        "_other",
        "_other_test",
        "_pair",
        "_results",
        "_sides",
        "_test",
        "_value",
        "_value_there",
        "event",
        "feeds",
        "query",
        "scope",
        "table",
    )

    def __init__(self, query: Query, table: EngineTable, other: EngineTable, scopes: Scopes) -> None:
        assert query.join is not None
        self.query, self.table, self._other = query, table, other
        self.event = table.is_event
        self.feeds: list[Feed] = []
        self._sides = (scopes[table], scopes[other])
        ruled = any(side.space is not EVERYBODY for side in self._sides)
        self.scope = Scope(SELVES if ruled else EVERYBODY, _no_keys, ())
        self._value, self._value_there = attrgetter(query.join.column), attrgetter(query.join.other_column)
        (number,) = query.others
        self._test = query.predicate()
        self._other_test = query.predicate(number)
        self._pair = None if query.cross == TRUE else query.pair_predicate()
        self._ask = other.equality(query.join.other_column)
        self._results: dict[Key, Results] = {}

    def settle(self) -> None:
        """Follow a change of the feeds: nothing depends on them here."""

    @property
    def tables(self) -> tuple[EngineTable, ...]:
        """The tables whose changes concern it, each once."""
        return tuple(dict.fromkeys((self.table, self._other)))

    def key_for(self, identity: Identity | None) -> Key:
        """Return the kind of reader that an identity is; None is the owner."""
        if self.scope.space is EVERYBODY:
            return None
        return OWNER if identity is None else identity

    def enter(self, key: Key) -> None:
        """Keep results for a kind of reader from now on."""
        if key not in self._results and not self.event:
            self._results[key] = self._evaluate(key)

    def leave(self, key: Key) -> None:
        """Keep them no more."""
        self._results.pop(key, None)

    def reset(self) -> None:
        """Take the tables as they are, after changes were undone."""
        for key in self._results:
            self._results[key] = self._evaluate(key)

    def rows(self, identity: Identity | None) -> list[Row]:
        """Return what the identity gets now, each row as often as it finds partners."""
        if self.event:
            return []
        key = self.key_for(identity)
        results = self._results.get(key)
        if results is None:
            results = self._evaluate(key)
        return [row for row, times in results.values() for _ in range(times)]

    def deltas(self, changes: list[Change], encoded: Encoded) -> dict[Key, Delta]:
        """Return what the changes, which the tables already have, do to the results of every kind of reader."""
        if self.event:
            return self._events(changes)
        touched = self._touched(changes)
        found: dict[Key, Delta] = {}
        for key, results in self._results.items():
            inserts: list[bytes] = []
            deletes: list[bytes] = []
            for primary in touched:
                old, before = results.get(primary, (None, 0))
                row = self.table.rows.get(primary)
                after = 0 if row is None else self._times(row, key)
                if after:
                    results[primary] = (row, after)
                else:
                    results.pop(primary, None)
                both = min(before, after) if old == row else 0
                if after > both:
                    inserts += [encoded.of(self.table, row)] * (after - both)
                if before > both:
                    deletes += [encoded.of(self.table, old)] * (before - both)
            if inserts or deletes:
                found[key] = (inserts, deletes)
        return found

    def readers(self) -> set[Key]:
        """Return the kinds of reader that hold it now."""
        sets = [feed.shared_set for feed in self.feeds]
        if self.scope.space is EVERYBODY:
            return {None} if sets else set()
        owner: set[Key] = {OWNER} if any(each.owners for each in sets) else set()
        return owner.union(*(each.by_identity for each in sets))

    def _events(self, changes: list[Change]) -> dict[Key, Delta]:
        found: dict[Key, Delta] = {}
        for key in self.readers():
            inserts: list[bytes] = []
            for change in changes:
                if change.table is self.table and change.new is not None:
                    assert change.new_bytes is not None
                    inserts += [change.new_bytes] * self._times(change.new, key)
            if inserts:
                found[key] = (inserts, [])
        return found

    def _touched(self, changes: list[Change]) -> dict[object, None]:
        """Return the primary keys of the rows whose count may have changed, in a fixed order."""
        touched: dict[object, None] = {}
        values: dict[object, None] = {}
        for change in changes:
            if change.table is self.table:
                touched[change.key] = None
            if change.table is self._other:
                values.update((self._value_there(row), None) for row in (change.old, change.new) if row is not None)
        assert self.query.join is not None
        index = self.table.equality(self.query.join.column)
        if index is not None:
            for value in values:
                touched.update((self.table.pk_of(row), None) for row in index.filter(value))
        elif values:
            rows = self.table.rows.values()
            touched.update((self.table.pk_of(row), None) for row in rows if self._value(row) in values)
        return touched

    def _evaluate(self, key: Key) -> Results:
        candidates = by_equality(self.table, self.query)
        rows = self.table.rows.values() if candidates is None else candidates
        counted = ((row, self._times(row, key)) for row in rows)
        return {self.table.pk_of(row): (row, times) for row, times in counted if times}

    def _times(self, row: Row, key: Key) -> int:
        """Return how often the row is in the result."""
        if not self._test(row) or not self._shows(0, row, key):
            return 0
        value = self._value(row)
        partners = self._ask.filter(value) if self._ask is not None else self._scan(value)
        return sum(
            self._other_test(other) and (self._pair is None or self._pair(row, other)) and self._shows(1, other, key)
            for other in partners
        )

    def _scan(self, value: object) -> list[Row]:
        return [row for row in self._other.rows.values() if self._value_there(row) == value]

    def _shows(self, side: int, row: Row, key: Key) -> bool:
        scope = self._sides[side]
        return key is OWNER or scope.space is EVERYBODY or scope.shows(key, row)


def _no_keys(_row: Row) -> tuple[Key, ...]:
    raise AssertionError("a join's readers are not found by a row")


def check_tables(query: Query, scopes: Scopes, tables: dict[str, EngineTable], *, is_owner: bool) -> None:
    """Raise SqlError, as a real host does, if the query and the rules of its tables need more than two tables.

    Source: SpacetimeDB 2.8.3, seen.
    """
    sources = [tables[source.table.name] for source in query.sources]
    count = len(sources)
    if not is_owner:
        count += sum(scopes[each].space not in {EVERYBODY, SELVES} for each in sources)
    if len(sources) > 1:
        if count > 2:
            raise SqlError(f"Invalid number of tables in subscription: {count}")
        if any(sources[number].is_event for number in query.others):
            raise SqlError("Event tables cannot be used as the lookup table in subscription joins")
