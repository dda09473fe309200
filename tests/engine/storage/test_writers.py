"""The thread and the kernel's asynchronous fsync keep the same promises."""

import asyncio
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from agent_spaces.clock import ManualClock, SystemRandomness
from agent_spaces.engine.storage.commit_log import CommitLog
from agent_spaces.engine.storage.files import RealFiles
from agent_spaces.engine.storage.writers import AioWriter, InlineWriter, ThreadWriter, Writer, best_writer

Make = Callable[[RealFiles], Writer]
MAKERS: dict[str, Make] = {
    "thread": lambda files: ThreadWriter(files, asyncio.get_running_loop()),
    "aio": lambda files: AioWriter(files, asyncio.get_running_loop()),
    "inline": lambda files: InlineWriter(files, asyncio.get_running_loop().call_soon),
}


@pytest.fixture(params=MAKERS)
def make(request: pytest.FixtureRequest) -> Make:
    """Each writer, where the system has it."""
    if request.param == "aio":
        try:
            loop = asyncio.new_event_loop()
            AioWriter(RealFiles(Path()), loop).close()
            loop.close()
        except OSError as error:
            pytest.skip(str(error))
    return MAKERS[request.param]


def _with_thread(said: "asyncio.Future[tuple[BaseException | None, int]]", error: BaseException | None) -> None:
    said.set_result((error, threading.get_ident()))


async def test_done_follows_on_the_loops_thread_once_the_bytes_are_there(tmp_path: Path, make: Make) -> None:
    """One write after the other, in two files, with jobs between."""
    files = RealFiles(tmp_path)
    writer = make(files)
    handles = [files.open(name, create=True) for name in ("a", "b")]
    for number in range(20):
        said: asyncio.Future[tuple[BaseException | None, int]] = asyncio.get_running_loop().create_future()
        handle = handles[number % 2]
        writer.write(handle, b"%05d" % number, number * 5, partial(_with_thread, said))
        assert not said.done()
        assert await said == (None, threading.get_ident())
        assert files.pread(handle, 5, number * 5) == b"%05d" % number
        ran: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        writer.run(lambda: None, ran.set_result)
        assert await ran is None
    writer.close()


async def test_errors_are_handed_to_done(tmp_path: Path, make: Make) -> None:
    """A file that cannot be written or synced, and a job that fails; the writer goes on."""
    files = RealFiles(tmp_path)
    writer = make(files)
    (tmp_path / "read-only").write_bytes(b"")
    read_only = files.open("read-only", write=False)
    reading, pipe = os.pipe()
    for handle in (read_only, pipe, 987_654):
        said: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        writer.write(handle, b"x", 0, said.set_result)
        assert isinstance(await said, OSError)
    ran: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
    writer.run((tmp_path / "missing").unlink, ran.set_result)
    assert isinstance(await ran, FileNotFoundError)
    good = files.open("good", create=True)
    wrote: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
    writer.write(good, b"x", 0, wrote.set_result)
    assert await wrote is None
    writer.close()
    for handle in (read_only, reading, pipe, good):
        os.close(handle)


async def test_a_log_over_several_segments_comes_back(tmp_path: Path, make: Make) -> None:
    """With the real disk: 200 groups in segments of 8 KiB, one of them larger than a segment."""
    files = RealFiles(tmp_path)

    def new_log() -> CommitLog:
        helper = lambda: ThreadWriter(files, asyncio.get_running_loop())  # noqa: E731  # one line is all it is
        return CommitLog(files, ManualClock(), SystemRandomness(), lambda: make(files), helper, segment_bytes=8192)

    log = new_log()
    assert list(log.open(0, create=True)) == []
    bodies = [b"%d" % n * (n * 7 % 300 + 1) for n in range(200)]
    bodies[77] = os.urandom(50_000)
    for number, body in enumerate(bodies):
        said: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        log.append(body, number, number, said.set_result)
        assert await said is None
    assert [record.body for record in log.replay(150)] == bodies[150:]
    log.close()
    assert [record.body for record in new_log().open(0)] == bodies


async def test_the_best_writer_falls_back_to_the_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel or the machine has no asynchronous fsync."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    writer = best_writer(RealFiles(tmp_path), asyncio.get_running_loop())
    assert isinstance(writer, ThreadWriter)
    writer.close()
