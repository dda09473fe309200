"""What the checkpoint does to the disk, through SQLite (an apsw VFS) and around it, recorded or made to fail at a step.

A recording is replayed into FaultFiles up to any step, whose power cut then says what the disk holds afterwards.
"""

import errno
import io
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import apsw

from engine.storage.fault_files import FaultFiles

VFS_NAME = "chaos"
BASE_VFS = apsw.vfs_names()[0]
Step = tuple[Any, ...]


@dataclass
class Recording:
    """Steps that change the disk below one folder; `fails_at` makes one of them fail."""

    folder: Path
    fails_at: int = -1
    steps: list[Step] = field(default_factory=list)

    def name(self, path: str | Path) -> str | None:
        """Return a path as FaultFiles names it, None if it is elsewhere."""
        path = Path(path)
        return f"data/{path.name}" if path.parent == self.folder else None

    def note(self, *step: Any) -> None:
        """Count a step that is about to happen; OSError if it is the one to fail."""
        if len(self.steps) == self.fails_at:
            self.fails_at = -2
            raise OSError(errno.EIO, f"injected at step {len(self.steps)}, {step[0]}")
        self.steps.append(step)


class _File(apsw.VFSFile):
    def __init__(self, recording: Recording, name: str | None, filename: Any, flags: Any) -> None:
        super().__init__(BASE_VFS, filename, flags)
        self._recording, self._name = recording, name

    def _note(self, *step: Any) -> None:
        if self._name is None:
            return
        try:
            self._recording.note(*step)
        except OSError as error:
            raise apsw.IOError(str(error)) from error

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        self._note("write", self._name, bytes(data), offset)
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        self._note("truncate", self._name, newsize)
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        self._note("sync", self._name)
        super().xSync(flags)


class _Vfs(apsw.VFS):
    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        super().__init__(VFS_NAME, BASE_VFS)

    def xOpen(self, name: Any, flags: Any) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        known = None if path is None else self._recording.name(path)
        if known is not None and not Path(str(path)).exists():
            self._recording.note("create", known)
        return _File(self._recording, known, name, flags)


class _Writing(io.FileIO):
    def __init__(self, recording: Recording, name: str, path: Path) -> None:
        recording.note("create", name)
        super().__init__(path, "xb")
        self._recording, self._name, self._at = recording, name, 0

    def write(self, data: Any) -> int:
        self._recording.note("write", self._name, bytes(data), self._at)
        self._at += len(data)
        return super().write(data)


@contextmanager
def recorded(folder: Path, fails_at: int = -1) -> Iterator[Recording]:
    """Record what happens below a folder, or let one step fail."""
    recording = Recording(folder, fails_at)
    real_fsync, real_fdatasync, real_pwrite = os.fsync, os.fdatasync, os.pwrite
    real_open, real_replace, real_unlink, real_os_open = Path.open, Path.replace, Path.unlink, os.open

    def named(handle: int) -> str | None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        return "." if path == folder else recording.name(path)

    def sync(real: Any, handle: int) -> None:
        name = named(handle)
        if name is not None:
            recording.note(*(("sync folder",) if name == "." else ("sync", name)))
        real(handle)

    def pwrite(handle: int, data: bytes, position: int) -> int:
        name = named(handle)
        if name is not None:
            recording.note("write", name, bytes(data), position)
        return real_pwrite(handle, data, position)

    def opened(path: Path, mode: str = "r", *args: Any, **options: Any) -> Any:
        name = recording.name(path)
        if name is not None and mode == "xb":
            return _Writing(recording, name, path)
        return real_open(path, mode, *args, **options)

    def os_opened(path: Any, flags: int, *args: Any, **options: Any) -> int:
        name = recording.name(path)
        if name is not None and flags & os.O_CREAT and not Path(path).exists():
            recording.note("create", name)
        return real_os_open(path, flags, *args, **options)

    def replace(path: Path, target: Path) -> Path:
        recording.note("rename", recording.name(path), recording.name(target))
        return real_replace(path, target)

    def unlink(path: Path, missing_ok: bool = False) -> None:
        if path.exists() and recording.name(path) is not None:
            recording.note("remove", recording.name(path))
        real_unlink(path, missing_ok)

    vfs = _Vfs(recording)
    apsw.set_default_vfs(VFS_NAME)
    try:
        with ExitStack() as stack:

            def patch(where: Any, name: str, by: Any) -> None:
                stack.enter_context(mock.patch.object(where, name, by))

            patch(os, "fsync", lambda handle: sync(real_fsync, handle))
            patch(os, "fdatasync", lambda handle: sync(real_fdatasync, handle))
            patch(os, "pwrite", pwrite)
            patch(os, "open", os_opened)
            patch(Path, "open", opened)
            patch(Path, "replace", replace)
            patch(Path, "unlink", unlink)
            yield recording
    finally:
        apsw.set_default_vfs(BASE_VFS)
        vfs.unregister()


def after_power_cut(before: dict[str, bytes], steps: list[Step], seed: int) -> dict[str, bytes]:
    """Return the files of a folder after the power was cut behind these steps; names without the folder."""
    disk = FaultFiles(seed)
    handles: dict[str, int] = {}

    def handle(name: str) -> int:
        if name not in handles:
            handles[name] = disk.open(name)
        return handles[name]

    for name, data in before.items():
        handles[f"data/{name}"] = disk.open(f"data/{name}", create=True)
        disk.pwrite(handles[f"data/{name}"], data, 0)
        disk.fdatasync(handles[f"data/{name}"])
    disk.sync_folder("data")
    for kind, *rest in steps:
        match kind:
            case "create":
                handles[rest[0]] = disk.open(rest[0], create=True)
            case "write":
                disk.pwrite(handle(rest[0]), rest[1], rest[2])
            case "truncate":
                disk.truncate(handle(rest[0]), rest[1])
            case "sync":
                disk.fdatasync(handle(rest[0]))
            case "sync folder":
                disk.sync_folder("data")
            case "rename":
                disk.rename(*rest)
                handles[rest[1]] = handles.pop(rest[0])
            case "remove":
                disk.remove(rest[0])
                handles.pop(rest[0], None)
    after = disk.power_cut()
    files = {}
    for name in after.names("data"):
        opened = after.open(f"data/{name}")
        files[name] = after.pread(opened, after.size(opened), 0)
    return files
