"""What the host sends, applied in order.

A whole message goes into the cache, then the callbacks run, then the call that waited returns.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import structlog

from agent_spaces.client.cache import Difference, Plan, TableCache
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
from agent_spaces.client.errors import QueryFailedError, UnknownNameError
from agent_spaces.client.reconcile import Shadow
from agent_spaces.client.subscription import Subscription
from agent_spaces.client.transport import Socket
from agent_spaces.errors import DecodeError
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
        self._closing: asyncio.Task[None] | None = None

    async def read(self, socket: Socket) -> None:
        """Apply what comes on a socket until it is lost; DecodeError if the host sends garbage."""
        self._socket = socket
        async for payload in socket.receive():
            for message in decode_server_payload(payload, self._connection.options.message_bytes_max):
                self._apply(message)

    def drop(self) -> None:
        """Lose the socket."""
        if self._socket is not None:
            self._closing = asyncio.ensure_future(self._socket.close())

    def lost(self) -> None:
        """Forget what the lost connection had told beyond the cache."""
        self._shadow = None

    def _apply(self, message: ServerMessage) -> None:
        connection = self._connection
        match message:
            case InitialConnection(identity, connection_id, token):
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
        """Apply one message's rows, all or (with DecodeError) none; then `first` and the callbacks run."""
        plans: list[tuple[TableCache[Any], Plan[Any]]] = []
        fired: list[tuple[TableCache[Any], Difference[Any]]] = []
        for name, (inserts, deletes, events) in changes.items():
            table = self._connection.cache[name]
            if events:
                fired.append((table, table.events(events)))
            if (inserts or deletes) and self._shadow is None:
                plans.append((table, table.plan(inserts, deletes)))
        if self._shadow is not None:
            for name, (inserts, deletes, _) in changes.items():
                self._shadow.apply(name, inserts, deletes)
        fired += [(table, table.commit(plan)) for table, plan in plans]
        if first is not None:
            first()
        self._fire(fired, event)

    def _fire(self, fired: Iterable[tuple[TableCache[Any], Difference[Any]]], event: Event) -> None:
        context = EventContext(self._connection, event)
        for table, difference in fired:
            if difference:
                table.callbacks.fire(context, difference)

    def _call_answered(self, message: ReducerResult) -> None:
        pending = self._connection.calls.get(message.request_id)
        if isinstance(message.result, ReducerOk):
            name = "" if pending is None else pending.message.reducer
            changes = _of_update(message.result.transaction_update.query_sets)
            self._change(changes, ReducerEvent(name, int(message.timestamp)))
        if pending is not None:
            pending.settle(message)
            self._connection.calls.pop(message.request_id, None)

    def _applied(self, query_set_id: int, rows: QueryRows) -> None:
        subscription = self._connection.subscriptions.get(query_set_id)
        is_new = subscription is not None and subscription.state == "pending"
        changes = _of_rows(rows, gone=False)
        if subscription is None or not is_new:
            self._change(changes, SubscribeAppliedEvent())
        elif self._shadow is not None:  # its rows come into the cache with the comparison, not before
            self._change(changes, SubscribeAppliedEvent())
            self._shadow.applied.append(subscription)
        else:
            self._change(changes, SubscribeAppliedEvent(), lambda: _activate(subscription))
            _settle_applied(subscription)
        self._answered(query_set_id)

    def _unsubscribed(self, query_set_id: int, rows: QueryRows | None) -> None:
        subscription = self._connection.subscriptions.pop(query_set_id, None)
        if rows is not None:
            self._change(_of_rows(rows, gone=True), UnsubscribeAppliedEvent())
        else:  # a host that does not say which rows went: only a new connection can tell
            self.drop()
        if subscription is not None:
            self._end(subscription)
        self._answered(query_set_id)

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
            refused = subscription.state == "pending" if self._shadow is None else query_set_id in self._shadow.awaited
            self._connection.subscription_failed(subscription, text)
            if not refused:  # the wire does not say which rows were its own: only a new connection can tell
                self.drop()
        self._answered(query_set_id)

    def _query_answered(self, request_id: int, result: QueryRows | str) -> None:
        pending = self._connection.queries.pop(request_id, None)
        if pending is None or pending.answer.done():
            return
        if isinstance(result, str):
            pending.answer.set_exception(QueryFailedError(result))
            return
        table = self._connection.schema.table
        try:
            pending.answer.set_result([table(entry.table).decode(raw) for entry in result.tables for raw in entry.rows])
        except (UnknownNameError, DecodeError) as error:
            pending.answer.set_exception(error)

    def _answered(self, query_set_id: int) -> None:
        if self._shadow is not None:
            self._shadow.awaited.discard(query_set_id)
            self._reconcile_when_complete()

    def _reconcile_when_complete(self) -> None:
        shadow = self._shadow
        if shadow is None or shadow.awaited:
            return
        tables = list(self._connection.cache.tables.values())
        plans = [(table, table.plan_all(shadow.rows(table.name))) for table in tables]
        self._shadow = None
        fired = [(table, table.commit(plan)) for table, plan in plans]
        for subscription in shadow.applied:
            _activate(subscription)
        self._fire(fired, ReconnectedEvent())
        for subscription in shadow.applied:
            _settle_applied(subscription)
        for subscription in shadow.ending:
            self._connection.subscriptions.pop(subscription.query_set_id, None)
            self._end(subscription)
        self._connection.reconnected()


def _activate(subscription: Subscription) -> None:
    if subscription.state == "pending":
        subscription.state = "active"
        if subscription.on_applied is not None:
            run_callback(subscription.on_applied)


def _settle_applied(subscription: Subscription) -> None:
    if not subscription.applied.done():
        subscription.applied.set_result(None)


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
