"""One table in memory: its rows, the indexes over them, and what reducers see of it."""

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

from msgspec.structs import force_setattr

from agent_spaces.engine.bulk import generated_load
from agent_spaces.engine.index import (
    EngineIndex,
    HashIndex,
    Key,
    KeyIndex,
    OrderedIndex,
    PairIndex,
    PrefixIndex,
    Row,
    StoredIndex,
)
from agent_spaces.engine.operations import Journal, event_only, generated_operations, plain_operations
from agent_spaces.engine.storage.records import CHANGE, EVENT, PUT
from agent_spaces.errors import DefinitionError
from agent_spaces.module import Index, TableDefinition
from agent_spaces.sats import Identity
from agent_spaces.sats.bsatn import decoder, encoder, row_decoder, row_encoder

PUT_HEADS_MAX = 4096  # bytes of a row whose head is kept; so many heads a table at most


class TableAccess:
    """What a reducer reaches as `ctx.db[Message]`: module.context.Table, with the indexes as attributes."""

    def __init__(self, table: "EngineTable") -> None:
        self.find: Callable[[Key], Row | None] = table.rows.get
        self.insert, self.update, self.delete, self.draw = table.insert, table.update, table.delete, table.draw
        self._rows = table.rows
        for accessor, index in table.indexes.items():
            if hasattr(self, accessor):
                raise DefinitionError(
                    f"Table {table.name}: an index cannot be reached as {accessor}; rename the column."
                )
            setattr(self, accessor, index)

    def __iter__(self) -> Iterator[Row]:
        """Walk a copy of all rows, in primary key order."""
        rows = self._rows
        return iter([rows[key] for key in sorted(rows)])

    def __len__(self) -> int:
        return len(self._rows)


class EngineTable:
    """A table of the engine; `insert`, `update` and `delete` write in place and into the journal.

    `sequence` is the next number of the auto-increment column; an explicit number moves it past itself when that is
    greater (SpacetimeDB does not move it). Numbers of dropped transactions are skipped, never given again.
    `drawn` is where tables note that numbers were used up which no stored row shows: the log must be told.
    `interned` is where rows that are loaded share equal values.
    `put_heads` are what stands before a row in the log, by its length, as far as `put_head` made them.
    `is_special` tells event and scheduled tables.
    `watched` is whether somebody subscribes to the table; `indexes` are all look-ups by accessor, `stored` those of
    them that have contents; `access` is what reducers get, with the indexes as attributes.
    """

    __slots__ = (
        "_generated",
        "_repeating",
        "access",
        "bit",
        "decode",
        "decode_key",
        "definition",
        "delete",
        "drawn",
        "encode",
        "encode_key",
        "find",
        "indexes",
        "insert",
        "interned",
        "is_event",
        "is_special",
        "journal",
        "link",
        "name",
        "pk_of",
        "put_heads",
        "rows",
        "sequence",
        "stored",
        "swap",
        "table_id",
        "unlink",
        "update",
        "watched",
    )

    def __init__(
        self,
        definition: TableDefinition,
        table_id: int,
        journal: Journal,
        *,
        bit: int = 1,
        drawn: "set[EngineTable] | None" = None,
        interned: dict[Any, Any] | None = None,
        generated: bool = True,
    ) -> None:
        self.definition, self.name, self.table_id, self.journal, self.bit = (
            definition,
            definition.name,
            table_id,
            journal,
            bit,
        )
        self.rows: dict[Key, Row] = {}
        self.sequence = 1
        self._generated = generated
        self.drawn: set[EngineTable] = set() if drawn is None else drawn
        self.interned: dict[Any, Any] = {} if interned is None else interned
        self.watched = False
        self.is_event = definition.event
        self.is_special = definition.event or definition.scheduled is not None
        self.put_heads: dict[int, bytes] = {}
        self.pk_of: Callable[[Row], Key] = attrgetter(definition.primary_key)
        self.encode: Callable[[Row], bytes] = row_encoder(definition.row_class)
        self.decode: Callable[[bytes, int], tuple[Row, int]] = row_decoder(definition.row_class)
        key_annotation = definition.column(definition.primary_key).annotation
        self.encode_key: Callable[[Key], bytes] = encoder(key_annotation)
        self.decode_key: Callable[[bytes, int], tuple[Key, int]] = decoder(key_annotation)
        self.stored: list[StoredIndex] = []
        self.indexes: dict[str, EngineIndex] = {}
        self._make_indexes()
        operations = (generated_operations if generated else plain_operations)(self, journal)
        self.link, self.unlink, self.swap, self.insert, self.update, self.delete = operations
        if definition.event:
            self.update = self.delete = self._refuse_change
        self.find: Callable[[Key], Row | None] = self.rows.get
        self.access = TableAccess(self)
        leading = {index.columns[0] for index in self.stored if not isinstance(index, KeyIndex)}
        self._repeating = [c.name for c in definition.columns if c.annotation is Identity or c.name in leading]

    def _make_indexes(self) -> None:
        definition, name = self.definition, self.name
        primary = definition.primary_key
        self.indexes[primary] = KeyIndex(name, primary, self.rows)
        for column in definition.columns:
            if column.unique and column.name != primary:
                self._store(column.name, KeyIndex(name, column.name, {}))
        wanted = {index.accessor: index for index in definition.indexes if index.accessor not in self.indexes}
        servers: dict[str, PairIndex | OrderedIndex] = {}
        for accessor, index in wanted.items():
            made: PairIndex | OrderedIndex | None = None
            if index.form == "pair":
                made = self._pair(index)
            elif index.form == "ordered":
                made = OrderedIndex(index.columns, self.rows)
            if made is not None:
                self._store(accessor, made)
                if len(index.columns) == 2:
                    servers.setdefault(index.columns[0], made)
        for accessor, index in wanted.items():
            if index.form != "hash":
                continue
            server = servers.get(index.columns[0]) if len(index.columns) == 1 else None
            if server is not None:
                self.indexes[accessor] = PrefixIndex(accessor, server)
            else:
                self._store(accessor, HashIndex(index.columns, self.rows))
        for each in self.stored:
            if isinstance(each, HashIndex) and len(each.columns) > 1:
                each.first = self.indexes.get(each.columns[0])

    def _pair(self, index: Index) -> PairIndex:
        if len(index.columns) != 2:
            raise DefinitionError(f"Table {self.name}: an index of form pair has two columns, {index!r} has not.")
        return PairIndex(self.name, (index.columns[0], index.columns[1]), self.definition.primary_key)

    def _store(self, accessor: str, index: StoredIndex) -> None:
        self.stored.append(index)
        self.indexes[accessor] = index

    def _refuse_change(self, _row_or_key: Any) -> Any:
        raise event_only(self.name)

    def put_head(self, size: int) -> bytes:
        """Return what stands before a row of so many bytes in the log, and keep it for short rows."""
        head = CHANGE.pack(self.table_id, EVENT if self.is_event else PUT, size)
        if size <= PUT_HEADS_MAX:
            self.put_heads[size] = head
        return head

    def draw(self) -> int:
        """Use up and return the next number of the auto-increment column."""
        assert self.definition.auto_inc is not None, f"{self.name} has no auto-increment column."
        number = self.sequence
        self.sequence = number + 1
        self.drawn.add(self)
        return number

    def load(self, row: Row) -> None:
        """Put a row that was stored before, in place of the one with its primary key; not journalled.

        Values that repeat (identities, keys of indexes) become one object in all rows.
        """
        interned = self.interned
        for column in self._repeating:
            value = getattr(row, column)
            known = interned.setdefault(value, value)
            if known is not value and type(known) is type(value):
                force_setattr(row, column, known)
        old = self.rows.get(self.pk_of(row))
        if old is None:
            self.link(row)
        else:
            self.swap(old, row)
        if self.definition.auto_inc is not None:
            self.sequence = max(self.sequence, getattr(row, self.definition.auto_inc) + 1)

    def load_all(self, rows: list[Row]) -> None:
        """Put many stored rows, of distinct primary keys, into the empty table; the list is sorted.

        The same as `load` of each; the generated form is about four times as fast.
        """
        assert not self.rows, f"{self.name} has rows already."
        rows.sort(key=self.pk_of)
        if self._generated:
            generated_load(self, self._repeating)(rows)
        else:
            for row in rows:
                self.load(row)
        assert len(self.rows) == len(rows), f"{self.name}: two stored rows have one primary key."
        if self.definition.auto_inc is not None and rows:
            self.sequence = max(self.sequence, max(map(attrgetter(self.definition.auto_inc), rows)) + 1)

    def unload(self, key: Key) -> None:
        """Take out a row that was stored before, if it is there; not journalled."""
        row = self.rows.get(key)
        if row is not None:
            self.unlink(row)

    def clear(self) -> None:
        """Drop all rows, not journalled: the end of a transaction for an event table."""
        self.rows.clear()
        for index in self.stored:
            index.buckets.clear()

    def equality(self, *columns: str) -> EngineIndex | None:
        """Return an index whose `filter` takes values of exactly these columns in this order, if there is one."""
        for index in self.indexes.values():
            if index.columns == columns:
                return index
        for index in self.stored:
            if isinstance(index, PairIndex | OrderedIndex) and index.columns[:-1] == columns:
                return index
        return None

    def __iter__(self) -> Iterator[Row]:
        """Walk a copy of all rows, in primary key order."""
        return iter(self.access)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"<table {self.name}: {len(self.rows)} rows>"
