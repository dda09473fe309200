"""A client made of a WebSocket library and the codec alone: keeps every byte it got, and rows by query set."""

import asyncio
from collections import Counter
from itertools import count
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection

from agent_spaces.fabric.module import SPACES
from agent_spaces.sats.bsatn import arguments_encoder
from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import decode_server_message, encode_client_message
from agent_spaces.wire.frames import unpack_payload

PROTOCOL = "v2.bsatn.spacetimedb"
BODY_BYTES_MAX = 64 * 2**20


class LostError(Exception):
    """The connection ended before the answer came."""


class RawClient:
    """One WebSocket to a host; `held[query_set_id]` counts rows by (table, BSATN), `events` lists events."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.bodies: list[bytes] = []
        self.held: dict[int, Counter[tuple[str, bytes]]] = {}
        self.events: list[tuple[str, bytes]] = []
        self.errors: list[m.SubscriptionError] = []
        self.greeting: asyncio.Future[m.InitialConnection] = asyncio.get_running_loop().create_future()
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def connect(cls, url: str, token: str | None, query: str = "", protocol: str = PROTOCOL) -> "RawClient":
        """Connect to the database `spaces` of a host at http://…, and wait until it has said who we are."""
        address = f"ws{url.removeprefix('http')}/v1/database/spaces/subscribe?compression=None{query}"
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        socket = await websockets.connect(
            address,
            subprotocols=[websockets.Subprotocol(protocol)],
            additional_headers=headers,
            compression=None,
            max_size=None,
            max_queue=None,
            ping_interval=None,
            proxy=None,
        )
        client = cls(socket)
        await client.greeting
        return client

    @property
    def close_code(self) -> int | None:
        """The code the connection was closed with; 1006 without a Close, None while it is open."""
        return self.socket.close_code

    async def closed(self) -> None:
        """Wait until the connection is gone."""
        await self.socket.wait_closed()
        await self._reader

    async def close(self) -> None:
        """Close the connection."""
        await self.socket.close()
        await self._reader

    async def ask(self, make: Any) -> Any:
        """Send `make(request_id)` and return the answer; LostError if the connection ends first."""
        return await self.sent(make)

    def sent(self, make: Any) -> "asyncio.Future[Any]":
        """Begin to send `make(request_id)`; return the future of its answer."""
        request_id = next(self._numbers)
        future = self._waiting[request_id] = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(self.socket.send(encode_client_message(make(request_id))))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        if self._reader.done():
            self._lose()
        return future

    def calling(self, reducer: str, *args: Any) -> "asyncio.Future[Any]":
        """Begin a call; return the future of its ReducerResult."""
        encoded = arguments_encoder(SPACES.reducers[reducer].parameters)(args)
        return self.sent(lambda number: m.CallReducer(number, reducer, encoded))

    async def call(self, reducer: str, *args: Any) -> str:
        """Call a reducer; return the text of its error, or "ok"."""
        return outcome_of(await self.calling(reducer, *args))

    async def subscribe(self, query_set_id: int, *texts: str) -> m.SubscribeApplied | m.SubscriptionError:
        """Subscribe; the rows are in `held[query_set_id]` from then on."""
        answer: m.SubscribeApplied | m.SubscriptionError
        answer = await self.ask(lambda number: m.Subscribe(number, query_set_id, list(texts)))
        return answer

    async def query(self, text: str) -> Counter[tuple[str, bytes]] | str:
        """Return the rows of a one-off query, or the text of its error."""
        answer = (await self.ask(lambda number: m.OneOffQuery(number, text))).result
        return answer if isinstance(answer, str) else _rows(answer)

    async def fence(self) -> None:
        """Wait until everything that was sent to us before now is here."""
        await self.query("SELECT * FROM server WHERE id = 0")

    async def _read(self) -> None:
        try:
            async for payload in self.socket:
                assert isinstance(payload, bytes)
                body = unpack_payload(payload, BODY_BYTES_MAX)
                self.bodies.append(body)
                offset = 0
                while offset < len(body):
                    message, offset = decode_server_message(body, offset)
                    self._take(message)
        except websockets.ConnectionClosed:
            pass
        finally:
            self._lose()

    def _lose(self) -> None:
        for future in [self.greeting, *self._waiting.values()]:
            if not future.done():
                future.set_exception(LostError())
                future.exception()
        self._waiting.clear()

    def _take(self, message: m.ServerMessage) -> None:
        match message:
            case m.InitialConnection():
                self.greeting.set_result(message)
            case m.TransactionUpdate():
                self._apply(message)
            case m.SubscriptionError(request_id=None):
                self.errors.append(message)
            case _:
                if isinstance(message, m.SubscribeApplied):
                    self.held[message.query_set_id] = _rows(message.rows)
                elif isinstance(message, m.ReducerResult) and isinstance(message.result, m.ReducerOk):
                    self._apply(message.result.transaction_update)
                assert message.request_id is not None
                future = self._waiting.pop(message.request_id)
                if not future.done():
                    future.set_result(message)

    def _apply(self, update: m.TransactionUpdate) -> None:
        for each in update.query_sets:
            held = self.held[each.query_set_id]
            for table in each.tables:
                for rows in table.rows:
                    if isinstance(rows, m.EventTable):
                        self.events += [(table.table_name, row) for row in rows.events]
                        continue
                    held.update((table.table_name, row) for row in rows.inserts)
                    held.subtract((table.table_name, row) for row in rows.deletes)
            assert all(number >= 0 for number in held.values()), "a row was deleted that was not there"


def _rows(rows: m.QueryRows) -> Counter[tuple[str, bytes]]:
    return Counter((table.table, row) for table in rows.tables for row in table.rows)


def outcome_of(result: m.ReducerResult) -> str:
    """Return the text of a call's error, or "ok"."""
    match result.result:
        case m.ReducerErr() as error:
            return error.text
        case m.InternalError(text):
            return text
        case _:
            return "ok"
