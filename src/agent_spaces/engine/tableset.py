"""All tables of one database over one journal: what a transaction changes, undoes and gives on."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agent_spaces.engine.operations import Change
from agent_spaces.engine.table import EngineTable, TableAccess
from agent_spaces.module import TableDefinition


class TableSet:
    """The tables by row class (`tables[Message]`), by name and by id, and the journal of the open transaction.

    `ids` gives the table ids of the stored definition; without it they count from 1. `access` is what reducers get
    as `ctx.db`. `generated=False` takes the plain form of the table operations.
    """

    def __init__(
        self, definitions: Iterable[TableDefinition], ids: Mapping[str, int] | None = None, *, generated: bool = True
    ) -> None:
        self.journal: list[Change] = []
        self.drawn: set[EngineTable] = set()  # tables whose next number the log must be told
        self.interned: dict[Any, Any] = {}  # values that loaded rows share; to be cleared when all are loaded
        self.by_name: dict[str, EngineTable] = {}
        self.by_id: dict[int, EngineTable] = {}
        self.by_class: dict[type[Any], EngineTable] = {}
        self.access: dict[type[Any], TableAccess] = {}
        for position, definition in enumerate(definitions):
            table_id = position + 1 if ids is None else ids[definition.name]
            table = EngineTable(
                definition, table_id, self.journal, bit=1 << position, drawn=self.drawn, generated=generated
            )
            self.by_name[definition.name] = self.by_id[table_id] = self.by_class[definition.row_class] = table
            self.access[definition.row_class] = table.access

    def __getitem__(self, row_class: type[Any]) -> EngineTable:
        """Return the table that the class declares."""
        return self.by_class[row_class]

    def __iter__(self) -> Iterator[EngineTable]:
        return iter(self.by_name.values())

    def __len__(self) -> int:
        return len(self.by_name)

    def changes(self) -> list[Change]:
        """Return what the open transaction changes, each row once; what ends as it began is left out."""
        journal = self.journal
        seen = 0
        for change in journal:
            bit = change[0].bit
            if seen & bit:
                return self._collapsed()
            seen |= bit
        return journal

    def finish(self) -> None:
        """End the open transaction and keep its changes; event tables are empty afterwards."""
        for table, _, _ in self.journal:
            if table.is_event and table.rows:
                table.clear()
        self.journal.clear()

    def rollback(self) -> None:
        """End the open transaction and undo its changes; the numbers it drew stay used up."""
        self._note_numbers()
        undo(self.journal)
        self.journal.clear()

    def _note_numbers(self) -> None:
        for table, old, _ in self.journal:
            if old is None and table.definition.auto_inc is not None:
                self.drawn.add(table)

    def _collapsed(self) -> list[Change]:
        net: dict[tuple[int, Any], Change] = {}
        for table, old, new in self.journal:
            key = (table.bit, table.pk_of(old if new is None else new))
            before = net.get(key)
            net[key] = (table, old if before is None else before[1], new)
        for table, old, new in net.values():
            if old is new is None and table.definition.auto_inc is not None:
                self.drawn.add(table)  # a row that came and went: its number is used up all the same
        return [change for change in net.values() if change[1] != change[2]]


def undo(changes: list[Change]) -> None:
    """Take back changes, the last one first."""
    for table, old, new in reversed(changes):
        if old is None:
            table.unlink(new)
        elif new is None:
            table.link(old)
        else:
            table.swap(new, old)
