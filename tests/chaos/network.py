"""A network of one client that can be cut, reset, black-holed, delayed and sliced; notes when connections lived."""

import asyncio
import socket
import struct
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from chaos.history import NEVER

_CHUNK_BYTES = 65_536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST, at once


class _Line:
    """One connection through the network: two directions, each a reader and a writer with a queue between."""

    def __init__(self, network: "Network", to_client: asyncio.StreamWriter, to_host: asyncio.StreamWriter) -> None:
        self.network, self.to_client, self.to_host = network, to_client, to_host
        self.opened, self.closed = time.monotonic(), NEVER  # closed: seen from the client

    def end(self) -> None:
        self.closed = min(self.closed, time.monotonic())

    def cut(self, *, reset: bool) -> None:
        self.end()
        for writer in (self.to_client, self.to_host):
            if reset:
                with suppress(OSError):  # it is gone already
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
            else:
                writer.close()

    async def carry(self, from_client: asyncio.StreamReader, from_host: asyncio.StreamReader) -> None:
        there: asyncio.Queue[bytes] = asyncio.Queue(64)
        back: asyncio.Queue[bytes] = asyncio.Queue(64)
        tasks = [
            asyncio.create_task(self._read(from_client, there, is_client=True)),
            asyncio.create_task(self._read(from_host, back, is_client=False)),
            asyncio.create_task(self._write(there, self.to_host, is_client=False)),
            asyncio.create_task(self._write(back, self.to_client, is_client=True)),
        ]
        try:
            await asyncio.wait(tasks[2:], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.cut(reset=False)

    async def _read(self, source: asyncio.StreamReader, queue: "asyncio.Queue[bytes]", *, is_client: bool) -> None:
        data = b"-"
        while data:
            try:
                data = await source.read(_CHUNK_BYTES)
            except OSError:
                data = b""
            if is_client and not data:
                self.end()
            await queue.put(data)

    async def _write(self, queue: "asyncio.Queue[bytes]", sink: asyncio.StreamWriter, *, is_client: bool) -> None:
        network = self.network
        while data := await queue.get():
            await network.open.wait()
            if network.deaf and is_client:
                continue
            if network.delay_s:
                await asyncio.sleep(network.delay_s)
            size = network.slice_bytes or len(data)
            for start in range(0, len(data), size):
                sink.write(data[start : start + size])
                try:
                    await sink.drain()
                except OSError:
                    return
                if network.slice_bytes:
                    await asyncio.sleep(0)


class Network:
    """`async with Network(host.url) as network: connect(network.url, …)`; made for one client each."""

    def __init__(self, host_url: str) -> None:
        self._host, port = host_url.removeprefix("http://").rsplit(":", 1)
        self._port = int(port)
        self._server: asyncio.Server | None = None
        self._live: set[_Line] = set()
        self.lines: list[_Line] = []
        self.open = asyncio.Event()
        self.open.set()
        self.refuses = False  # whether new connections are reset at once
        self.deaf = False  # whether what the host says is lost
        self.delay_s = 0.0  # of every chunk
        self.slice_bytes = 0  # 0: chunks pass as they are

    @property
    def url(self) -> str:
        """Where the client reaches the host through this network."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def intervals(self) -> list[tuple[float, float]]:
        """When connections lived, as the client saw it."""
        return [(line.opened, line.closed) for line in self.lines]

    def black_hole(self) -> None:
        """Let nothing pass; connections stay open, and new ones are accepted and silent."""
        self.open.clear()

    def heal(self) -> None:
        """Let everything pass as it is."""
        self.refuses, self.deaf, self.delay_s, self.slice_bytes = False, False, 0.0, 0
        self.open.set()

    def cut(self, *, reset: bool = True) -> None:
        """Lose every connection, by RST or by an orderly end; what waits in the network is lost."""
        for line in list(self._live):
            line.cut(reset=reset)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.heal()
        self.cut()
        while self._live:
            await asyncio.sleep(0.01)

    async def _forward(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if self.refuses:
            to_client.transport.abort()
            return
        try:
            from_host, to_host = await asyncio.open_connection(self._host, self._port)
        except OSError:
            to_client.transport.abort()
            return
        line = _Line(self, to_client, to_host)
        self.lines.append(line)
        self._live.add(line)
        try:
            await line.carry(from_client, from_host)
        finally:
            self._live.discard(line)
