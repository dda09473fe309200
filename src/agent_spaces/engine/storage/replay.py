"""Rows of a module after the groups of its log."""

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from agent_spaces.engine.collector import no_collections
from agent_spaces.engine.storage.changes import Changed, LoggedTable, NetChanges
from agent_spaces.engine.storage.records import decode_whole
from agent_spaces.sats.bsatn import decoder, rows_decoder

if TYPE_CHECKING:
    from agent_spaces.engine.storage.log import Record
    from agent_spaces.module.table import TableDefinition

Rows = dict[str, list[Any]]  # by table name, in no order
Sequences = dict[str, int]  # next numbers by table name


class _Rows:
    """The rows of one table; they become a dict when the log first touches them."""

    def __init__(self, table: "TableDefinition", rows: list[Any]) -> None:
        self.name, self._table, self._rows = table.name, table, rows
        self._by_key: dict[Any, Any] | None = None
        self._key_of = attrgetter(table.primary_key)

    def change(self, changed: Changed) -> None:
        """Put, replace and take out."""
        if self._by_key is None:
            self._by_key = dict(zip(map(self._key_of, self._rows), self._rows, strict=True))
        table = self._table
        rows = rows_decoder(table.row_class)(data for data in changed.values() if data is not None)
        self._by_key.update(zip(map(self._key_of, rows), rows, strict=True))
        if len(rows) < len(changed):
            decode_key = decoder(table.column(table.primary_key).annotation)
            for key in [key for key, data in changed.items() if data is None]:
                self._by_key.pop(decode_whole(decode_key, key), None)

    def take(self) -> list[Any]:
        """Return the rows as they are now, and let go of them."""
        by_key, self._by_key = self._by_key, None
        return self._rows if by_key is None else list(by_key.values())


def replayed(
    tables: "Mapping[int, TableDefinition]", rows: Rows, sequences: Sequences, found: "Iterable[Record]"
) -> tuple[Rows, Sequences]:
    """Return rows and next numbers after the groups; the tables are given by their ids in the log.

    DamagedError if a group does not fit the tables.
    """
    kept = {table_id: _Rows(table, rows.get(table.name, [])) for table_id, table in tables.items() if not table.event}
    logged = {table_id: _logged(table, sequences.get(table.name, 1)) for table_id, table in tables.items()}
    net = NetChanges(logged, lambda table_id, changed: kept[table_id].change(changed))
    with no_collections():
        net.take_all(found)
        after = {each.name: each.take() for each in kept.values()}
    return after, {tables[i].name: each.next_number for i, each in logged.items() if each.next_number > 1}


def _logged(table: "TableDefinition", next_number: int) -> LoggedTable:
    names = [column.name for column in table.columns]
    auto = None if table.auto_inc is None else names.index(table.auto_inc)
    annotations = [column.annotation for column in table.columns]
    return LoggedTable(annotations, names.index(table.primary_key), auto, next_number)
