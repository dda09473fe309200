"""A disk in memory that fails, tears a write or loses its power at the N-th operation."""

import errno
from dataclasses import dataclass, field
from random import Random

SECTOR = 512


class PowerCutError(BaseException):
    """The machine is off: nothing of the process goes on, so nothing may catch it."""


@dataclass
class _File:
    durable: bytearray = field(default_factory=bytearray)
    cached: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes] | int] = field(default_factory=list)  # writes (position, data) and truncations


@dataclass
class Fault:
    """What happens at an operation that changes the disk: `error`, `tear` (part is written, then an error) or `cut`."""

    at: int
    kind: str
    code: int = errno.EIO
    lasts: int = 1  # so many operations fail; more than one is a full or dead disk


class FaultFiles:
    """Implements `Files`. `operations` counts what changes the disk; `power_cut` keeps what was synced, and chance."""

    def __init__(self, seed: int = 0, fault: Fault | None = None) -> None:
        self.random = Random(seed)
        self.fault = fault
        self.operations = 0
        self.happened: list[str] = []
        self._inodes: dict[str, _File] = {}  # as the process sees the names
        self._durable_names: dict[str, _File] = {}
        self._renames: list[tuple[str, _File | None, str]] = []  # not yet durable, in order
        self._handles: dict[int, _File] = {}
        self._next_handle = 1000
        self.clock_us = 1_700_000_000_000_000

    def _operation(self, what: str) -> str | None:
        """Count; raise or return `tear` where the fault strikes."""
        number, fault = self.operations, self.fault
        self.operations += 1
        if fault is None or not fault.at <= number < fault.at + fault.lasts:
            return None
        self.happened.append(what)
        if fault.kind == "cut":
            return "cut"
        if fault.kind == "tear" and what == "pwrite":
            return "tear"
        raise OSError(fault.code, f"injected at operation {number}, {what}")

    def make_folder(self, name: str) -> None:
        pass

    def names(self, folder: str) -> list[str]:
        return sorted(name.split("/", 1)[1] for name in self._inodes if name.startswith(folder + "/"))

    def open(self, name: str, *, create: bool = False, write: bool = True) -> int:
        if create:
            if self._operation("create") == "cut":
                raise PowerCutError
            self._inodes[name] = _File()
            self._renames.append((name, self._inodes[name], "create"))
        if name not in self._inodes:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        self._next_handle += 1
        self._handles[self._next_handle] = self._inodes[name]
        return self._next_handle

    def size(self, handle: int) -> int:
        return len(self._handles[handle].cached)

    def modified_us(self, name: str) -> int:
        return self.clock_us

    def pread(self, handle: int, count: int, position: int) -> bytes:
        return bytes(self._handles[handle].cached[position : position + count])

    def pwrite(self, handle: int, data: bytes, position: int) -> None:
        file, strike = self._handles[handle], self._operation("pwrite")
        written = data if strike is None else data[: self.random.randrange(len(data) + 1)]
        if strike == "cut":
            written = data
        _apply(file.cached, (position, bytes(written)))
        file.pending.append((position, bytes(written)))
        if strike == "cut":
            raise PowerCutError
        if strike == "tear":
            assert self.fault is not None
            raise OSError(self.fault.code, "injected: torn write")

    def fdatasync(self, handle: int) -> None:
        """A failure drops what was not written, as Linux does: the cache shows it, a second sync would say yes."""
        file = self._handles[handle]
        try:
            if self._operation("fdatasync") == "cut":
                raise PowerCutError
        except OSError:
            self._lose(file)
            raise
        file.durable = bytearray(file.cached) if _all_there(file) else _merge(file)
        file.pending.clear()

    def _lose(self, file: _File) -> None:
        kept = [change for change in file.pending if self.random.random() < 0.5]
        for change in kept:
            _apply(file.durable, change)
        file.pending.clear()

    def truncate(self, handle: int, size: int) -> None:
        if self._operation("truncate") == "cut":
            raise PowerCutError
        file = self._handles[handle]
        _apply(file.cached, size)
        file.pending.append(size)

    def forget_cache(self, handle: int) -> None:
        file = self._handles[handle]
        if not file.pending:
            file.cached = bytearray(file.durable)

    def close(self, handle: int) -> None:
        del self._handles[handle]

    def rename(self, old: str, new: str) -> None:
        if self._operation("rename") == "cut":
            raise PowerCutError
        self._inodes[new] = self._inodes.pop(old)
        self._renames.append((new, self._inodes[new], old))

    def remove(self, name: str) -> None:
        if self._operation("remove") == "cut":
            raise PowerCutError
        if name not in self._inodes:
            raise FileNotFoundError(errno.ENOENT, "no such file", name)
        del self._inodes[name]
        self._renames.append((name, None, "remove"))

    def sync_folder(self, name: str) -> None:
        if self._operation("sync_folder") == "cut":
            raise PowerCutError
        self._durable_names = dict(self._inodes)
        self._renames.clear()

    def power_cut(self) -> "FaultFiles":
        """Return the disk as it is after the power came back: names in order up to some point, sectors by chance."""
        after = FaultFiles(self.random.randrange(1 << 30))
        names = dict(self._durable_names)
        for new, file, old in self._renames[: self.random.randrange(len(self._renames) + 1)]:
            names.pop(old, None)
            names.pop(new, None)
            if file is not None:
                names[new] = file
        for name, file in names.items():
            disk = bytearray(file.durable)
            for change in file.pending:
                if isinstance(change, int):
                    if self.random.random() < 0.5:
                        _apply(disk, change)
                    continue
                for position, piece in _sectors(change):
                    if self.random.random() < 0.5:
                        _apply(disk, (position, piece))
            after._inodes[name] = _File(bytearray(disk), bytearray(disk))
        after._durable_names = dict(after._inodes)
        after.clock_us = self.clock_us
        return after

    def killed(self) -> "FaultFiles":
        """Return the disk as the next process sees it after kill -9: everything written is in the cache."""
        self._handles.clear()
        self.fault = None
        return self


def _all_there(file: _File) -> bool:
    mirror = bytearray(file.durable)
    for change in file.pending:
        _apply(mirror, change)
    return mirror == file.cached


def _merge(file: _File) -> bytearray:
    """What a sync writes after an earlier one failed: only what was written since."""
    for change in file.pending:
        _apply(file.durable, change)
    return file.durable


def _apply(disk: bytearray, change: tuple[int, bytes] | int) -> None:
    if isinstance(change, int):
        if change <= len(disk):
            del disk[change:]
        else:
            disk.extend(bytes(change - len(disk)))
        return
    position, data = change
    if position + len(data) > len(disk):
        disk.extend(bytes(position + len(data) - len(disk)))
    disk[position : position + len(data)] = data


def _sectors(change: tuple[int, bytes]) -> list[tuple[int, bytes]]:
    position, data = change
    pieces, start = [], 0
    while start < len(data):
        stop = min(len(data), start + SECTOR - (position + start) % SECTOR)
        pieces.append((position + start, data[start:stop]))
        start = stop
    return pieces
