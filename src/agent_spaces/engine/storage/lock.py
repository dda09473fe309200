"""One host a data folder: an exclusive lock, held as long as the process lives."""

import fcntl
import os
import stat
from pathlib import Path

from agent_spaces.errors import LockedError, StorageError

LOCK_NAME = "lock"


class FolderLock:
    """Holds the lock of a data folder, which it makes if need be (mode 0700).

    LockedError names the process that holds it. The kernel lets go when a process ends, however it ends, so a lock
    file that is left over means nothing. StorageError if the folder or its lock is a link, or belongs to another user.
    """

    def __init__(self, folder: Path, name: str = LOCK_NAME) -> None:
        prepare_folder(folder)
        self.path = folder / name
        try:
            self._handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            msg = f"{self.path} cannot be opened: {error.strerror}."
            raise StorageError(msg) from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._handle, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._handle)
            msg = f"{folder} is in use by process {holder}. Stop it, or choose another data folder."
            raise LockedError(msg) from None
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another process have the folder."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def prepare_folder(folder: Path) -> None:
    """Make a data folder that only its owner can enter, or check that it is one; StorageError if it cannot be.

    A folder with wider rights is narrowed. Links above the folder are the operator's business; the folder itself must
    not be one, for then somebody else might say where the data goes.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.lstat()
    except OSError as error:
        msg = f"The data folder {folder} cannot be made: {error.strerror}."
        raise StorageError(msg) from error
    if not stat.S_ISDIR(state.st_mode):
        msg = f"The data folder {folder} is a link. Name the folder itself."
        raise StorageError(msg)
    if state.st_uid != os.geteuid():
        msg = f"The data folder {folder} belongs to another user."
        raise StorageError(msg)
    if stat.S_IMODE(state.st_mode) != 0o700:
        folder.chmod(0o700)
