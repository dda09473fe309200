"""A host that says what a test tells it to: the real protocol over a real socket, for what real hosts seldom do."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TypeVar

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from agent_spaces.client.transport import V2
from agent_spaces.sats import ConnectionId, Identity
from agent_spaces.wire.host_side import decode_client_message, encode_server_message
from agent_spaces.wire.messages import ClientMessage, InitialConnection, ServerMessage

IDENTITY = Identity(bytes([7]) * 32)
M = TypeVar("M", bound=ClientMessage)


class Visit:
    """One connection of a client."""

    def __init__(self, websocket: ServerConnection, number: int) -> None:
        self._websocket, self.number = websocket, number

    async def send(self, *messages: ServerMessage) -> None:
        for message in messages:
            await self.send_bytes(b"\x00" + encode_server_message(message))

    async def send_bytes(self, payload: bytes) -> None:
        await self._websocket.send(payload)

    async def receive(self, kind: type[M]) -> M:
        data = await self._websocket.recv()
        assert isinstance(data, bytes)
        message = decode_client_message(data)[0]
        assert isinstance(message, kind), message
        return message

    async def stay(self) -> None:
        """Say nothing until the client goes."""
        await self._websocket.wait_closed()


@asynccontextmanager
async def scripted_host(
    script: Callable[[Visit], Awaitable[None]], *, location: str = "", schema: object = None
) -> AsyncIterator[str]:
    """Greet every client and run the script with it, then close; give the address.

    With `location` everybody is redirected instead; `schema` is the body of `/schema`.
    """
    visits = 0

    async def visited(websocket: ServerConnection) -> None:
        nonlocal visits
        visits += 1
        visit = Visit(websocket, visits)
        await visit.send(InitialConnection(IDENTITY, ConnectionId(bytes([visits]) * 16), f"token-{visits}"))
        await script(visit)

    def answered(connection: ServerConnection, request: Request) -> Response | None:
        if schema is not None and "/schema?" in request.path:
            return connection.respond(HTTPStatus.OK, json.dumps(schema))
        if not location:
            return None
        response = connection.respond(HTTPStatus.TEMPORARY_REDIRECT, "elsewhere")
        response.headers["Location"] = location
        return response

    async with serve(visited, "127.0.0.1", 0, subprotocols=[V2], process_request=answered) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"


async def silent(visit: Visit) -> None:
    await visit.stay()


class Gate:
    """Lets a script wait for its test."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def open(self) -> None:
        self._event.set()

    async def passed(self) -> None:
        await self._event.wait()
