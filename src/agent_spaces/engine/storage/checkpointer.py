"""The child process that writes checkpoints: `python -m agent_spaces.engine.storage.checkpointer FOLDER UNTIL`.

It reads the durable log up to transaction UNTIL and never looks at live tables, at the lowest priority for processor
and disk, so that callers feel nothing. It ends with its parent. Exit code 0: done; 3: damaged; 1: anything else, with
one line on stderr.
"""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

from agent_spaces.engine.storage import checkpoint
from agent_spaces.engine.storage.lock import FolderLock
from agent_spaces.errors import DamagedError, SpacesError

LOCK_NAME = "checkpoint.lock"
DAMAGED = 3
_IOPRIO_SET, _WHO_PROCESS, _IDLE = 251, 1, 3 << 13  # ioprio_set(2) on x86-64
_PR_SET_PDEATHSIG = 1


def _step_back() -> None:
    """Ask for as little as possible, and to be ended with the parent; what the system does not offer is left out."""
    os.nice(19)
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
        if os.uname().machine == "x86_64" and sys.platform == "linux":
            libc.syscall(*map(ctypes.c_long, (_IOPRIO_SET, _WHO_PROCESS, 0, _IDLE)))


def main(arguments: list[str]) -> int:
    """Write one checkpoint; returns the exit code."""
    folder, until, parent = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    _step_back()
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
