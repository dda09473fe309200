"""A connection to a database that comes back by itself.

`connect()` gives a DbConnection. While it lives: after any loss it connects again (full jitter, 0.1 to 30 s),
subscribes again, compares what the host then tells with the cache and fires the net callbacks exactly once.
"""

import asyncio
import inspect
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, Self, overload

import structlog

from agent_spaces.client.address import Address
from agent_spaces.client.cache import Cache
from agent_spaces.client.callbacks import run_callback
from agent_spaces.client.calls import CallResult, PendingCall, PendingQuery
from agent_spaces.client.errors import (
    ClientError,
    ConnectionClosedError,
    ConnectionRefusedByHostError,
    HostUnreachableError,
    SubscriptionFailedError,
)
from agent_spaces.client.incoming import Incoming
from agent_spaces.client.over_http import fetch_schema
from agent_spaces.client.reconcile import Shadow
from agent_spaces.client.retry import Backoff
from agent_spaces.client.schema import ClientSchema
from agent_spaces.client.subscription import Subscription
from agent_spaces.client.transport import Socket, open_socket
from agent_spaces.errors import DecodeError, DefinitionError
from agent_spaces.module import ReducerContext
from agent_spaces.sats import ConnectionId, Identity
from agent_spaces.wire.client_side import encode_client_message
from agent_spaces.wire.messages import CallReducer, OneOffQuery, Subscribe, Unsubscribe

log = structlog.get_logger()
P = ParamSpec("P")
State = Literal["connecting", "connected", "reconnecting", "closed"]
_FOREVER_STATUSES = (400, 401, 403)


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How patient a connection is; times in seconds."""

    open_seconds: float = 10.0
    ping_seconds: float = 15.0  # a silent connection is asked after this long, and given up as much later
    reconnect: bool = True
    message_bytes_max: int = 512 * 2**20  # of what one payload of the host unpacks to
    random: Callable[[], float] = random.random  # spreads the waits between attempts; in [0, 1)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep  # between attempts


class DbConnection:
    """One identity's connection to one database; made by `connect()`.

    `identity`, `connection_id` and `token` are known once it is connected; the token is the one to save.
    """

    identity: Identity
    connection_id: ConnectionId

    def __init__(self, address: Address, schema: ClientSchema, token: str | None, options: ClientOptions) -> None:
        self.address, self.schema, self.token, self.options = address, schema.copy(), token, options
        self.cache = Cache(self.schema)
        self.state: State = "connecting"
        self.subscriptions: dict[int, Subscription] = {}
        self.calls: dict[int, PendingCall] = {}
        self.queries: dict[int, PendingQuery] = {}
        self.on_disconnect: list[Callable[[str], None]] = []
        self.on_reconnect: list[Callable[[], None]] = []
        self._request_id = -1  # the first is 0
        self._query_set_id = -1
        self._held_seconds = 0.0  # how long the connection lasted that was lost last
        self._outgoing: list[bytes] = []
        self._wake = asyncio.Event()
        self._ready = asyncio.Event()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._incoming = Incoming(self)
        self._task: asyncio.Task[None] | None = None
        self.failure: Exception | None = None  # why it is closed, if not by its owner

    async def open(self) -> None:
        """Connect; HostUnreachableError or ConnectionRefusedByHostError if that fails."""
        self._task = asyncio.create_task(self._run(), name="spaces-client")
        try:
            await asyncio.shield(self._opened)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close it for good; what still waits for an answer ends with ConnectionClosedError or OutcomeUnknownError."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._ended(ConnectionClosedError("The connection was closed."))

    @overload
    def call(
        self, reducer: Callable[Concatenate[ReducerContext, P], None], /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, CallResult]: ...
    @overload
    def call(self, reducer: str, /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, CallResult]: ...
    async def call(self, reducer: str | Callable[..., None], /, *args: Any, **kwargs: Any) -> CallResult:
        """Call a reducer; returns once it is committed, durable, and what it changed is in the cache.

        Optional parameters may be left out. ReducerFailedError if it says no, OutcomeUnknownError if the connection is
        lost before the answer; a call with a `client_key` is then repeated until its outcome is known.
        """
        self._check_open()
        schema = self.schema.reducer(reducer)
        data = schema.encode(args, kwargs, {} if isinstance(reducer, str) else _defaults(reducer))
        names = [name for name, _ in schema.parameters]
        given = dict(zip(names, args, strict=False)) | kwargs
        message = CallReducer(self._next_request(), schema.name, data)
        pending = PendingCall(message, repeatable=given.get("client_key") is not None)
        self.calls[message.request_id] = pending
        if self._ready.is_set():
            self._send_call(pending)
        try:
            return await pending.answer
        finally:
            self.calls.pop(message.request_id, None)

    async def subscribe(self, *queries: str, on_applied: Callable[[], None] | None = None) -> Subscription:
        """Register queries as one set; returns when their rows are in the cache.

        SubscriptionFailedError with the host's words if one of them is bad.
        """
        self._check_open()
        self._query_set_id += 1
        subscription = Subscription(self, self._query_set_id, queries)
        subscription.on_applied = on_applied
        self.subscriptions[subscription.query_set_id] = subscription
        if self._ready.is_set():
            self._send_subscribe(subscription)
        try:
            await subscription.applied
        except asyncio.CancelledError:
            if subscription.state in ("pending", "active"):
                self._send_unsubscribe(subscription)
            raise
        return subscription

    async def query(self, sql: str) -> list[Any]:
        """Return the rows of one query, without keeping them; QueryFailedError with the host's words otherwise."""
        self._check_open()
        pending = PendingQuery(OneOffQuery(self._next_request(), sql))
        self.queries[pending.message.request_id] = pending
        if self._ready.is_set():
            self._send(encode_client_message(pending.message))
        try:
            return await pending.answer
        finally:
            self.queries.pop(pending.message.request_id, None)

    async def end_subscription(self, subscription: Subscription) -> None:
        """End a subscription; see Subscription.unsubscribe."""
        if subscription.state in ("pending", "active"):
            self._send_unsubscribe(subscription)
        if subscription.state != "ended":
            await subscription.ended

    async def wait_connected(self) -> None:
        """Wait until the connection is there; ConnectionClosedError if it never comes back."""
        self._check_open()
        while not self._ready.is_set() and self.state != "closed":
            await self._ready.wait()
        self._check_open()

    def drop_socket(self) -> None:
        """Lose the current socket, as a network would; the connection comes back by itself."""
        self._incoming.drop()

    def _check_open(self) -> None:
        if self.state == "closed":
            raise self.failure or ConnectionClosedError("The connection was closed.")

    def _next_request(self) -> int:
        self._request_id = (self._request_id + 1) % 2**32
        return self._request_id

    def _send(self, data: bytes) -> None:
        self._outgoing.append(data)
        self._wake.set()

    def _send_call(self, pending: PendingCall) -> None:
        pending.sent = True
        self._send(encode_client_message(pending.message))

    def _send_subscribe(self, subscription: Subscription) -> None:
        message = Subscribe(self._next_request(), subscription.query_set_id, list(subscription.queries))
        self._send(encode_client_message(message))

    def _send_unsubscribe(self, subscription: Subscription) -> None:
        subscription.state = "ending"
        if self._ready.is_set():
            self._send(encode_client_message(Unsubscribe(self._next_request(), subscription.query_set_id, True)))

    async def _run(self) -> None:
        backoff = Backoff(self.options.random)
        try:
            while True:
                self._held_seconds = 0.0
                error = await self._attempt()
                if self._gives_up(error):
                    return
                await self.options.sleep(backoff.wait(self._held_seconds))
        except Exception as fault:
            log.exception("client.failed")
            if not self._opened.done():
                self._opened.set_exception(fault)
            self._ended(fault)

    async def _attempt(self) -> Exception:
        """Connect and serve the connection until it is lost; returns why it was, or could not be made."""
        options = self.options
        try:
            socket = await open_socket(
                self.address, self.token, open_seconds=options.open_seconds, ping_seconds=options.ping_seconds
            )
        except (HostUnreachableError, ConnectionRefusedByHostError) as failure:
            return failure
        try:
            await self._serve(socket)
        except DecodeError as fault:
            log.warning("client.garbage_received", error=str(fault))
            return await self._why_unreadable(fault)
        finally:
            await socket.close()
        return HostUnreachableError(f"The host closed the connection ({socket.close_text}).")

    async def _why_unreadable(self, fault: DecodeError) -> Exception:
        """Return DefinitionError if the database's tables are no longer those known here."""
        try:
            self.schema.check_tables(ClientSchema.from_json(await fetch_schema(self.address, self.token)))
        except DefinitionError as changed:
            return changed
        except ClientError:
            pass  # it does not say; the next attempt may tell
        return HostUnreachableError(f"The host sent what cannot be read: {fault}.")

    def _gives_up(self, error: Exception) -> bool:
        """Whether to stay away after a loss: the first attempt failed, or the host will never let this client in."""
        refused = isinstance(error, ConnectionRefusedByHostError) and error.status in _FOREVER_STATUSES
        forever = refused or isinstance(error, DefinitionError)
        if self._opened.done() and self.options.reconnect and not forever:
            return False
        if not self._opened.done():
            self._opened.set_exception(error)
        self._ended(error)
        return True

    async def _serve(self, socket: Socket) -> None:
        """Serve one socket until it is lost; DecodeError if the host sends what cannot be read."""
        self._outgoing.clear()
        clock = asyncio.get_running_loop().time
        began = clock()
        reader = asyncio.create_task(self._incoming.read(socket), name="spaces-client-reader")
        writer = asyncio.create_task(self._write(socket), name="spaces-client-writer")
        try:
            done, _ = await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            reader.cancel()
            writer.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)
            self._held_seconds = clock() - began
            self._lost(socket.close_text)

    async def _write(self, socket: Socket) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            outgoing, self._outgoing = self._outgoing, []
            await socket.send(outgoing)

    def greeted(self, identity: Identity, connection_id: ConnectionId, token: str) -> Shadow | None:
        """Take note of the host's greeting and send what is waiting; returns the shadow to fill, if there are sets."""
        again = self._opened.done()
        self.identity, self.connection_id = identity, connection_id
        if self.token is None:
            self.token = token
        live = [subscription for subscription in self.subscriptions.values() if subscription.state != "ending"]
        ending = [subscription for subscription in self.subscriptions.values() if subscription.state == "ending"]
        self._ready.set()
        for subscription in live:
            self._send_subscribe(subscription)
        for pending in list(self.calls.values()):
            self._send_call(pending)
        for query in list(self.queries.values()):
            self._send(encode_client_message(query.message))
        if not again:
            self.state = "connected"
            self._opened.set_result(None)
            return None
        return Shadow((subscription.query_set_id for subscription in live), ending)

    def reconnected(self) -> None:
        """Tell that the connection is back and the cache is current."""
        self.state = "connected"
        for callback in tuple(self.on_reconnect):
            run_callback(callback)

    def _lost(self, how: str) -> None:
        self._ready.clear()
        was_connected = self.state == "connected"
        if self.state != "closed":
            self.state = "reconnecting" if self._opened.done() else "connecting"
        for request_id, pending in list(self.calls.items()):
            if not pending.lost():
                self.calls.pop(request_id, None)
        self._incoming.lost()
        if was_connected:
            for callback in tuple(self.on_disconnect):
                run_callback(callback, how)

    def _ended(self, error: Exception) -> None:
        if self.state == "closed":
            return
        self.state = "closed"
        self.failure = error
        self._ready.set()  # lets wait_connected go on, which then raises
        waiting: list[tuple[asyncio.Future[Any], Exception]] = [
            *((call.answer, call.abandoned(error)) for call in self.calls.values()),
            *((query.answer, error) for query in self.queries.values()),
            *((subscription.applied, error) for subscription in self.subscriptions.values()),
        ]
        for future, reason in waiting:
            if not future.done():
                future.set_exception(reason)
                future.exception()  # somebody who waits gets it; nobody has to
        for subscription in self.subscriptions.values():
            subscription.state = "ended"
            if not subscription.ended.done():
                subscription.ended.set_result(None)
        self.subscriptions.clear()

    def subscription_failed(self, subscription: Subscription, text: str) -> None:
        """End a subscription that the host refused or dropped."""
        self.subscriptions.pop(subscription.query_set_id, None)
        subscription.state, subscription.error = "ended", text
        if not subscription.applied.done():
            subscription.applied.set_exception(SubscriptionFailedError(text))
        elif subscription.on_error is not None:
            run_callback(subscription.on_error, text)
        else:
            log.warning("client.subscription_ended", queries=subscription.queries, error=text)
        if not subscription.ended.done():
            subscription.ended.set_result(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _defaults(reducer: Callable[..., None]) -> dict[str, Any]:
    parameters = inspect.signature(reducer).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
