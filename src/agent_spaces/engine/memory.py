"""Databases without a disk: reducers as plain functions for tests of a module, and a whole one in the process."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from agent_spaces.clock import Clock, ManualClock
from agent_spaces.engine.context import Context
from agent_spaces.engine.database import Database
from agent_spaces.engine.operations import Change
from agent_spaces.engine.storage.log import Log, MemoryLog
from agent_spaces.engine.tableset import TableSet
from agent_spaces.module import definition_of, reducer_definition_of
from agent_spaces.module.definition import Module
from agent_spaces.sats import ConnectionId, Identity, Timestamp
from agent_spaces.sats.bsatn import arguments_encoder
from agent_spaces.wire.client_side import decode_server_message
from agent_spaces.wire.messages import ServerMessage

DATABASE_IDENTITY = Identity(b"\xda" * 32)
OWNER_IDENTITY = Identity(b"\x0e" * 32)
_HEAD_BYTES = {126: 4, 127: 10}  # of a frame, by its second byte; 2 for short ones


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
        """Return the table that the class declares, as reducers see it."""
        return self.tables.access[row_class]

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


class CollectingLink:
    """A client inside the process: keeps what it is sent, and how it was closed."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed: tuple[int, str] | None = None

    def send(self, data: bytes) -> None:
        """Keep complete frames."""
        self.writes.append(data)

    def close(self, code: int, reason: str) -> None:
        """Keep the first reason."""
        self.closed = self.closed or (code, reason)

    def take(self) -> list[ServerMessage]:
        """Return the messages that arrived since the last call, in order."""
        data, self.writes = b"".join(self.writes), []
        messages = []
        while data:
            start = _HEAD_BYTES.get(data[1], 2)
            end = start + (data[1] if start == 2 else int.from_bytes(data[2:start], "big"))
            message, stop = decode_server_message(data, start + 1)
            assert (data[0], data[start], stop) == (0x82, 0, end), "a frame is one message, not compressed"
            messages.append(message)
            data = data[end:]
        return messages


def memory_database(
    module: Module,
    clock: Clock | None = None,
    *,
    log: Log | None = None,
    owner: Identity = OWNER_IDENTITY,
    identity: Identity = DATABASE_IDENTITY,
) -> Database:
    """Return a started database on the running event loop that keeps nothing on disk."""
    loop = asyncio.get_running_loop()
    database = Database(
        module,
        MemoryLog(loop.call_soon) if log is None else log,
        ManualClock() if clock is None else clock,
        loop,
        identity=identity,
        owner=owner,
    )
    database.replay([] if log is None else log.replay(0))
    database.start()
    return database
