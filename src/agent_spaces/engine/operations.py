"""What writes one table: the plain form over its indexes, and the same steps as code generated from its schema.

Every write goes in place and is noted in the journal as (table, old row, new row); checks stand before the first
change, so that a write either happens as a whole or not at all. Generated code is worth 1.2 us a transaction.
"""

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec.structs import force_setattr

from agent_spaces.engine.index import (
    HashIndex,
    KeyIndex,
    OrderedIndex,
    PairIndex,
    Row,
    StoredIndex,
    hash_remove,
    ordered_insert,
    ordered_remove,
    taken,
)
from agent_spaces.native import choice as native

if TYPE_CHECKING:
    from agent_spaces.engine.table import EngineTable

Change = tuple["EngineTable", Row | None, Row | None]
Journal = list[Change]


class Operations(NamedTuple):
    """The writes of one table; `link`, `unlink` and `swap` neither check nor journal."""

    link: Callable[[Row], None]
    unlink: Callable[[Row], None]
    swap: Callable[[Row, Row], None]
    insert: Callable[[Row], Row]
    update: Callable[[Row], Row]
    delete: Callable[[Any], bool]


def repair(table: "EngineTable", old: Row | None, new: Row) -> None:
    """Undo a write that failed half-way, which only values of a wrong type can cause."""
    key = table.pk_of(new)
    if old is None:
        table.rows.pop(key, None)
    else:
        table.rows[key] = old
    for index in table.stored:
        for row in (new, old):
            if row is not None:
                try:
                    index.discard(row, key)
                except TypeError:  # a value without hash or order was never entered
                    continue
        if old is not None:
            index.add(old, key)


def missing(table: str) -> AssertionError:
    """Return the error for an update of a row that is not there: a bug of the reducer."""
    return AssertionError(f"{table}: there is no row with this primary key to update.")


def event_only(table: str) -> AssertionError:
    """Return the error for changing what lives only in its transaction."""
    return AssertionError(f"{table} is an event table: rows are inserted and never updated or deleted.")


def _plain_writes(
    table: "EngineTable", stored: Sequence[StoredIndex]
) -> tuple[Callable[[Row], None], Callable[[Row], None], Callable[[Row, Row], None]]:
    rows, pk_of = table.rows, table.pk_of

    def link(row: Row) -> None:
        key = pk_of(row)
        rows[key] = row
        for index in stored:
            index.add(row, key)

    def unlink(row: Row) -> None:
        key = pk_of(row)
        del rows[key]
        for index in stored:
            index.remove(row, key)

    def swap(old: Row, new: Row) -> None:
        key = pk_of(old)
        rows[key] = new
        for index in stored:
            index.refresh(old, new, key)

    return link, unlink, swap


def plain_operations(table: "EngineTable", journal: Journal) -> Operations:
    """Return the reference form: loops over the indexes."""
    rows, pk_of, stored, numbered = table.rows, table.pk_of, table.stored, table.definition.auto_inc
    link, unlink, swap = _plain_writes(table, stored)

    def insert(row: Row) -> Row:
        if numbered is not None:
            number = getattr(row, numbered)
            if not number:
                number = table.sequence
                force_setattr(row, numbered, number)
            if number >= table.sequence:
                table.sequence = number + 1
        if pk_of(row) in rows:
            taken(table.name, (table.definition.primary_key,))
        for index in stored:
            index.check(None, row)
        try:
            link(row)
        except BaseException:
            repair(table, None, row)
            raise
        journal.append((table, None, row))
        return row

    def update(row: Row) -> Row:
        old = rows.get(pk_of(row))
        if old is None:
            raise missing(table.name)
        if old == row:
            return old
        for index in stored:
            index.check(old, row)
        try:
            swap(old, row)
        except BaseException:
            repair(table, old, row)
            raise
        journal.append((table, old, row))
        return row

    def delete(key: Any) -> bool:
        row = rows.get(key)
        if row is None:
            return False
        unlink(row)
        journal.append((table, row, None))
        return True

    return Operations(link, unlink, swap, insert, update, delete)


class _Writer:
    """Writes the source of one table's operations; index i has its contents in the variable b<i>."""

    def __init__(self, table: "EngineTable") -> None:
        self.pk, self.numbered = table.definition.primary_key, table.definition.auto_inc
        self.indexes = list(enumerate(table.stored))

    def key(self, index: StoredIndex, row: str) -> str:
        columns = index.columns[:-1] if isinstance(index, OrderedIndex) else index.columns
        parts = [f"{row}.{column}" for column in columns]
        return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"

    def is_taken(self, number: int, index: StoredIndex, row: str) -> str:
        if isinstance(index, PairIndex):
            first, second = index.columns
            return f"{row}.{second} in b{number}.get({row}.{first}, ())"
        return f"{self.key(index, row)} in b{number}"

    def same(self, index: StoredIndex) -> str:
        return " and ".join(f"old.{column} == row.{column}" for column in index.columns)

    def checks(self, pad: str, *, update: bool) -> Iterator[str]:
        for number, index in self.indexes:
            if isinstance(index, KeyIndex | PairIndex):
                condition = self.is_taken(number, index, "row")
                if update:
                    condition = f"not ({self.same(index)}) and {condition}"
                yield f"{pad}if {condition}: taken(table.name, {index.columns!r})"

    def add(self, number: int, index: StoredIndex, row: str, pad: str) -> Iterator[str]:
        """Enter a row whose primary key is in `p`."""
        bucket, key, pk = f"b{number}", self.key(index, row), "p"
        if isinstance(index, KeyIndex):
            yield f"{pad}{bucket}[{key}] = {row}"
        elif isinstance(index, PairIndex):
            first, second = (f"{row}.{column}" for column in index.columns)
            yield f"{pad}d = {bucket}.get({first})"
            yield f"{pad}if d is None: {bucket}[{first}] = {{{second}: {row}}}"
            yield f"{pad}else: d[{second}] = {row}"
        elif isinstance(index, HashIndex):
            yield f"{pad}k = {key}; d = {bucket}.get(k)"
            yield f"{pad}if d is None: {bucket}[k] = [{pk}]"
            yield f"{pad}elif d[-1] < {pk}: d.append({pk})"
            yield f"{pad}else: insort(d, {pk})"
        else:
            yield f"{pad}k = {key}; d = {bucket}.get(k); v = {row}.{index.columns[-1]}"
            yield f"{pad}if d is None: {bucket}[k] = ([v], [{pk}])"
            yield f"{pad}else:"
            yield f"{pad} values, keys = d"
            yield f"{pad} if values[-1] < v: values.append(v); keys.append({pk})"
            yield f"{pad} else: ordered_insert(d, v, {pk})"

    def remove(self, number: int, index: StoredIndex, row: str, pad: str) -> Iterator[str]:
        """Take out a row whose primary key is in `p`."""
        bucket, key, pk = f"b{number}", self.key(index, row), "p"
        if isinstance(index, KeyIndex):
            yield f"{pad}del {bucket}[{key}]"
        elif isinstance(index, PairIndex):
            first, second = (f"{row}.{column}" for column in index.columns)
            yield f"{pad}d = {bucket}[{first}]; del d[{second}]"
            yield f"{pad}if not d: del {bucket}[{first}]"
        elif isinstance(index, HashIndex):
            yield f"{pad}k = {key}; d = {bucket}[k]; hash_remove(d, {pk})"
            yield f"{pad}if not d: del {bucket}[k]"
        else:
            yield f"{pad}k = {key}; d = {bucket}[k]; ordered_remove(d, {row}.{index.columns[-1]}, {pk})"
            yield f"{pad}if not d[0]: del {bucket}[k]"

    def add_all(self, row: str, pad: str) -> Iterator[str]:
        yield f"{pad}rows[p] = {row}"
        for number, index in self.indexes:
            yield from self.add(number, index, row, pad)

    def remove_all(self, row: str, pad: str) -> Iterator[str]:
        yield f"{pad}del rows[p]"
        for number, index in self.indexes:
            yield from self.remove(number, index, row, pad)

    def replace_all(self, pad: str) -> Iterator[str]:
        """An index whose columns did not change is only refreshed, and one that holds keys is not touched."""
        yield f"{pad}rows[p] = row"
        for number, index in self.indexes:
            if isinstance(index, KeyIndex):
                yield f"{pad}if {self.same(index)}: b{number}[{self.key(index, 'row')}] = row"
            elif isinstance(index, PairIndex):
                first, second = index.columns
                yield f"{pad}if {self.same(index)}: b{number}[row.{first}][row.{second}] = row"
            else:
                yield f"{pad}if {self.same(index)}: pass"
            yield f"{pad}else:"
            yield from self.remove(number, index, "old", pad + " ")
            yield from self.add(number, index, "row", pad + " ")

    def number(self) -> Iterator[str]:
        """Number the row and check its primary key, which is `p` from here; a number just drawn is not taken."""
        check = f"if p in rows: taken(table.name, ({self.pk!r},))"
        if self.numbered is not None:
            yield f" n = row.{self.numbered}"
            yield f" if not n: n = table.sequence; set_field(row, {self.numbered!r}, n); table.sequence = n + 1"
            yield " elif n >= table.sequence: table.sequence = n + 1"
            if self.numbered == self.pk:
                yield f" el{check}".replace("if p", "if n")
                yield " p = n"
                return
        yield f" p = row.{self.pk}"
        yield f" {check}"

    def source(self) -> str:
        pk = self.pk
        guard = " except BaseException:"
        return "\n".join(
            [
                "def link(row):",
                f" p = row.{pk}",
                *self.add_all("row", " "),
                "def unlink(row):",
                f" p = row.{pk}",
                *self.remove_all("row", " "),
                "def swap(old, row):",
                f" p = row.{pk}",
                *self.replace_all(" "),
                "def insert(row):",
                *self.number(),
                *self.checks(" ", update=False),
                " try:",
                *self.add_all("row", "  "),
                guard,
                "  repair(table, None, row)",
                "  raise",
                " note((table, None, row))",
                " return row",
                "def update(row):",
                f" p = row.{pk}; old = rows.get(p)",
                " if old is None: raise missing(table.name)",
                " if old == row: return old",
                *self.checks(" ", update=True),
                " try:",
                *self.replace_all("  "),
                guard,
                "  repair(table, old, row)",
                "  raise",
                " note((table, old, row))",
                " return row",
                "def delete(key):",
                " row = rows.get(key)",
                " if row is None: return False",
                f" p = row.{pk}",
                *self.remove_all("row", " "),
                " note((table, row, None))",
                " return True",
            ]
        )


def generated_operations(table: "EngineTable", journal: Journal) -> Operations:
    """Return the same operations unrolled for this table's columns and indexes."""
    names: dict[str, Any] = {
        "table": table,
        "rows": table.rows,
        "note": journal.append,
        "set_field": force_setattr,
        "taken": taken,
        "missing": missing,
        "repair": repair,
        "insort": insort,
        "hash_remove": hash_remove,
        "ordered_insert": ordered_insert,
        "ordered_remove": ordered_remove,
    }
    for number, index in enumerate(table.stored):
        names[f"b{number}"] = index.buckets
    exec(compile(_Writer(table).source(), f"<operations of table {table.name}>", "exec"), names)
    return compiled_operations(table, journal, Operations(*(names[name] for name in Operations._fields)))


def compiled_operations(table: "EngineTable", journal: Journal, reference: Operations) -> Operations:
    """Return operations whose usual inserts and updates are compiled, if there are such: see `agent_spaces.native`."""
    if native.tables is None:
        return reference
    definition, forms = table.definition, native.tables.Form
    by_class = {KeyIndex: forms.UNIQUE, PairIndex: forms.PAIR, HashIndex: forms.HASH, OrderedIndex: forms.ORDERED}
    indexes = [(by_class[type(index)], index.columns, index.buckets) for index in table.stored]
    numbered = definition.auto_inc is not None and definition.auto_inc == definition.primary_key
    try:
        writes = native.tables.Writes(
            table,
            definition.row_class,
            definition.primary_key,
            numbered,
            indexes,
            journal,
            reference.insert,
            reference.update,
            repair,
            insort,
            ordered_insert,
        )
    except TypeError:  # rows without slots
        return reference
    return reference._replace(insert=writes.insert, update=writes.update)
