"""Lines in and out of a process: bounded, and by threads, since standard input may be a pipe, a file or a terminal."""

import asyncio
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from agent_spaces.errors import SpacesError

LINE_BYTES_MAX = 512 * 1024  # without its end
CHUNK_BYTES = 64 * 1024
WAITING_MAX = 16  # lines that were read and are not taken yet; whoever writes more has to wait


class ReaderGoneError(SpacesError):
    """Nobody reads the answers any more."""

    code = "reader_gone"


class Lines:
    """Cuts bytes into lines; of one that is longer than LINE_BYTES_MAX nothing is kept, and None stands for it."""

    def __init__(self) -> None:
        self._part = bytearray()
        self._too_long = False

    def feed(self, data: bytes) -> Iterator[bytes | None]:
        """Give the lines that end in `data`."""
        begin = 0
        while (end := data.find(b"\n", begin)) >= 0:
            self._keep(data[begin:end])
            yield self._take()
            begin = end + 1
        self._keep(data[begin:])

    def rest(self) -> Iterator[bytes | None]:
        """Give the last line, if it was not ended."""
        if self._part or self._too_long:
            yield self._take()

    def _keep(self, data: bytes) -> None:
        if self._too_long or len(self._part) + len(data) > LINE_BYTES_MAX:
            self._too_long = True
            self._part.clear()
        else:
            self._part += data

    def _take(self) -> bytes | None:
        line = None if self._too_long else bytes(self._part)
        self._part.clear()
        self._too_long = False
        return line


class LinePipe:
    """Lines from one file descriptor and to another, for one event loop.

    Its threads are daemons: neither a peer that is silent nor one that does not read keeps the process from ending.
    """

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self._loop = asyncio.get_running_loop()
        self._incoming: deque[bytes | None] = deque()
        self._came, self._ended = asyncio.Event(), False
        self._room = threading.Semaphore(WAITING_MAX)
        self._outgoing: SimpleQueue[tuple[bytes, asyncio.Future[bool]]] = SimpleQueue()
        for work in (self._read_all, self._write_all):
            threading.Thread(target=work, name="spaces-lines", daemon=True).start()

    async def lines(self) -> AsyncIterator[bytes | None]:
        """Give the lines as they come, None for one that is too long, until the other side ends."""
        while True:
            while self._incoming:
                line = self._incoming.popleft()
                self._room.release()
                yield line
            if self._ended:
                return
            self._came.clear()
            await self._came.wait()

    async def write(self, line: bytes) -> None:
        """Write a line and its end; ReaderGoneError if nobody can read it."""
        written: asyncio.Future[bool] = self._loop.create_future()
        self._outgoing.put((line + b"\n", written))
        if not await written:
            raise ReaderGoneError("Nobody reads the answers any more.")

    def _read_all(self) -> None:
        lines = Lines()
        with suppress(OSError):
            os.set_blocking(self._read_fd, True)
            while data := os.read(self._read_fd, CHUNK_BYTES):
                for line in lines.feed(data):
                    self._hand_in(line)
        for line in lines.rest():
            self._hand_in(line)
        self._tell(self._end)

    def _hand_in(self, line: bytes | None) -> None:
        self._room.acquire()
        self._tell(self._take_in, line)

    def _take_in(self, line: bytes | None) -> None:
        self._incoming.append(line)
        self._came.set()

    def _end(self) -> None:
        self._ended = True
        self._came.set()

    def _write_all(self) -> None:
        while True:
            data, written = self._outgoing.get()
            try:
                while data:
                    data = data[os.write(self._write_fd, data) :]
            except OSError:
                self._tell(_settle, written, False)
            else:
                self._tell(_settle, written, True)

    def _tell(self, callback: Callable[..., None], *args: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: the process is about to end
            self._loop.call_soon_threadsafe(callback, *args)


def _settle(written: "asyncio.Future[bool]", well: bool) -> None:
    if not written.done():
        written.set_result(well)
