"""The client cache: the rows of all applied query sets, counted by how many queries hold them.

A whole message is applied before anybody is told of it. A row is in the cache while its count is above 0; in a table
with a primary key a row that goes and one that comes under the same key are one update.
Source: SpacetimeDB SDK behaviour (vectors/golden/cache-scenarios.json).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Generic, TypeVar, overload

from agent_spaces.client.callbacks import RowCallbacks
from agent_spaces.client.schema import ClientSchema

R = TypeVar("R")


@dataclass(slots=True)
class Difference(Generic[R]):
    """What a message changed in one table, in arrival order."""

    inserted: list[R] = field(default_factory=list)
    updated: list[tuple[R, R]] = field(default_factory=list)
    deleted: list[R] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.inserted or self.updated or self.deleted)


@dataclass(slots=True)
class Plan(Generic[R]):
    """What a message will do to one table: new counts (0 or less is gone), and the rows that come and go."""

    counts: dict[bytes, int]
    came: dict[bytes, R]
    went: list[bytes]


def counted(held: Mapping[bytes, int], inserts: Iterable[bytes], deletes: Iterable[bytes]) -> dict[bytes, int]:
    """Return the new counts of the rows that a message names; 0 or less means that the row is gone."""
    after: dict[bytes, int] = {}
    for raw in inserts:
        after[raw] = (after[raw] if raw in after else held.get(raw, 0)) + 1
    for raw in deletes:
        after[raw] = (after[raw] if raw in after else held.get(raw, 0)) - 1
    return after


class TableCache(Generic[R]):
    """The cached rows of one table, and the callbacks that hear of their changes.

    `decode` turns a row's BSATN into a row; `primary_key` is the key column's name, None if there is none.
    """

    def __init__(self, name: str, decode: Callable[[bytes], R], primary_key: str | None, *, event: bool) -> None:
        self.name, self.primary_key, self.event = name, primary_key, event
        self.callbacks: RowCallbacks[R] = RowCallbacks()
        self.decode = decode
        self._key: Callable[[R], Any] | None = None if primary_key is None else attrgetter(primary_key)
        self._counts: dict[bytes, int] = {}
        self._rows: dict[bytes, R] = {}
        self._by_key: dict[Any, R] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[R]:
        return iter(list(self._rows.values()))

    def __contains__(self, row: object) -> bool:
        return any(row == held for held in self._rows.values())

    def find(self, key: Any) -> R | None:
        """Return the row with this primary key, or None; TypeError if the table has no primary key."""
        if self._key is None:
            msg = f"Table {self.name} has no primary key to find rows by."
            raise TypeError(msg)
        return self._by_key.get(key)

    def where(self, **equals: Any) -> list[R]:
        """Return the rows whose columns equal the given values, looking at every cached row."""
        names, values = tuple(equals), tuple(equals.values())
        return [
            row for row in self._rows.values() if all(getattr(row, n) == v for n, v in zip(names, values, strict=True))
        ]

    def on_insert(self, callback: Callable[..., None]) -> Callable[[], None]:
        """Call `callback(ctx, row)` for each row that comes; returns a function that ends it."""
        return self.callbacks.on_insert(callback)

    def on_update(self, callback: Callable[..., None]) -> Callable[[], None]:
        """Call `callback(ctx, old, new)` for each row that changes; only for tables with a primary key."""
        return self.callbacks.on_update(callback)

    def on_delete(self, callback: Callable[..., None]) -> Callable[[], None]:
        """Call `callback(ctx, row)` for each row that goes."""
        return self.callbacks.on_delete(callback)

    def plan(self, inserts: Iterable[bytes], deletes: Iterable[bytes]) -> Plan[R]:
        """Count a message's rows in and out, without changing anything; inserts count first, whatever came first.

        DecodeError if a row is none of this table.
        """
        return self._plan(counted(self._counts, inserts, deletes))

    def plan_all(self, counts: dict[bytes, int]) -> Plan[R]:
        """Plan to hold these rows, counted above 0, and no others; DecodeError as in `plan`."""
        return self._plan({raw: 0 for raw in self._rows if raw not in counts} | counts)

    def _plan(self, counts: dict[bytes, int]) -> Plan[R]:
        came = {raw: self.decode(raw) for raw, count in counts.items() if count > 0 and raw not in self._rows}
        went = [raw for raw, count in counts.items() if count <= 0 and raw in self._rows]
        return Plan(counts, came, went)

    def commit(self, plan: Plan[R]) -> Difference[R]:
        """Carry out a plan that was made of the present rows, and return the net change."""
        for raw, count in plan.counts.items():
            if count > 0:
                self._counts[raw] = count
            else:
                self._counts.pop(raw, None)
        went = [self._rows.pop(raw) for raw in plan.went]
        self._rows.update(plan.came)
        return self._settled(list(plan.came.values()), went)

    def apply(self, inserts: Iterable[bytes], deletes: Iterable[bytes]) -> Difference[R]:
        """Plan and commit a message's rows: all of them or, with DecodeError, none."""
        return self.commit(self.plan(inserts, deletes))

    def replace(self, counts: dict[bytes, int]) -> Difference[R]:
        """Take over another set of counted rows and return the net change from what was held before."""
        return self.commit(self.plan_all(counts))

    def adopt(self, decode: Callable[[bytes], R]) -> None:
        """Let rows be made by another decoder of the same type, the rows held too; nobody is told."""
        self.decode = decode
        self._rows = {raw: decode(raw) for raw in self._rows}
        if self._key is not None:
            self._by_key = {self._key(row): row for row in self._rows.values()}

    def events(self, rows: Iterable[bytes]) -> Difference[R]:
        """Return rows of an event table as inserts; they are never kept."""
        return Difference(inserted=[self.decode(raw) for raw in rows])

    def _settled(self, came: list[R], went: list[R]) -> Difference[R]:
        key = self._key
        if key is None:
            return Difference(inserted=came, deleted=went)
        gone = {key(row): row for row in went}
        change: Difference[R] = Difference()
        for row in came:
            k = key(row)
            self._by_key[k] = row
            old = gone.pop(k, None)
            if old is None:
                change.inserted.append(row)
            else:
                change.updated.append((old, row))
        for k, row in gone.items():
            self._by_key.pop(k, None)
            change.deleted.append(row)
        return change


class Cache:
    """The cached tables, by row class or by name: `conn.cache[Message]`.

    Rows are instances of the class that was used last for their table; DefinitionError if it has other columns.
    """

    def __init__(self, schema: ClientSchema) -> None:
        self._schema = schema
        self.tables: dict[str, TableCache[Any]] = {}

    @overload
    def __getitem__(self, table: type[R]) -> TableCache[R]: ...
    @overload
    def __getitem__(self, table: str) -> TableCache[Any]: ...
    def __getitem__(self, table: "str | type[Any]") -> TableCache[Any]:
        found = self._schema.table(table)
        cached = self.tables.get(found.name)
        if not isinstance(table, str) and found.row_class is not table:
            found = self._schema.adopt_table(table)
            if cached is not None:
                cached.adopt(found.decode)
        if cached is None:
            cached = TableCache(found.name, found.decode, found.primary_key, event=found.event)
            self.tables[found.name] = cached
        return cached
