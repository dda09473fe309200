"""A plain connection for moving many rows: calls and snapshots as BSATN, no cache, no coming back."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

from agent_spaces.client import (
    Address,
    HostFailedError,
    HostUnreachableError,
    QueryFailedError,
    ReducerFailedError,
)
from agent_spaces.client.transport import Socket, open_socket
from agent_spaces.errors import DecodeError
from agent_spaces.sats import Identity
from agent_spaces.wire.client_side import decode_server_payload, encode_client_message
from agent_spaces.wire.messages import (
    CallReducer,
    ClientMessage,
    InitialConnection,
    InternalError,
    OneOffQuery,
    OneOffQueryResult,
    QueryRows,
    ReducerErr,
    ReducerResult,
    ServerMessage,
    Subscribe,
    SubscribeApplied,
    SubscriptionError,
    Unsubscribe,
    UnsubscribeApplied,
)

OPEN_SECONDS = 20.0
PING_SECONDS = 300.0  # a host that collects a million rows answers nothing meanwhile
SNAPSHOT_BYTES_MAX = 16 * 2**30


class Link:
    """One connection, used by one task at a time except for `call`, of which many may be under way."""

    def __init__(self, address: Address, socket: Socket) -> None:
        self.address = address
        self.identity = Identity(bytes(32))
        self._socket = socket
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = 0
        self._failure: Exception | None = None

    async def call(self, reducer: str, arguments: bytes) -> None:
        """Call a reducer and wait until it is committed.

        ReducerFailedError if it says no, HostFailedError if it cannot run, HostUnreachableError if the connection is
        lost: it then happened or not.
        """
        request_id = self._next()
        result = await self._ask(request_id, CallReducer(request_id, reducer, arguments))
        match result:
            case ReducerErr() as refusal:
                raise ReducerFailedError(reducer, refusal.text)
            case InternalError(text):
                raise HostFailedError(reducer, text)

    async def query(self, text: str) -> list[bytes]:
        """Return the rows of one query; QueryFailedError with the host's words."""
        request_id = self._next()
        result = await self._ask(request_id, OneOffQuery(request_id, text))
        if isinstance(result, str):
            raise QueryFailedError(result)
        return [raw for entry in result.tables for raw in entry.rows]

    async def snapshot(self, tables: Iterable[str]) -> dict[str, list[bytes]]:
        """Return all rows of tables as they stand after one transaction; QueryFailedError with the host's words."""
        names = list(tables)
        request_id = self._next()
        texts = [f"SELECT * FROM {name}" for name in names]  # only names that need no quotes
        rows = await self._ask(request_id, Subscribe(request_id, request_id, texts))
        if isinstance(rows, str):
            raise QueryFailedError(rows)
        found: dict[str, list[bytes]] = {name: [] for name in names}
        for entry in rows.tables:
            found[entry.table].extend(entry.rows)
        again = self._next()
        await self._ask(again, Unsubscribe(again, request_id, send_dropped_rows=False))
        return found

    def _next(self) -> int:
        self._requests += 1
        return self._requests

    async def _ask(self, request_id: int, message: ClientMessage) -> Any:
        if self._failure is not None:
            raise self._failure
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        await self._socket.send([encode_client_message(message)])
        return await answer

    async def read(self) -> None:
        """Hand answers to those who wait until the connection is lost; all that still wait then fail."""
        how: Exception | None = None
        try:
            async for payload in self._socket.receive():
                for message in decode_server_payload(payload, SNAPSHOT_BYTES_MAX):
                    self._take(message)
        except DecodeError as fault:
            how = HostUnreachableError(f"The host at {self.address.base} sent what cannot be read: {fault}.")
        text = self._socket.close_text
        failure = how or HostUnreachableError(f"The host at {self.address.base} closed the connection ({text}).")
        self._failure = failure
        for future in (self._greeted, *self._waiting.values()):
            if not future.done():
                future.set_exception(failure)
                future.exception()  # somebody who waits gets it; nobody has to

    async def greeted(self) -> None:
        """Wait until the host has let this connection in."""
        await self._greeted

    def _take(self, message: ServerMessage) -> None:
        match message:
            case InitialConnection(identity):
                self.identity = identity
                self._greeted.set_result(None)
            case ReducerResult(request_id, _, result) | OneOffQueryResult(request_id, result):
                self._settle(request_id, result)
            case SubscribeApplied(request_id, _, rows):
                self._settle(request_id, rows)
            case UnsubscribeApplied(request_id):
                self._settle(request_id, QueryRows([]))
            case SubscriptionError(request_id, _, error) if request_id is not None:
                self._settle(request_id, error)

    def _settle(self, request_id: int, value: Any) -> None:
        future = self._waiting.pop(request_id, None)
        if future is not None and not future.done():
            future.set_result(value)


@asynccontextmanager
async def linked(address: Address, token: str) -> AsyncIterator[Link]:
    """Give a connection; HostUnreachableError or ConnectionRefusedByHostError."""
    socket = await open_socket(address, token, open_seconds=OPEN_SECONDS, ping_seconds=PING_SECONDS)
    link = Link(address, socket)
    reader = asyncio.create_task(link.read(), name="spaces-link")
    try:
        await link.greeted()
        yield link
    finally:
        await socket.close()
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader
