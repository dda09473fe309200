"""What the host sends, applied in order.

A whole message goes into the cache, then the callbacks run, then the call that waited returns.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from agent_spaces.client.cache import Difference, TableCache
from agent_spaces.client.callbacks import (
    Event,
    EventContext,
    ReconnectedEvent,
    ReducerEvent,
    SubscribeAppliedEvent,
    TransactionEvent,
    UnsubscribeAppliedEvent,
    run_callback,
)
from agent_spaces.client.errors import QueryFailedError
from agent_spaces.client.reconcile import Shadow
from agent_spaces.client.subscription import Subscription
from agent_spaces.client.transport import Socket
from agent_spaces.wire.client_side import decode_server_payload
from agent_spaces.wire.messages import (
    EventTable,
    InitialConnection,
    OneOffQueryResult,
    PersistentTable,
    QueryRows,
    QuerySetUpdate,
    ReducerOk,
    ReducerResult,
    ServerMessage,
    SubscribeApplied,
    SubscriptionError,
    TransactionUpdate,
    UnsubscribeApplied,
)

if TYPE_CHECKING:
    from agent_spaces.client.connection import DbConnection

log = structlog.get_logger()
Changes = dict[str, tuple[list[bytes], list[bytes], list[bytes]]]  # table -> inserts, deletes, events


class Incoming:
    """Reads one socket after the other for a connection."""

    def __init__(self, connection: "DbConnection") -> None:
        self._connection = connection
        self._shadow: Shadow | None = None
        self._socket: Socket | None = None
        self._reading: asyncio.Task[None] | None = None
        self.greeted = False

    async def read(self, socket: Socket) -> None:
        """Apply what comes on a socket until it is lost; DecodeError if the host sends garbage."""
        self._socket, self.greeted = socket, False
        async for payload in socket.receive():
            for message in decode_server_payload(payload, self._connection.options.message_bytes_max):
                self._apply(message)

    def drop(self) -> None:
        """Lose the socket."""
        if self._socket is not None:
            self._reading = asyncio.ensure_future(self._socket.close())

    def lost(self) -> None:
        """Forget what the lost connection had told beyond the cache."""
        self._shadow, self.greeted = None, False

    def forget(self, subscription: Subscription) -> None:
        """End a subscription that was to end when the connection was lost; its rows go with the comparison."""
        self._connection.subscriptions.pop(subscription.query_set_id, None)
        self._end(subscription)

    def _apply(self, message: ServerMessage) -> None:
        connection = self._connection
        match message:
            case InitialConnection(identity, connection_id, token):
                self.greeted = True
                self._shadow = connection.greeted(identity, connection_id, token)
                self._reconcile_when_complete()
            case TransactionUpdate(query_sets):
                self._change(_of_update(query_sets), TransactionEvent())
            case ReducerResult():
                self._call_answered(message)
            case SubscribeApplied(_, query_set_id, rows):
                self._applied(query_set_id, rows)
            case UnsubscribeApplied(_, query_set_id, rows):
                self._unsubscribed(query_set_id, rows)
            case SubscriptionError(_, query_set_id, error):
                self._failed(query_set_id, error)
            case OneOffQueryResult(request_id, result):
                self._query_answered(request_id, result)
            case _:
                log.warning("client.unexpected_message", kind=type(message).__name__)

    def _change(self, changes: Changes, event: Event, first: Callable[[], None] | None = None) -> None:
        """Apply one message's rows; then `first` and the callbacks run."""
        fired: list[tuple[TableCache[Any], Difference[Any]]] = []
        for name, (inserts, deletes, events) in changes.items():
            table = self._connection.cache[name]
            if events:
                fired.append((table, table.events(events)))
            if not inserts and not deletes:
                continue
            if self._shadow is not None:
                self._shadow.apply(name, inserts, deletes)
            else:
                fired.append((table, table.apply(inserts, deletes)))
        if first is not None:
            first()
        context = EventContext(self._connection, event)
        for table, difference in fired:
            if difference:
                table.callbacks.fire(context, difference)

    def _call_answered(self, message: ReducerResult) -> None:
        pending = self._connection.calls.pop(message.request_id, None)
        if isinstance(message.result, ReducerOk):
            name = "" if pending is None else pending.message.reducer
            changes = _of_update(message.result.transaction_update.query_sets)
            self._change(changes, ReducerEvent(name, int(message.timestamp)))
        if pending is not None:
            pending.settle(message)

    def _applied(self, query_set_id: int, rows: QueryRows) -> None:
        subscription = self._connection.subscriptions.get(query_set_id)
        again = subscription is not None and subscription.state == "active"

        def applied() -> None:
            if subscription is None or again:
                return
            if subscription.state == "pending":
                subscription.state = "active"
            if subscription.on_applied is not None:
                run_callback(subscription.on_applied)

        self._change(_of_rows(rows, gone=False), SubscribeAppliedEvent(), applied)
        if subscription is not None and not subscription.applied.done():
            subscription.applied.set_result(None)
        self._answered(query_set_id)

    def _unsubscribed(self, query_set_id: int, rows: QueryRows | None) -> None:
        subscription = self._connection.subscriptions.pop(query_set_id, None)
        if rows is not None:
            self._change(_of_rows(rows, gone=True), UnsubscribeAppliedEvent())
        if subscription is not None:
            self._end(subscription)

    @staticmethod
    def _end(subscription: Subscription) -> None:
        subscription.state = "ended"
        if not subscription.applied.done():
            subscription.applied.cancel()
        if not subscription.ended.done():
            subscription.ended.set_result(None)

    def _failed(self, query_set_id: int, text: str) -> None:
        subscription = self._connection.subscriptions.get(query_set_id)
        if subscription is not None:
            late = subscription.state == "active" and self._shadow is None
            self._connection.subscription_failed(subscription, text)
            if late:  # the wire does not say which rows were its own: only a new connection can tell
                self.drop()
        self._answered(query_set_id)

    def _query_answered(self, request_id: int, result: QueryRows | str) -> None:
        pending = self._connection.queries.pop(request_id, None)
        if pending is None or pending.answer.done():
            return
        if isinstance(result, str):
            pending.answer.set_exception(QueryFailedError(result))
            return
        rows = [self._connection.schema.table(entry.table).decode(raw) for entry in result.tables for raw in entry.rows]
        pending.answer.set_result(rows)

    def _answered(self, query_set_id: int) -> None:
        if self._shadow is not None:
            self._shadow.awaited.discard(query_set_id)
            self._reconcile_when_complete()

    def _reconcile_when_complete(self) -> None:
        shadow = self._shadow
        if shadow is None or shadow.awaited:
            return
        self._shadow = None
        tables = list(self._connection.cache.tables.values())
        fired = [(table, table.replace(shadow.rows(table.name))) for table in tables]
        context = EventContext(self._connection, ReconnectedEvent())
        for table, difference in fired:
            if difference:
                table.callbacks.fire(context, difference)
        with suppress(Exception):
            self._connection.reconnected()


def _of_rows(rows: QueryRows, *, gone: bool) -> Changes:
    changes: Changes = {}
    for entry in rows.tables:
        inserts, deletes, _ = changes.setdefault(entry.table, ([], [], []))
        (deletes if gone else inserts).extend(entry.rows)
    return changes


def _of_update(query_sets: Iterable[QuerySetUpdate]) -> Changes:
    changes: Changes = {}
    for query_set in query_sets:
        for table in query_set.tables:
            inserts, deletes, events = changes.setdefault(table.table_name, ([], [], []))
            for rows in table.rows:
                match rows:
                    case PersistentTable(came, went):
                        inserts.extend(came)
                        deletes.extend(went)
                    case EventTable(happened):
                        events.extend(happened)
    return changes
