"""One database: calls, subscriptions and timers, one after the other on the event loop's thread."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from struct import Struct
from struct import error as StructError  # noqa: N812 - an exception class with a lower-case name
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from agent_spaces.engine.calls import (
    NO_SUCH_REDUCER,
    OK_HEAD,
    OK_WITHOUT_UPDATE,
    Callee,
    CalleeTable,
    CallOutcome,
    Status,
    error_frame,
    failure_of,
    ok_frame,
)
from agent_spaces.engine.committer import Committer, Loop
from agent_spaces.engine.compiled import Receive, deliver, receiver
from agent_spaces.engine.connection import NOWHERE, Connection, Link
from agent_spaces.engine.context import Context
from agent_spaces.engine.host_calls import HostCalls
from agent_spaces.engine.replay import replay
from agent_spaces.engine.requests import Requests, server_frame
from agent_spaces.engine.scheduler import TURN_ROWS_MAX, Scheduler
from agent_spaces.engine.sql_run import SqlRunner
from agent_spaces.engine.storage.records import NO_REDUCER
from agent_spaces.engine.subscriptions import Subscriptions
from agent_spaces.engine.system import SYSTEM_TABLES
from agent_spaces.engine.tableset import TableSet
from agent_spaces.engine.transaction import NOTHING, Transactions
from agent_spaces.engine.undo import tell_undone, undo_tables
from agent_spaces.engine.visibility import Visibility
from agent_spaces.errors import DecodeError, RefusedError, StorageError
from agent_spaces.sats import ConnectionId, Identity, Timestamp
from agent_spaces.wire.host_side import decode_client_message
from agent_spaces.wire.messages import CallReducer, InitialConnection

if TYPE_CHECKING:
    from agent_spaces.clock import Clock
    from agent_spaces.engine.group import Group
    from agent_spaces.engine.storage.log import Log, Record
    from agent_spaces.module.definition import Module

logger = structlog.get_logger(__name__)
T = TypeVar("T")

SYSTEM_TABLE_IDS = 0xFF00  # the ids of the host's own tables start here
CLOSE_FAILED = 1011
CALL_TAG = 3  # of CallReducer among client messages
_CALL = Struct("<BIBI").unpack_from  # tag, request id, flags, length of the name
_LENGTH = Struct("<I").unpack_from


def default_table_ids(module: "Module") -> dict[str, int]:
    """Return ids for a new folder: those of the module from 1 in order of declaration, the host's own from 0xFF00."""
    ids = {name: position for position, name in enumerate(module.tables, 1)}
    return ids | {each.name: SYSTEM_TABLE_IDS + position for position, each in enumerate(SYSTEM_TABLES)}


class Database:
    """A running module. Make it, give it the stored rows (`tables`, `replay`), then `start` it.

    `table_ids` and `reducer_ids` are those of the stored definition. Everything happens on the thread of `loop`, and
    nobody hears of anything before it is durable in `log`.
    """

    def __init__(
        self,
        module: "Module",
        log: "Log",
        clock: "Clock",
        loop: Loop,
        *,
        identity: Identity,
        owner: Identity,
        name: str = "spaces",
        table_ids: Mapping[str, int] | None = None,
        reducer_ids: Mapping[str, int] | None = None,
    ) -> None:
        self.module, self.identity, self.owner, self.name = module, identity, owner, name
        definitions = [*module.tables.values(), *SYSTEM_TABLES]
        self.tables = TableSet(definitions, default_table_ids(module) if table_ids is None else table_ids)
        self.connections: dict[ConnectionId, Connection] = {}
        self._log, self._now, self._monotonic = log, clock.now_us, clock.monotonic
        self._callees = CalleeTable(module.reducers.values(), reducer_ids)
        self.open_callees, self._access = self._callees.open, self.tables.access
        self._committer = Committer(loop, log, self, deliver)
        self.subscriptions = Subscriptions(self.tables)
        self.sql = SqlRunner(self.tables, Visibility(self.tables, owner), self.transact)
        self._scheduler = Scheduler(self.tables, clock, loop, self._fire)
        self._transactions = Transactions(self.tables, self.subscriptions, self._committer, self._scheduler)
        self._host_calls = HostCalls(
            self.tables, self._callees, self._transactions, self._committer, identity, clock.now_us
        )
        self._requests = Requests(self.subscriptions, self.sql, self._committer)
        self.receive: Receive = receiver(self, self._committer, self._transactions, self.subscriptions, self._now)

    def replay(self, records: "Iterable[Record]") -> None:
        """Take in durable groups, before `start`; DamagedError if they do not fit."""
        replay(self.tables, records)

    def start(self) -> None:
        """Begin to serve: run `init` in a database without a transaction, end what a crash left, start the timers.

        Whatever `init` raises is raised here: there is no database then.
        """
        self.tables.interned.clear()
        self._committer.offset = self._log.next_offset
        if self._committer.offset == 0:
            self._host_calls.init(self.owner)
        self._host_calls.end_left_connections({})
        self._scheduler.start()

    def stop(self, reason: str = "module exited") -> None:
        """End all connections with 1001 and fire no more timers; their disconnects run at the next start."""
        self._scheduler.stop()
        self._committer.stop()
        for connection in list(self.connections.values()):
            connection.link.close(1001, reason)
            self._forget(connection)

    @property
    def tx_offset(self) -> int:
        """The number of the next transaction."""
        return self._committer.offset

    def receive_message(self, connection: Connection, payload: bytes, offset: int = 0) -> int:
        """Take one client message; return the offset behind it. DecodeError: close the connection with 1011.

        `receive` does the same and is what to call: it is the compiled form where there is one.
        """
        try:
            tag, request_id, flags, length = _CALL(payload, offset)
            if tag != CALL_TAG:
                return self._requests.receive(connection, payload, offset)
            name_end = offset + 10 + length
            start = name_end + 4
            end: int = start + _LENGTH(payload, name_end)[0]
        except (IndexError, StructError):
            return decode_client_message(payload, offset)[1]  # says what is wrong
        if flags or end > len(payload):
            return decode_client_message(payload, offset)[1]
        timestamp = Timestamp(self._now())
        committer = self._committer
        callee = self.open_callees.get(payload[offset + 10 : name_end])
        if callee is None or committer.failed is not None:
            callee = self._check_callee(connection, payload, offset, timestamp)
            if callee is None:
                return end
        try:
            args, stop = callee.decode(payload, start)
            if stop > end:
                callee.decode(payload[:end], start)
        except DecodeError as error:
            text = f"invalid arguments for reducer {callee.name}: {error.reason}"
            self._reply_error(connection, request_id, timestamp, "invalid_arguments", text)
            return end
        sender = connection.identity
        try:
            callee.function(
                Context(
                    sender,
                    timestamp,
                    connection.connection_id,
                    self.identity,
                    self._access,
                    callee.name,
                    payload[start:stop],
                ),
                *args,
            )
            own = self._transactions.commit(callee.number, timestamp, sender, connection)
        except BaseException as error:  # noqa: BLE001 - ends only this call; _failed raises what is no Exception
            self.call_failed(connection, request_id, timestamp, callee, error)
            return end
        group = committer.group
        position = group.position
        group.position = position + 2
        if own == NOTHING:
            frame = OK_WITHOUT_UPDATE(OK_HEAD, request_id, timestamp, b"")
        else:
            frame = ok_frame(request_id, timestamp, own)
        group.answers.append((connection, position, frame))
        if not committer.awake:
            committer.wake()
        return end

    def refuse(self, connection: Connection, payload: bytes, offset: int, text: str) -> int:
        """Answer the call at `offset` with a refusal, without running it; return the offset behind it. DecodeError."""
        message, end = decode_client_message(payload, offset)
        assert isinstance(message, CallReducer), "only calls are refused"
        self._reply_error(connection, message.request_id, Timestamp(self._now()), "refused", text)
        return end

    def _check_callee(self, connection: Connection, payload: bytes, offset: int, timestamp: Timestamp) -> Callee | None:
        """Return the reducer after all, or answer why it is not called."""
        message = decode_client_message(payload, offset)[0]
        assert isinstance(message, CallReducer)
        callee = self._callees.by_name.get(message.reducer)
        if callee is None:
            refusal: tuple[Status, str] | None = ("unknown", NO_SUCH_REDUCER)
        else:
            refusal = callee.refuses(is_owner=connection.is_owner)
        if refusal is None and self._committer.failed is not None:
            refusal = ("unavailable", str(self._committer.failed))
        if refusal is None:
            return callee
        self._reply_error(connection, message.request_id, timestamp, *refusal)
        return None

    def _reply_error(
        self, connection: Connection, request_id: int, timestamp: Timestamp, status: Status, text: str
    ) -> None:
        self._committer.group.reply(connection, error_frame(request_id, timestamp, status, text))
        self._committer.wake()

    def call_failed(
        self, connection: Connection, request_id: int, timestamp: Timestamp, callee: Callee, error: BaseException
    ) -> None:
        """Undo the open call and answer why it failed; what is no Exception is raised again."""
        self._reply_error(connection, request_id, timestamp, *self._failed(callee, error))

    def _failed(self, callee: Callee, error: BaseException) -> tuple[Status, str]:
        """Undo the open call and return what its caller is told; only bugs are logged, with their traceback."""
        self._transactions.rollback()
        if not isinstance(error, Exception):
            raise error
        status, text = failure_of(error)
        if status != "refused":
            logger.error("call.failed", database=self.name, reducer=callee.name, exc_info=error)
        return status, text

    def connect(self, link: Link, identity: Identity, connection_id: ConnectionId, token: str) -> Connection:
        """Let a client in and queue its InitialConnection, which repeats the token.

        RefusedError if `client_connected` says no or breaks; StorageError while the log cannot be written.
        """
        if connection_id in self.connections:
            raise RefusedError(f"The connection id {connection_id.hex()} is in use.")
        self._host_calls.connected(identity, connection_id)
        connection = Connection(identity, connection_id, link, is_owner=identity == self.owner)
        group = self._committer.group
        group.joined.append(connection)
        group.reply(connection, server_frame(InitialConnection(identity, connection_id, token)))
        self.connections[connection_id] = connection
        return connection

    def disconnect(self, connection: Connection) -> None:
        """Let go of a connection that is lost and run `client_disconnected`, at most once for each."""
        if self.connections.get(connection.connection_id) is not connection:
            return
        self._forget(connection)
        if self._committer.failed is None:
            self._host_calls.disconnected(connection.identity, connection.connection_id)

    def _forget(self, connection: Connection) -> None:
        self.connections.pop(connection.connection_id, None)
        self.subscriptions.drop(connection)
        connection.link = NOWHERE

    async def call(
        self, identity: Identity, reducer: str, args: bytes, *, connection_id: ConnectionId | None = None
    ) -> CallOutcome:
        """Run a reducer for somebody without a connection and wait until it is durable; `args` is BSATN."""
        began = self._monotonic()
        timestamp = Timestamp(self._now())
        status, text = self._call(identity, reducer, args, connection_id, timestamp)
        outcome = CallOutcome(status, text, timestamp, round((self._monotonic() - began) * 1_000_000))
        result: CallOutcome = await self._durable(
            outcome,
            lambda error: CallOutcome("unavailable", str(error), timestamp) if status == "committed" else outcome,
        )
        return result

    def _call(
        self, identity: Identity, reducer: str, args: bytes, connection_id: ConnectionId | None, timestamp: Timestamp
    ) -> tuple[Status, str]:
        callee = self._callees.by_name.get(reducer)
        if callee is None:
            return "unknown", NO_SUCH_REDUCER
        refusal = callee.refuses(is_owner=identity == self.owner)
        if refusal is not None:
            return refusal
        if self._committer.failed is not None:
            return "unavailable", str(self._committer.failed)
        try:
            values, stop = callee.decode(args, 0)
        except DecodeError as error:
            return "invalid_arguments", f"invalid arguments for reducer {reducer}: {error.reason}"
        host = self._host_calls

        def work() -> None:
            host.run(callee, identity, connection_id, timestamp, values, args[:stop])

        try:
            host.transact_at(timestamp, identity, work, callee.number)
        except Exception as error:  # noqa: BLE001 - whatever a reducer raises ends only its call
            return self._failed(callee, error)
        return "committed", ""

    def transact(self, caller: Identity, work: Callable[[], T], reducer_id: int = NO_REDUCER) -> T:
        """Run `work` as one transaction and return what it returns; what it raises undoes it and is raised here.

        `settled` waits for it. StorageError while the log cannot be written.
        """
        return self._host_calls.transact(caller, work, reducer_id)

    async def settled(self) -> None:
        """Wait until everything committed so far is durable; StorageError if it was undone instead."""
        error = await self._durable(None, lambda error: error)
        if error is not None:
            raise error

    def _durable(self, result: Any, undone: Callable[[Exception], Any]) -> "asyncio.Future[Any]":
        """Return a future of `result` once the open group is durable, or of `undone(error)`."""
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._committer.group.waiting.append((future, result, undone))
        self._committer.wake()
        return future

    async def run_due(self) -> None:
        """Fire all timers that are due, also those that this makes due, and wait until that is durable."""
        while self._committer.failed is None and (due := self._scheduler.take()) is not None:
            self._host_calls.scheduled(*due)
            await asyncio.sleep(0)
        await self.settled()

    def _fire(self) -> None:
        for _ in range(TURN_ROWS_MAX):
            due = self._scheduler.take()
            if due is None:
                return
            self._host_calls.scheduled(*due)

    def undo(self, groups: "list[Group]", error: StorageError, in_doubt: StorageError) -> None:
        """Go back to what is durable: called by the committer when the log fails."""
        self._scheduler.stop()
        undo_tables(groups, self.tables, self.subscriptions)
        errors = (in_doubt, *(error for _ in groups[1:]))
        tell_undone(groups, errors, self._committer.group, self._cut_off)
        self._committer.wake()

    def resumed(self) -> None:
        """Go on after `undo`: called by the committer when the log works again."""
        self._host_calls.end_left_connections(self.connections)
        self._scheduler.start()

    def halted(self, error: Exception) -> None:
        """End all connections: an invariant is broken, and nothing of this database can be relied on."""
        logger.critical("database.halted", database=self.name, exc_info=error)
        self._scheduler.stop()
        for connection in list(self.connections.values()):
            self._cut_off(connection, "the database has stopped")

    def _cut_off(self, connection: Connection, reason: str) -> None:
        connection.link.close(CLOSE_FAILED, reason)
        self._forget(connection)
