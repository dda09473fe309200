"""A copy of a data folder that a host may start from, taken while the host goes on.

The copy holds a consistent prefix: the checkpoint, and the log up to some transaction at or after the last one that was
answered before the copy began. A log file is read from its end to its beginning: a host writes in the other direction,
so whatever record is found whole, all before it are too. What a checkpoint or a new segment disturbs meanwhile is found
by reading the copy as a host would, and copied anew.
"""

import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from agent_spaces.engine.storage import checkpoint
from agent_spaces.engine.storage.commit_log import FOLDER, read_segments, segment_names
from agent_spaces.engine.storage.files import RealFiles
from agent_spaces.engine.storage.tables_db import DRAFT, NAME
from agent_spaces.errors import ConfigError, DamagedError, StorageError
from agent_spaces.ops.errors import InUseError

PAGE_BYTES = 4096
TRIES_MAX = 10
NOT_COPIED = (DRAFT, "lock", "checkpoint.lock")


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy: how many transactions it holds, and its size."""

    transactions: int
    size_bytes: int


def back_up(folder: Path, copy: Path) -> Backup:
    """Copy a data folder to `copy`, which must not exist; all at once, durably, for this user only.

    The copy has the host's keys and the owner's token in it. ConfigError if there is no database in `folder`,
    InUseError if `copy` exists, DamagedError if what is there is damaged, StorageError if it cannot be read or written.
    """
    if not (folder / NAME).is_file():
        raise ConfigError(f"There is no database in {folder}; name the host's folder with --data-dir.")
    if copy.exists() or copy.is_symlink():
        raise InUseError(f"{copy} exists already: a backup is made in a folder of its own.")
    try:
        fresh = Path(tempfile.mkdtemp(prefix=f".{copy.name}.", dir=copy.parent))  # 0700
        try:
            transactions = _copy_until_whole(folder, fresh)
            size = _make_durable(fresh)
            fresh.rename(copy)
            RealFiles(copy.parent).sync_folder(".")
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    except OSError as error:
        raise StorageError(f"{folder} cannot be copied to {copy}: {error.strerror or error}.") from error
    return Backup(transactions, size)


def _copy_until_whole(folder: Path, fresh: Path) -> int:
    """Copy everything until the copy can be read; returns how many transactions it holds."""
    for tries_left in reversed(range(TRIES_MAX)):
        try:
            _copy(folder, fresh)
            return _transactions(fresh)
        except (DamagedError, FileNotFoundError):
            if not tries_left:
                raise
            for path in fresh.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    raise AssertionError("the last try returns or raises")


def _copy(folder: Path, fresh: Path) -> None:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_file(follow_symlinks=False) and entry.name not in NOT_COPIED:
            _copy_file(folder / entry.name, fresh / entry.name)
    (fresh / FOLDER).mkdir(mode=0o700)
    for name in segment_names(RealFiles(folder)):
        _copy_file(folder / name, fresh / name)


def _copy_file(source: Path, target: Path) -> None:
    """Copy a file from its end to its beginning; pages of zeros stay holes."""
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        state = os.fstat(reading)
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, stat.S_IMODE(state.st_mode))
        try:
            os.ftruncate(writing, state.st_size)
            for page in reversed(range(-(-state.st_size // PAGE_BYTES))):
                data = os.pread(reading, PAGE_BYTES, page * PAGE_BYTES)
                if data.strip(b"\0"):
                    os.pwrite(writing, data, page * PAGE_BYTES)
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def _transactions(fresh: Path) -> int:
    """Read the copy as a host would at its start, and return the number of the next transaction."""
    meta = checkpoint.peek(fresh)
    last = meta.next_offset
    for record in checkpoint.following(meta, (found for _, found in read_segments(RealFiles(fresh), last))):
        last = record.last + 1
    return last


def _make_durable(fresh: Path) -> int:
    """Bring every file and folder of the copy to the disk; returns the bytes that it takes there."""
    size = 0
    for place in (fresh / FOLDER, fresh):
        for path in place.iterdir():
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(handle)
                if path.is_file():
                    size += os.fstat(handle).st_blocks * 512
            finally:
                os.close(handle)
        RealFiles(place).sync_folder(".")
    return size
