"""A network that fails on purpose: a TCP proxy in front of a host, whose connections can be cut, reset or held."""

import asyncio
import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import Self

_CHUNK_BYTES = 65_536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST, at once


class FlakyNetwork:
    """Forwards connections to a host. `async with FlakyNetwork(host.url) as network: connect(network.url, …)`."""

    def __init__(self, host_url: str) -> None:
        self._host, port = host_url.removeprefix("http://").rsplit(":", 1)
        self._port = int(port)
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._forwarding: set[asyncio.Task[None]] = set()
        self._answers = asyncio.Event()
        self._answers.set()
        self._server: asyncio.Server | None = None
        self.connections = 0  # how many were ever made
        self.refuses = False  # whether new connections are reset at once

    @property
    def url(self) -> str:
        """Where clients reach the host through this network."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def hold_answers(self) -> None:
        """Let what the host says wait in the network; what clients say still arrives."""
        self._answers.clear()

    def release_answers(self) -> None:
        """Let what the host says pass again."""
        self._answers.set()

    def cut(self, *, reset: bool = True) -> None:
        """Lose every connection, by RST or by an orderly end; what waits in the network is lost."""
        for pair in list(self._pairs):
            for writer in pair:
                if reset:
                    with suppress(OSError):  # it is gone already
                        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    writer.transport.abort()
                else:
                    writer.close()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self._answers.set()
        self.cut()
        await asyncio.gather(*self._forwarding, return_exceptions=True)

    async def _forward(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self.refuses:
            to_client.transport.abort()
            return
        try:
            from_host, to_host = await asyncio.open_connection(self._host, self._port)
        except OSError:
            to_client.transport.abort()
            return
        pair = (to_client, to_host)
        self._pairs.add(pair)
        task: asyncio.Task[None] | None = asyncio.current_task()
        assert task is not None
        self._forwarding.add(task)
        try:
            await asyncio.gather(
                self._pump(from_client, to_host, None), self._pump(from_host, to_client, self._answers)
            )
        finally:
            self._pairs.discard(pair)
            self._forwarding.discard(task)

    @staticmethod
    async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, gate: asyncio.Event | None) -> None:
        try:
            while data := await source.read(_CHUNK_BYTES):
                if gate is not None:
                    await gate.wait()
                sink.write(data)
                await sink.drain()
        except OSError:
            pass  # cut, by us or by one of the ends
        finally:
            sink.close()
