"""A WebSocket client that sends exactly the bytes a test gives it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent_spaces.gateway import ws_frames as ws

MASK = b"\x11\x22\x33\x44"
REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
)


def frame(payload: bytes, first: int = ws.FINAL | ws.BINARY) -> bytes:
    """Return a masked frame."""
    size = len(payload)
    if size < 126:
        head = bytes((first, 0x80 | size))
    elif size < 1 << 16:
        head = bytes((first, 0xFE)) + size.to_bytes(2, "big")
    else:
        head = bytes((first, 0xFF)) + size.to_bytes(8, "big")
    mask = int.from_bytes((MASK * (size // 4 + 1))[:size], "big")
    return head + MASK + (int.from_bytes(payload, "big") ^ mask).to_bytes(size, "big")


class Client:
    """A connection after its handshake; `head` is the answer to it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        self.reader, self.writer, self.head = reader, writer, head

    def send(self, *frames: bytes) -> None:
        self.writer.write(b"".join(frames))

    async def receive(self) -> tuple[int, bytes]:
        """Return (first byte, payload) of the next frame; (0, b"") at the end."""
        try:
            first, length = await self.reader.readexactly(2)
            if length == 126:
                length = int.from_bytes(await self.reader.readexactly(2), "big")
            elif length == 127:
                length = int.from_bytes(await self.reader.readexactly(8), "big")
            return first, await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return 0, b""

    async def close_code(self) -> int | None:
        """Skip to the Close frame and return its code; None if the connection ends without one."""
        while True:
            first, payload = await self.receive()
            if first == 0:
                return None
            if first == ws.FINAL | ws.CLOSE:
                return int.from_bytes(payload[:2], "big")


@asynccontextmanager
async def connect(port: int, path: str = "/", headers: str = "") -> AsyncIterator[Client]:
    """Open a WebSocket."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST.format(path=path, headers=headers).encode())
    try:
        yield Client(reader, writer, await reader.readuntil(b"\r\n\r\n"))
    finally:
        writer.close()
