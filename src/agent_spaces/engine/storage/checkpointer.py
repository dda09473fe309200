"""The child process that writes checkpoints.

It reads the durable log up to a transaction and never looks at live tables, and steps back for everybody else: the
lowest priority for the processor, before it imports anything, for starting Python and its libraries takes 0.2 s; and
for the disk. It ends with its parent.

Not SCHED_IDLE: on a busy machine such a process may stand for long in the middle of a write, while it holds what the
file system needs for the log's own writes. Beside other work the p99 of those was 5.0 ms with it, 2.3 with nice 19 and
2.0 without a child; without other work the two are equal.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

from agent_spaces.engine.storage import checkpoint
from agent_spaces.engine.storage.lock import FolderLock
from agent_spaces.errors import DamagedError, SpacesError, StorageError

LOCK_NAME = "checkpoint.lock"
DAMAGED = 3  # the exit code; 1 is anything else that went wrong, with one line on stderr
_NICE, _NICE_IN_A_HURRY = 19, 5
_START = """
import posix
posix.nice({nice})
import site
site.main()
import sys
from agent_spaces.engine.storage.checkpointer import main
sys.exit(main(sys.argv[1:]))
"""
_IOPRIO_SET, _WHO_PROCESS, _IDLE = 251, 1, 3 << 13  # ioprio_set(2) on x86-64
_PR_SET_PDEATHSIG = 1


class Checkpointer:
    """Runs the child for one folder, on the event loop; one at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._child: asyncio.subprocess.Process | None = None
        self._killed = False

    async def run(self, until: int, *, hurried: bool) -> None:
        """Bring the checkpoint up to transaction `until`; `hurried` takes a share even of a processor that is busy.

        DamagedError if the old one or the log is damaged; StorageError for anything else, and after `kill`.
        """
        self._killed = False
        code = _START.format(nice=_NICE_IN_A_HURRY if hurried else _NICE)
        child = self._child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-S", "-c", code, str(self._folder), str(until), str(os.getpid())),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        if self._killed:  # while it was being started
            self.kill()
        _, said = await child.communicate()
        self._child = None
        if child.returncode != 0:
            text = said.decode(errors="replace").strip().rsplit("\n", 1)[-1] or f"exit code {child.returncode}"
            raise DamagedError(text) if child.returncode == DAMAGED else StorageError(text)

    def kill(self) -> None:
        """End the child if there is one; what it wrote so far is worthless and does no harm."""
        self._killed = True
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()


def _end_with_parent() -> None:
    """Ask to be ended with the parent, and for the disk only when nobody else does, where the system offers it."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
        if os.uname().machine == "x86_64" and sys.platform == "linux":
            libc.syscall(*map(ctypes.c_long, (_IOPRIO_SET, _WHO_PROCESS, 0, _IDLE)))


def main(arguments: list[str]) -> int:
    """Write one checkpoint, in the child: folder, transaction, process id of the parent; returns the exit code."""
    folder, until, parent = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    _end_with_parent()
    if os.getppid() != parent:  # it ended before it could be asked to take us along
        return 1
    try:
        lock = FolderLock(folder, LOCK_NAME)
        try:
            checkpoint.advance(folder, until)
        finally:
            lock.release()
    except (SpacesError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return DAMAGED if isinstance(error, DamagedError) else 1
    return 0
