"""How bytes get to the disk without stopping the event loop: a thread, or the kernel's own asynchronous fsync."""

import asyncio
import contextlib
import ctypes
import os
import platform
import queue
import struct
import threading
from collections.abc import Callable
from typing import Any, Protocol

from agent_spaces.engine.storage.files import Files, RealFiles
from agent_spaces.engine.storage.log import Done

Job = Callable[[], None]


class Writer(Protocol):
    """Runs one write or job after the other; `done` follows on the event loop's thread, with the error if it failed."""

    def write(self, handle: int, data: bytes, position: int, done: Done) -> None:
        """Write and make durable."""
        ...

    def run(self, job: Job, done: Done) -> None:
        """Run a function that may take long."""
        ...

    def close(self) -> None:
        """Finish what was begun and let go of threads."""
        ...


class InlineWriter:
    """Does everything at once on the caller's thread, and calls `done` by `call_soon`: for simulations and tests."""

    def __init__(self, files: Files, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._files, self._call_soon = files, call_soon

    def write(self, handle: int, data: bytes, position: int, done: Done) -> None:
        """Write and make durable."""
        self.run(lambda: _write(self._files, handle, data, position), done)

    def run(self, job: Job, done: Done) -> None:
        """Run a function."""
        error: BaseException | None = None
        try:
            job()
        except Exception as caught:  # noqa: BLE001  # whatever went wrong is the caller's to know
            error = caught
        self._call_soon(lambda: done(error))

    def close(self) -> None:
        """Nothing is open."""


def _write(files: Files, handle: int, data: bytes, position: int) -> None:
    files.pwrite(handle, data, position)
    files.fdatasync(handle)


class ThreadWriter:
    """Writes in a thread of its own; works everywhere."""

    def __init__(self, files: Files, loop: asyncio.AbstractEventLoop) -> None:
        self._files, self._loop = files, loop
        self._queue: queue.SimpleQueue[tuple[Job, Done] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="spaces-log", daemon=True)
        self._thread.start()

    def write(self, handle: int, data: bytes, position: int, done: Done) -> None:
        """Write and make durable."""
        self._queue.put((lambda: _write(self._files, handle, data, position), done))

    def run(self, job: Job, done: Done) -> None:
        """Run a function that may take long."""
        self._queue.put((job, done))

    def close(self) -> None:
        """Finish what was begun; what was queued behind it is done too."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            job, done = item
            error: BaseException | None = None
            try:
                job()
            except Exception as caught:  # noqa: BLE001  # whatever went wrong is the caller's to know
                error = caught
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to tell
                self._loop.call_soon_threadsafe(done, error)


_IO_SETUP, _IO_DESTROY, _IO_GETEVENTS, _IO_SUBMIT = 206, 207, 208, 209  # x86-64; the others have no fast path here
_FDSYNC, _HAS_EVENTFD = 3, 1


class AioWriter:
    """Writes into the page cache and lets the kernel fsync by itself (Linux AIO, FDSYNC, eventfd): no thread, no GIL.

    OSError where the kernel does not offer it. Jobs run in a thread.
    """

    def __init__(self, files: RealFiles, loop: asyncio.AbstractEventLoop) -> None:
        if platform.machine() != "x86_64" or not hasattr(os, "eventfd"):
            msg = "asynchronous fsync is only used on Linux, x86-64"
            raise OSError(msg)
        self._files, self._loop, self._done = files, loop, None
        self._thread: ThreadWriter | None = None
        self._syscall = ctypes.CDLL(None, use_errno=True).syscall
        self._syscall.restype = ctypes.c_long
        self._context = ctypes.c_ulong(0)
        self._call(_IO_SETUP, 4, ctypes.byref(self._context))
        self._events = ctypes.create_string_buffer(128)
        self._control, self._pointer, self._handle = ctypes.create_string_buffer(64), (ctypes.c_void_p * 1)(), -1
        self._eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        loop.add_reader(self._eventfd, self._finished)

    _done: Done | None

    def _call(self, number: int, *arguments: Any) -> int:
        """Call the kernel; every variadic integer must be a full long, or its upper half is left to chance."""
        full = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
        result = int(self._syscall(ctypes.c_long(number), *full))
        if result < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        return result

    def write(self, handle: int, data: bytes, position: int, done: Done) -> None:
        """Write and make durable."""
        assert self._done is None, "one write is on its way at a time"
        self._done = done
        try:
            self._files.pwrite(handle, data, position)
            if handle != self._handle:
                control = struct.pack(
                    "<QIIHhIQQqQII", 0, 0, 0, _FDSYNC, 0, handle, 0, 0, 0, 0, _HAS_EVENTFD, self._eventfd
                )
                ctypes.memmove(self._control, control, len(control))
                self._pointer[0], self._handle = ctypes.addressof(self._control), handle
            self._call(_IO_SUBMIT, self._context, 1, self._pointer)
        except OSError as error:
            self._done = None
            self._loop.call_soon(done, error)

    def _finished(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._eventfd)
        if self._call(_IO_GETEVENTS, self._context, 0, 4, self._events, None) == 0:
            return
        (result,) = struct.unpack_from("<q", self._events, 16)
        done, self._done = self._done, None
        assert done is not None
        done(None if result == 0 else OSError(-result, os.strerror(-result)))

    def run(self, job: Job, done: Done) -> None:
        """Run a function that may take long, in a thread."""
        if self._thread is None:
            self._thread = ThreadWriter(self._files, self._loop)
        self._thread.run(job, done)

    def close(self) -> None:
        """Wait for the fsync that is on its way and let go of the kernel's context."""
        self._loop.remove_reader(self._eventfd)
        self._call(_IO_DESTROY, self._context)
        os.close(self._eventfd)
        if self._thread is not None:
            self._thread.close()


def best_writer(files: Files, loop: asyncio.AbstractEventLoop) -> Writer:
    """Return the fastest writer that works here."""
    if isinstance(files, RealFiles):
        with contextlib.suppress(OSError):
            return AioWriter(files, loop)
    return ThreadWriter(files, loop)
