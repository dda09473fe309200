"""The door to the disk: all that the commit log does to files, so that tests can put a failing disk behind it."""

import contextlib
import os
import stat
from pathlib import Path
from typing import Protocol

from agent_spaces.errors import StorageError

WRITE_BYTES = 1 << 20  # how much is written at a time when a file is filled


class Files(Protocol):
    """Files of one folder, by names like `log/0.log`; a handle is a number. Every method may raise OSError."""

    def make_folder(self, name: str) -> None:
        """Make a folder that only the owner may enter; nothing happens if it is there."""
        ...

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; empty if there is no such folder."""
        ...

    def open(self, name: str, *, create: bool = False, write: bool = True) -> int:
        """Open a file and return its handle; with `create` it is made anew and empty. Links are not followed."""
        ...

    def size(self, handle: int) -> int:
        """Return how many bytes a file has."""
        ...

    def modified_us(self, name: str) -> int:
        """Return when a file was last written, in microseconds since 1970."""
        ...

    def pread(self, handle: int, count: int, position: int) -> bytes:
        """Return `count` bytes from `position` on, fewer only at the end of the file."""
        ...

    def pwrite(self, handle: int, data: bytes, position: int) -> None:
        """Write all of `data` at `position`."""
        ...

    def fdatasync(self, handle: int) -> None:
        """Return once what was written to the file is on the disk."""
        ...

    def truncate(self, handle: int, size: int) -> None:
        """Make a file `size` bytes long; what is added reads as zeros."""
        ...

    def forget_cache(self, handle: int) -> None:
        """Let the next read come from the disk where that is possible."""
        ...

    def close(self, handle: int) -> None:
        """Close a handle."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file another name; a file of that name is replaced."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file."""
        ...

    def sync_folder(self, name: str) -> None:
        """Return once the names in a folder are on the disk."""
        ...


class RealFiles:
    """The files below a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _path(self, name: str) -> Path:
        return self.root / name

    def make_folder(self, name: str) -> None:
        """Make a folder with mode 0700; StorageError if a link or a file stands there."""
        path = self._path(name)
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        if not stat.S_ISDIR(path.lstat().st_mode):
            msg = f"{path} is not a folder (links are not followed in a data folder). Move it away and start again."
            raise StorageError(msg)

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; empty if there is no such folder."""
        try:
            return sorted(path.name for path in self._path(folder).iterdir())
        except FileNotFoundError:
            return []

    def open(self, name: str, *, create: bool = False, write: bool = True) -> int:
        """Open a file, mode 0600 where it is made."""
        flags = os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_RDWR if write else os.O_RDONLY)
        if create:
            flags |= os.O_CREAT | os.O_TRUNC
        return os.open(self._path(name), flags, 0o600)

    def size(self, handle: int) -> int:
        """Return how many bytes a file has."""
        return os.fstat(handle).st_size

    def modified_us(self, name: str) -> int:
        """Return when a file was last written, in microseconds since 1970."""
        return self._path(name).stat().st_mtime_ns // 1000

    def pread(self, handle: int, count: int, position: int) -> bytes:
        """Return `count` bytes from `position` on, fewer only at the end of the file."""
        data = os.pread(handle, count, position)
        while len(data) < count:
            more = os.pread(handle, count - len(data), position + len(data))
            if not more:
                break
            data += more
        return data

    def pwrite(self, handle: int, data: bytes, position: int) -> None:
        """Write all of `data` at `position`."""
        written = os.pwrite(handle, data, position)
        while written < len(data):
            written += os.pwrite(handle, memoryview(data)[written:], position + written)

    def fdatasync(self, handle: int) -> None:
        """Return once what was written to the file is on the disk."""
        os.fdatasync(handle)

    def truncate(self, handle: int, size: int) -> None:
        """Make a file `size` bytes long; what is added reads as zeros."""
        os.ftruncate(handle, size)

    def forget_cache(self, handle: int) -> None:
        """Drop the file's clean pages: after a failed fsync they may show what the disk does not have."""
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)

    def close(self, handle: int) -> None:
        """Close a handle."""
        os.close(handle)

    def rename(self, old: str, new: str) -> None:
        """Give a file another name; a file of that name is replaced."""
        self._path(old).replace(self._path(new))

    def remove(self, name: str) -> None:
        """Remove a file."""
        self._path(name).unlink()

    def sync_folder(self, name: str) -> None:
        """Return once the names in a folder are on the disk."""
        handle = os.open(self._path(name), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_zeros(files: Files, handle: int, start: int, end: int) -> None:
    """Fill a file with zeros from `start` to `end`, a piece at a time and each made durable.

    Pieces keep the disk's queue short, so that the log's own fsync does not wait behind 64 MiB.
    """
    zeros = bytes(min(WRITE_BYTES, max(end - start, 0)))
    position = start
    while position < end:
        piece = zeros[: end - position]
        files.pwrite(handle, piece, position)
        files.fdatasync(handle)
        position += len(piece)
