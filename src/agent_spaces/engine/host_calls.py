"""Transactions that the host makes by itself: lifecycle reducers, timers, work of its own."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from agent_spaces.engine.calls import Callee, CalleeTable, failure_of
from agent_spaces.engine.context import Context
from agent_spaces.engine.storage.records import NO_REDUCER
from agent_spaces.engine.system import StClient
from agent_spaces.errors import RefusedError
from agent_spaces.module.reducer import Lifecycle
from agent_spaces.sats import ConnectionId, Identity, Time, Timestamp

if TYPE_CHECKING:
    from agent_spaces.engine.committer import Committer
    from agent_spaces.engine.table import EngineTable
    from agent_spaces.engine.tableset import TableSet
    from agent_spaces.engine.transaction import Transactions

logger = structlog.get_logger(__name__)
T = TypeVar("T")


class HostCalls:
    """Runs them, each as one transaction. StorageError while nothing can be committed."""

    def __init__(
        self,
        tables: "TableSet",
        callees: CalleeTable,
        transactions: "Transactions",
        committer: "Committer",
        identity: Identity,
        now_us: Callable[[], int],
    ) -> None:
        self._tables, self._callees, self._transactions = tables, callees, transactions
        self._committer, self._identity, self._now = committer, identity, now_us

    def transact(self, caller: Identity, work: Callable[[], T], reducer_id: int = NO_REDUCER) -> T:
        """Run `work` as one transaction and return what it returns; what it raises undoes it and is raised here."""
        return self.transact_at(Timestamp(self._now()), caller, work, reducer_id)

    def transact_at(self, timestamp: Timestamp, caller: Identity, work: Callable[[], T], reducer_id: int) -> T:
        """Do the same at a time that is read already."""
        if self._committer.failed is not None:
            raise self._committer.failed
        try:
            result = work()
            self._transactions.commit(reducer_id, timestamp, caller, None)
        except BaseException:
            self._transactions.rollback()
            raise
        self._committer.group.position += 2
        self._committer.wake()
        return result

    def run(
        self,
        callee: Callee,
        sender: Identity,
        connection_id: ConnectionId | None,
        timestamp: Timestamp,
        args: tuple[Any, ...] = (),
        data: bytes = b"",
    ) -> None:
        """Call a reducer inside an open transaction; `data` are its arguments as BSATN."""
        context = Context(sender, timestamp, connection_id, self._identity, self._tables.access, callee.name, data)
        callee.function(context, *args)

    def init(self, owner: Identity) -> None:
        """Run `init` if the module has it; what it raises is raised here."""
        self._lifecycle("init", owner, None, lambda: None)

    def connected(self, identity: Identity, connection_id: ConnectionId) -> None:
        """Note a connection and run `client_connected`; RefusedError if that says no or breaks."""
        clients = self._tables[StClient]
        try:
            self._lifecycle(
                "client_connected", identity, connection_id, lambda: clients.insert(StClient(identity, connection_id))
            )
        except Exception as error:
            if error is self._committer.failed:
                raise
            status, text = failure_of(error)
            if status != "refused":
                logger.exception("connection.failed", reducer="client_connected", caller=identity.short())
            raise RefusedError(text) from error

    def disconnected(self, identity: Identity, connection_id: ConnectionId) -> None:
        """Run `client_disconnected` and forget the connection, also if that fails."""
        clients = self._tables[StClient]

        def forget() -> None:
            clients.delete(connection_id)

        try:
            self._lifecycle("client_disconnected", identity, connection_id, forget)
        except Exception:
            logger.exception("connection.failed", reducer="client_disconnected", caller=identity.short())
            self.transact(identity, forget)

    def _lifecycle(
        self, kind: Lifecycle, sender: Identity, connection_id: ConnectionId | None, first: Callable[[], object]
    ) -> None:
        callee = self._callees.lifecycle.get(kind)
        timestamp = Timestamp(self._now())

        def work() -> None:
            first()
            if callee is not None:
                self.run(callee, sender, connection_id, timestamp)

        self.transact_at(timestamp, sender, work, NO_REDUCER if callee is None else callee.number)

    def end_left_connections(self, live: "dict[ConnectionId, Any]") -> None:
        """Disconnect every client that is noted and not live: its host ended, or its going could not be committed."""
        for client in self._tables[StClient]:
            if client.connection_id not in live:
                self.disconnected(client.identity, client.connection_id)

    def scheduled(self, table: "EngineTable", row: Any) -> None:
        """Call the reducer of a scheduled table for a row that is due; a one-shot row goes, also if that fails."""
        assert table.definition.scheduled is not None, "only rows of scheduled tables are due"
        callee = self._callees.by_name[table.definition.scheduled]
        key, timestamp = table.pk_of(row), Timestamp(self._now())
        once = any(isinstance(getattr(row, column.name), Time) for column in table.definition.columns)

        def work() -> None:
            self.run(callee, self._identity, None, timestamp, (row,), table.encode(row))
            if once:
                table.delete(key)

        try:
            self.transact_at(timestamp, self._identity, work, callee.number)
        except Exception:
            logger.exception("timer.failed", reducer=callee.name)
            if once:
                self.transact(self._identity, lambda: table.delete(key), callee.number)
