"""Which rows a reader gets: a table's rule (audience.py holds what the rules mean) as a filter for one identity."""

from collections.abc import Callable, Collection
from typing import Any

from agent_spaces.engine.subscriptions.audience import EVERYBODY, Scopes
from agent_spaces.engine.subscriptions.snapshot import by_right
from agent_spaces.engine.table import EngineTable
from agent_spaces.engine.tableset import TableSet
from agent_spaces.sats import Identity

Row = Any
RowFilter = Callable[[Row], bool]


class Visibility:
    """The rules of all tables of a database; the owner is exempt."""

    def __init__(self, tables: TableSet, owner: Identity, scopes: Scopes | None = None) -> None:
        self.owner = owner
        self._scopes = Scopes(tables) if scopes is None else scopes

    def row_filter(self, table: EngineTable, identity: Identity) -> RowFilter | None:
        """Return a test of rows of the table by the rights of now, or None where every row may be read.

        A right is looked up once a key: the filter is for one statement and must not outlive the transaction.
        """
        scope = self._scopes[table]
        if identity == self.owner or scope.space is EVERYBODY:
            return None
        known: dict[Any, bool] = {}
        sees, keys_of = scope.space.sees, scope.keys

        def may_read(row: Row) -> bool:
            for key in keys_of(row):
                if key not in known:
                    known[key] = sees(identity, key)
                if known[key]:
                    return True
            return False

        return may_read

    def candidates(self, table: EngineTable, identity: Identity) -> Collection[Row]:
        """Return at least the rows of the table that the identity may read: few, where indexes serve the rule."""
        scope = self._scopes[table]
        if identity == self.owner or scope.space is EVERYBODY:
            return table.rows.values()
        return by_right(table, scope, identity)
