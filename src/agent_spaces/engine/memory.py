"""A database without host, wire and log, to run reducers as plain functions: for tests of a module."""

from collections.abc import Callable, Iterable
from typing import Any

from agent_spaces.clock import Clock, ManualClock
from agent_spaces.engine.context import Context
from agent_spaces.engine.operations import Change
from agent_spaces.engine.tableset import TableSet
from agent_spaces.module import definition_of, reducer_definition_of
from agent_spaces.sats import ConnectionId, Identity, Timestamp
from agent_spaces.sats.bsatn import arguments_encoder

DATABASE_IDENTITY = Identity(b"\xda" * 32)
OWNER_IDENTITY = Identity(b"\x0e" * 32)


class MemoryDatabase:
    """Tables and a way to call reducers on them, each call one transaction.

    `changes` are those of the last call that was kept, a row at most once, as (table, old row, new row).
    """

    def __init__(self, row_classes: Iterable[type[Any]], clock: Clock | None = None, *, generated: bool = True) -> None:
        self.tables = TableSet(map(definition_of, row_classes), generated=generated)
        self.clock = ManualClock() if clock is None else clock
        self.identity, self.owner = DATABASE_IDENTITY, OWNER_IDENTITY
        self.changes: list[Change] = []

    def __getitem__(self, row_class: type[Any]) -> Any:
        """Return the table that the class declares."""
        return self.tables[row_class]

    def call(
        self,
        function: Callable[..., None],
        *args: Any,
        sender: Identity | None = None,
        connection_id: ConnectionId | None = None,
        timestamp: int | None = None,
    ) -> list[Change]:
        """Run a reducer with its arguments in order and return what it changed.

        `sender` is the database itself where none is given, as for scheduled reducers. Whatever the reducer raises
        is raised here, after its changes were undone; a value that does not encode is an EncodeError.
        """
        definition = reducer_definition_of(function)
        now = self.clock.now_us() if timestamp is None else timestamp
        encoded = arguments_encoder(definition.parameters)(args)
        caller = self.identity if sender is None else sender
        context = Context(
            caller, Timestamp(now), connection_id, self.identity, self.tables.access, definition.name, encoded
        )
        try:
            function(context, *args)
            changes = list(self.tables.changes())
            for table, _, new in changes:
                if new is not None:
                    table.encode(new)
        except BaseException:
            self.tables.rollback()
            raise
        self.tables.finish()
        self.changes = changes
        return changes
