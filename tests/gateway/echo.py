"""A WebSocket server that sends back what it gets, on the real protocol."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from agent_spaces.gateway import ws_frames as ws
from agent_spaces.gateway.websocket import WebSocket
from agent_spaces.gateway.ws_buffer import ReadBuffer
from agent_spaces.gateway.ws_limits import SocketLimits
from agent_spaces.wire.frames import ws_binary_frame


class Echo:
    """Sends back every message; remembers what it saw."""

    def __init__(self) -> None:
        self.messages: list[bytes | str] = []
        self.ends: list[str] = []
        self.lost_times = 0
        self.over = asyncio.Event()

    def opened(self, socket: WebSocket) -> None:
        self.socket = socket

    def binary(self, payload: bytes) -> None:
        self.messages.append(payload)
        self.socket.send(ws_binary_frame(payload))

    def text(self, text: str) -> None:
        self.messages.append(text)
        frame = bytearray(ws_binary_frame(text.encode()))
        frame[0] = ws.FINAL | ws.TEXT
        self.socket.send(bytes(frame))

    def lost(self) -> None:
        self.lost_times += 1
        self.over.set()


class Handshake(asyncio.Protocol):
    """Answers any upgrade and hands the transport over."""

    def __init__(self, make_socket: Callable[[], WebSocket]) -> None:
        self.make_socket, self.head = make_socket, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.head += data
        head, found, rest = self.head.partition(b"\r\n\r\n")
        if not found:
            return
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
        assert key is not None
        answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.transport.write(answer + b"Sec-WebSocket-Accept: " + ws.accept_key(key[1]) + b"\r\n\r\n")
        self.make_socket().attach(self.transport, rest)


@asynccontextmanager
async def echo_server(limits: SocketLimits | None = None) -> AsyncIterator[tuple[int, list[Echo]]]:
    """Serve on a port the system chooses; yields it and the handlers, one a connection."""
    handlers: list[Echo] = []
    buffer = ReadBuffer()

    def make_socket() -> WebSocket:
        handlers.append(Echo())
        return WebSocket(handlers[-1], limits or SocketLimits(), buffer, handlers[-1].ends.append)

    server = await asyncio.get_running_loop().create_server(lambda: Handshake(make_socket), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], handlers
    finally:
        server.close()
        for handler in handlers:
            handler.socket.abort("test over")
        await server.wait_closed()
