"""How rows are found: the physical forms behind the primary key, unique columns and indexes of a table.

Every form answers `find`, `filter`, `range` and `count` as module.context.Index says. `check` (AssertionError if the
new row cannot take the place of the old one), `add`, `remove` and `refresh` are the plain form of what operations.py
generates per table; both give the same contents. `discard` takes out a row that may be entered or not.

| form | contents |
|---|---|
| KeyIndex | key -> row: the primary key (the rows themselves) and unique columns |
| PairIndex | first -> second -> row |
| OrderedIndex | leading columns -> (values of the last column ascending, their primary keys) |
| HashIndex | key -> primary keys ascending; about 9 bytes a row where keys repeat |
| PrefixIndex | nothing: a single-column index that another form serves |
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, NoReturn, Protocol

from agent_spaces.native import choice as native

Row = Any
Key = Any
Ordered = tuple[list[Any], list[Key]]


class EngineIndex(Protocol):
    """What every form can do."""

    columns: tuple[str, ...]
    find: Callable[..., Row | None]

    def filter(self, *key: Any) -> list[Row]:
        """Return the rows with this key or these leading columns, in primary key order."""
        ...

    def range(self, *prefix: Any, low: Any = None, high: Any = None) -> list[Row]:
        """Return rows with low <= last column <= high in the order of that column."""
        ...

    def count(self, *key: Any) -> int:
        """Return how many rows `filter` would give."""
        ...


def taken(table: str, columns: Iterable[str]) -> NoReturn:
    """Fail because a key exists already: a bug of the reducer, which looks before it inserts."""
    raise AssertionError(f"{table}: a row with this {' and '.join(columns)} exists already.")


class ByEquality:
    """A form that knows no ranges."""

    __slots__ = ()
    columns: tuple[str, ...]

    def range(self, *prefix: Any, low: Any = None, high: Any = None) -> list[Row]:
        """Refuse: a bug of the module."""
        del prefix, low, high
        raise AssertionError(f'The index on {", ".join(self.columns)} knows no ranges; declare it with form="ordered".')


def ordered_insert(bucket: Ordered, value: Any, key: Key) -> None:
    """Enter a row by (value, primary key)."""
    values, keys = bucket
    start = bisect_left(values, value)
    place = bisect_left(keys, key, start, bisect_right(values, value, start))
    values.insert(place, value)
    keys.insert(place, key)


def ordered_remove(bucket: Ordered, value: Any, key: Key) -> None:
    """Take out a row that is entered."""
    values, keys = bucket
    if keys[-1] == key:
        place = len(keys) - 1
    else:
        start = bisect_left(values, value)
        place = bisect_left(keys, key, start, bisect_right(values, value, start))
    assert keys[place] == key
    del values[place], keys[place]


def hash_remove(keys: list[Key], key: Key) -> None:
    """Take out a primary key that is entered."""
    place = len(keys) - 1 if keys[-1] == key else bisect_left(keys, key)
    assert keys[place] == key
    del keys[place]


class KeyIndex(ByEquality):
    """One row a key; `buckets` are the table's rows themselves where the column is the primary key."""

    __slots__ = ("_column", "_table", "buckets", "columns", "find")

    def __init__(self, table: str, column: str, buckets: dict[Key, Row]) -> None:
        self.columns: tuple[str, ...] = (column,)
        self.buckets = buckets
        self._table, self._column = table, attrgetter(column)
        self.find: Callable[..., Row | None] = buckets.get

    def filter(self, *key: Any) -> list[Row]:
        """Return the row with this key, if there is one."""
        row = self.find(*key)
        return [] if row is None else [row]

    def count(self, *key: Any) -> int:
        """Return 0 or 1."""
        return len(self.filter(*key))

    def check(self, old: Row | None, new: Row) -> None:
        """Raise AssertionError if another row has the key."""
        key = self._column(new)
        if key in self.buckets and (old is None or self._column(old) != key):
            taken(self._table, self.columns)

    def add(self, row: Row, key: Key) -> None:
        """Enter a row."""
        del key
        self.buckets[self._column(row)] = row

    def remove(self, row: Row, key: Key) -> None:
        """Take out a row."""
        del key
        del self.buckets[self._column(row)]

    def refresh(self, old: Row, new: Row, key: Key) -> None:
        """Replace a row."""
        self.remove(old, key)
        self.add(new, key)

    def discard(self, row: Row, key: Key) -> None:
        """Take out a row that may be entered or not."""
        del key
        if self.buckets.get(self._column(row)) is row:
            del self.buckets[self._column(row)]


def _pair_find(buckets: dict[Any, dict[Any, Row]], least: Callable[[Any], Row | None]) -> Callable[..., Row | None]:
    if native.tables is not None:
        compiled: Callable[..., Row | None] = native.tables.PairFind(buckets, least).find
        return compiled
    get = buckets.get

    def find(first: Any, second: Any = least) -> Row | None:  # least is no key, so it stands for none given
        inner = get(first)
        if inner is None:
            return None
        return least(first) if second is least else inner.get(second)

    return find


class PairIndex(ByEquality):
    """Two columns of which a pair occurs once; also serves look-ups by the first."""

    __slots__ = ("_first", "_key", "_second", "_table", "buckets", "columns", "find")

    def __init__(self, table: str, columns: tuple[str, str], primary_key: str) -> None:
        self.columns: tuple[str, ...] = columns
        self._table, self._key = table, attrgetter(primary_key)
        self._first, self._second = attrgetter(columns[0]), attrgetter(columns[1])
        self.buckets: dict[Any, dict[Any, Row]] = {}
        buckets, key = self.buckets, self._key

        def least(first: Any) -> Row | None:
            return min(buckets.get(first, {}).values(), key=key, default=None)

        self.find = _pair_find(buckets, least)

    def filter(self, *key: Any) -> list[Row]:
        """Return the row of a pair, or all rows of a first value in primary key order."""
        inner = self.buckets.get(key[0])
        if inner is None:
            return []
        if len(key) == 1:
            return sorted(inner.values(), key=self._key)
        row = inner.get(key[1])
        return [] if row is None else [row]

    def count(self, *key: Any) -> int:
        """Return how many rows a pair or a first value has."""
        inner = self.buckets.get(key[0], {})
        return len(inner) if len(key) == 1 else int(key[1] in inner)

    def check(self, old: Row | None, new: Row) -> None:
        """Raise AssertionError if another row has the pair."""
        first, second = self._first(new), self._second(new)
        inner = self.buckets.get(first)
        if inner is None or second not in inner:
            return
        if old is None or self._first(old) != first or self._second(old) != second:
            taken(self._table, self.columns)

    def add(self, row: Row, key: Key) -> None:
        """Enter a row."""
        del key
        self.buckets.setdefault(self._first(row), {})[self._second(row)] = row

    def remove(self, row: Row, key: Key) -> None:
        """Take out a row."""
        del key
        first = self._first(row)
        inner = self.buckets[first]
        del inner[self._second(row)]
        if not inner:
            del self.buckets[first]

    def refresh(self, old: Row, new: Row, key: Key) -> None:
        """Replace a row."""
        self.remove(old, key)
        self.add(new, key)

    def discard(self, row: Row, key: Key) -> None:
        """Take out a row that may be entered or not."""
        if self.buckets.get(self._first(row), {}).get(self._second(row)) is row:
            self.remove(row, key)


def key_getter(columns: tuple[str, ...]) -> Callable[[Row], Any]:
    """Return the key of an index: nothing, the value, or a tuple where there are several columns."""
    if not columns:
        return lambda _row: ()
    return attrgetter(*columns)


class OrderedIndex:
    """Equality on the leading columns, order on the last one; also serves look-ups by the leading columns."""

    __slots__ = ("_leading", "_rows", "_value", "_width", "buckets", "columns", "find")

    def __init__(self, columns: tuple[str, ...], rows: dict[Key, Row]) -> None:
        self.columns, self._rows, self._width = columns, rows, len(columns)
        self._leading, self._value = key_getter(columns[:-1]), attrgetter(columns[-1])
        self.buckets: dict[Any, Ordered] = {}
        self.find: Callable[..., Row | None] = self._find

    def _bucket(self, leading: tuple[Any, ...]) -> Ordered | None:
        assert len(leading) == self._width - 1, f"The index on {', '.join(self.columns)} takes all but its last column."
        return self.buckets.get(leading[0] if len(leading) == 1 else leading)

    def _keys(self, key: tuple[Any, ...]) -> list[Key]:
        if len(key) < self._width:
            bucket = self._bucket(key)
            return [] if bucket is None else bucket[1]
        bucket = self._bucket(key[:-1])
        if bucket is None:
            return []
        start = bisect_left(bucket[0], key[-1])
        return bucket[1][start : bisect_right(bucket[0], key[-1], start)]

    def _find(self, *key: Any) -> Row | None:
        keys = self._keys(key)
        return self._rows[min(keys)] if keys else None

    def filter(self, *key: Any) -> list[Row]:
        """Return the rows of the full key or of the leading columns, in primary key order."""
        return [self._rows[each] for each in sorted(self._keys(key))]

    def range(self, *prefix: Any, low: Any = None, high: Any = None) -> list[Row]:
        """Return rows with low <= last column <= high, by that column and then by primary key."""
        bucket = self._bucket(prefix)
        if bucket is None:
            return []
        values, keys = bucket
        start = 0 if low is None else bisect_left(values, low)
        end = len(values) if high is None else bisect_right(values, high)
        return [self._rows[each] for each in keys[start:end]]

    def count(self, *key: Any) -> int:
        """Return how many rows the full key or the leading columns have."""
        return len(self._keys(key))

    def check(self, old: Row | None, new: Row) -> None:
        """Accept everything: keys may repeat."""

    def add(self, row: Row, key: Key) -> None:
        """Enter a row."""
        bucket = self.buckets.get(self._leading(row))
        if bucket is None:
            self.buckets[self._leading(row)] = ([self._value(row)], [key])
        else:
            ordered_insert(bucket, self._value(row), key)

    def remove(self, row: Row, key: Key) -> None:
        """Take out a row."""
        leading = self._leading(row)
        bucket = self.buckets[leading]
        ordered_remove(bucket, self._value(row), key)
        if not bucket[0]:
            del self.buckets[leading]

    def refresh(self, old: Row, new: Row, key: Key) -> None:
        """Move a row whose indexed columns changed."""
        if self._leading(old) != self._leading(new) or self._value(old) != self._value(new):
            self.remove(old, key)
            self.add(new, key)

    def discard(self, row: Row, key: Key) -> None:
        """Take out a row that may be entered or not."""
        bucket = self.buckets.get(self._leading(row))
        if bucket is not None and (self._value(row), key) in zip(*bucket, strict=True):
            self.remove(row, key)


class HashIndex(ByEquality):
    """Equality on all columns; `first` serves look-ups by the first column alone where there is such an index."""

    __slots__ = ("_key", "_rows", "_width", "buckets", "columns", "find", "first")

    def __init__(self, columns: tuple[str, ...], rows: dict[Key, Row]) -> None:
        self.columns, self._rows, self._width = columns, rows, len(columns)
        self._key = key_getter(columns)
        self.buckets: dict[Any, list[Key]] = {}
        self.first: EngineIndex | None = None
        self.find: Callable[..., Row | None] = self._find

    def _keys(self, key: tuple[Any, ...]) -> list[Key]:
        assert len(key) == self._width, (
            f"The index on {', '.join(self.columns)} needs all its columns; "
            "for fewer declare another index, or another form."
        )
        return self.buckets.get(key if self._width > 1 else key[0], [])

    def _find(self, *key: Any) -> Row | None:
        if len(key) == 1 and self.first is not None:
            return self.first.find(*key)
        keys = self._keys(key)
        return self._rows[keys[0]] if keys else None

    def filter(self, *key: Any) -> list[Row]:
        """Return the rows with this key in primary key order."""
        if len(key) == 1 and self.first is not None:
            return self.first.filter(*key)
        rows = self._rows
        return [rows[each] for each in self._keys(key)]

    def count(self, *key: Any) -> int:
        """Return how many rows have this key."""
        if len(key) == 1 and self.first is not None:
            return self.first.count(*key)
        return len(self._keys(key))

    def check(self, old: Row | None, new: Row) -> None:
        """Accept everything: keys may repeat."""

    def add(self, row: Row, key: Key) -> None:
        """Enter a row."""
        keys = self.buckets.get(self._key(row))
        if keys is None:
            self.buckets[self._key(row)] = [key]
        else:
            insort(keys, key)

    def remove(self, row: Row, key: Key) -> None:
        """Take out a row."""
        index_key = self._key(row)
        keys = self.buckets[index_key]
        hash_remove(keys, key)
        if not keys:
            del self.buckets[index_key]

    def refresh(self, old: Row, new: Row, key: Key) -> None:
        """Move a row whose indexed columns changed."""
        if self._key(old) != self._key(new):
            self.remove(old, key)
            self.add(new, key)

    def discard(self, row: Row, key: Key) -> None:
        """Take out a row that may be entered or not."""
        if key in self.buckets.get(self._key(row), []):
            self.remove(row, key)


class PrefixIndex(ByEquality):
    """A single-column index that a form over more columns serves, without memory of its own."""

    __slots__ = ("_server", "columns", "find")

    def __init__(self, column: str, server: PairIndex | OrderedIndex) -> None:
        self.columns: tuple[str, ...] = (column,)
        self._server = server
        self.find: Callable[..., Row | None] = server.find

    def filter(self, *key: Any) -> list[Row]:
        """Return the rows with this value in primary key order."""
        return self._server.filter(*key)

    def count(self, *key: Any) -> int:
        """Return how many rows have this value."""
        return self._server.count(*key)


StoredIndex = KeyIndex | PairIndex | OrderedIndex | HashIndex
