"""The commit log: chained groups in zero-filled segments of one size, which are recycled.

`log/<first transaction, 20 digits>.log` are the segments, `log/spare` is the next one, zero-filled in advance:
fdatasync of such a file changes no metadata and takes half the time of one that grows (0.10 against 0.20 ms, measured).

The order of a roll makes it safe at every step: the spare gets its header and is durable; it gets its name; the old
segment is sealed; only then the first group is written. So a seal without a next segment means that one was lost.
"""

import contextlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import structlog

from agent_spaces.engine.storage import segments
from agent_spaces.engine.storage.files import Files, write_zeros
from agent_spaces.engine.storage.log import CHAIN_START, Done, Record, next_chain
from agent_spaces.engine.storage.segments import Header, Scan
from agent_spaces.errors import DamagedError, StorageError

if TYPE_CHECKING:
    from agent_spaces.clock import Clock, Randomness
    from agent_spaces.engine.storage.writers import Writer

log = structlog.get_logger(__name__)

FOLDER = "log"
SPARE = f"{FOLDER}/spare"
SEGMENT_BYTES = 64 << 20
SPARE_AT = 4  # the next segment is made ready once a quarter of this one is full
SPARE_AGAIN_S = 10.0  # after a failure: on a full disk every try takes what others could use
DAY_US = 86_400_000_000


def segment_name(first: int) -> str:
    """Return the name of the segment that begins with a transaction."""
    return f"{FOLDER}/{first:020d}.log"


def segment_names(files: Files) -> list[str]:
    """Return the names of the segments, oldest first."""
    return [f"{FOLDER}/{name}" for name in files.names(FOLDER) if name.endswith(".log") and name[:-4].isdigit()]


def first_of(name: str) -> int:
    """Return the transaction that a segment begins with, by its name."""
    return int(name.rsplit("/", 1)[-1][:-4])


def _read(files: Files, name: str) -> bytes:
    handle = files.open(name, write=False)
    try:
        return files.pread(handle, files.size(handle), 0)
    finally:
        files.close(handle)


def read_segments(files: Files, after: int, until: int | None = None) -> Iterator[tuple[Scan, Record]]:
    """Give the records with transactions numbered `after` and above (and below `until`), and their segment's scan.

    DamagedError where segments do not follow from each other, or as `Scan` says. Writes nothing, so that another
    process may read what is durable (below `until`) while the log grows.
    """
    names = segment_names(files)
    start = max((i for i, name in enumerate(names) if first_of(name) <= after), default=None)
    if start is None:
        where = f"begins with transaction {first_of(names[0])}" if names else "has no segment"
        msg = f"The log is damaged: it {where}, but transaction {after} is needed. Restore a backup."
        raise DamagedError(msg)
    expected: tuple[int, bytes] | None = None
    for position, name in enumerate(names[start:], start):
        data = _read(files, name)
        following = names[position + 1] if position + 1 < len(names) else None
        scan = Scan(data, name, last=following is None)
        header = scan.header
        if header.first != first_of(name) or (expected is not None and expected != (header.first, header.chain)):
            good = header.first if expected is None else expected[0]
            msg = f"{name} does not follow from the segment before it; the last good transaction is {good - 1}."
            raise DamagedError(msg)
        for record in scan.records(None if following is not None else until):
            if until is not None and record.first >= until:
                return
            if record.last >= after:
                yield scan, record
        if following is None and until is None and segments.is_sealed(data):
            good = scan.next_offset - 1
            msg = f"The log is damaged: the segment after {name} is missing; the last good transaction is {good}."
            raise DamagedError(msg)
        expected = (scan.next_offset, scan.chain)


class CommitLog:
    """The log of one data folder. Nothing is read or written before `open`; see `Log` for what the methods promise.

    `make_writer` is called at the first append and gives the writer of groups; `make_helper` one for slow jobs, which
    prepares segments; `on_written` is called after each group that became durable. `keep_days` keeps segments that are
    behind the checkpoint so long after they were last written.
    """

    def __init__(
        self,
        files: Files,
        clock: "Clock",
        randomness: "Randomness",
        make_writer: "Callable[[], Writer]",
        make_helper: "Callable[[], Writer]",
        *,
        segment_bytes: int = SEGMENT_BYTES,
        keep_days: int = 0,
        on_written: Callable[[], None] | None = None,
    ) -> None:
        self._files, self._clock, self._randomness = files, clock, randomness
        self._make_writer, self._make_helper, self._on_written = make_writer, make_helper, on_written
        self._writer: Writer | None = None
        self._helper: Writer | None = None
        self._segment_bytes, self._keep_us = segment_bytes, keep_days * DAY_US
        self.next_offset, self.chain = 0, CHAIN_START
        self.failed: BaseException | None = None
        self.bytes_written = 0  # since it was opened: what the checkpoint's rhythm goes by
        self._name, self._handle, self._header, self._end = "", -1, Header(b"", 0, 0, b""), 0
        self._flying = self._preparing = self._closed = False
        self._spare_not_before = 0.0

    def open(self, after: int, *, create: bool = False) -> Iterator[Record]:
        """Give the records from transaction `after` on and, once they are all taken, be ready for appends.

        With `create` a log that does not exist is begun. A torn write behind the last group is cut off, with a line
        in the host's log. DamagedError if more than that is wrong; OSError from the disk.
        """
        files = self._files
        files.make_folder(FOLDER)
        if create and not segment_names(files):
            self._begin(0, CHAIN_START, self._segment_bytes)
        self._sync_last()
        yield from self._take(after)

    def _sync_last(self) -> None:
        """Make durable what a killed process may have left in the page cache: it is about to be served."""
        for name in segment_names(self._files)[-1:]:
            handle = self._files.open(name)
            try:
                self._files.fdatasync(handle)
                self._files.forget_cache(handle)
            finally:
                self._files.close(handle)

    def _take(self, after: int) -> Iterator[Record]:
        """Give the records and stand behind the last of them."""
        files = self._files
        scan: Scan | None = None
        for current, record in read_segments(files, after):
            scan = current
            yield record
        last = segment_names(files)[-1]
        if scan is None or scan.header.first != first_of(last):
            scan = Scan(_read(files, last), last, last=True)
            for _ in scan.records():
                pass
        if scan.next_offset < after:
            msg = (
                f"The log ends with transaction {scan.next_offset - 1}, but the checkpoint holds {after - 1}: "
                "later groups are missing. Restore a backup."
            )
            raise DamagedError(msg)
        self._name, self._header = last, scan.header
        self._handle, self._end = files.open(last), scan.end
        self.next_offset, self.chain = scan.next_offset, scan.chain
        if scan.torn_end is not None:
            log.warning("log.torn_write_cut", file=last, bytes=scan.torn_end - scan.end, next_offset=scan.next_offset)
            write_zeros(files, self._handle, scan.end, scan.torn_end)

    def replay(self, after: int) -> Iterator[Record]:
        """Give the durable groups that hold transactions numbered `after` and above, in order."""
        return (record for _, record in read_segments(self._files, after, self.next_offset))

    def append(self, body: bytes, first: int, last: int, done: Done) -> None:
        """Make a group durable, then call `done`; see `Log.append`."""
        assert not self._flying, "one group is on its way at a time"
        assert first == self.next_offset <= last, "transactions are numbered without gaps"
        assert len(body) <= segments.RECORD_BYTES_MAX, "the engine bounds its groups"
        writer = self._writer = self._writer or self._make_writer()
        self._flying = True
        if self.failed is not None:
            error = self.failed
            writer.run(_nothing, lambda _: self._finish(error, done))
            return
        record = Record(first, last, body, next_chain(self.chain, first, last, body))
        size = segments.OVERHEAD_BYTES + len(body)
        if self._end + size <= self._header.size:
            self._write(record, done)
            return

        def rolled(error: BaseException | None) -> None:
            if error is None:
                self._write(record, done)
            else:
                self._finish(error, done)

        needed = max(self._segment_bytes, segments.RECORDS_START + size)
        writer.run(lambda: self._begin(first, self.chain, needed), rolled)

    def _write(self, record: Record, done: Done) -> None:
        data = segments.pack_record(self._header.salt, self._end, record)

        def written(error: BaseException | None) -> None:
            if error is None:
                self._end += len(data)
                self.next_offset, self.chain = record.last + 1, record.chain
                self.bytes_written += len(data)
            self._finish(error, done)

        assert self._writer is not None
        self._writer.write(self._handle, data, self._end, written)
        if self._end > self._header.size // SPARE_AT:
            self.prepare_spare()

    def _finish(self, error: BaseException | None, done: Done) -> None:
        self._flying = False
        if error is None:
            done(None)
            if self._on_written is not None:
                self._on_written()
            return
        if self.failed is None:
            log.error("log.append_failed", file=self._name, next_offset=self.next_offset, error=str(error))
            self.failed = StorageError(f"The log could not be written: {error}. Free the disk or repair it.")
            self.failed.__cause__ = error
        done(self.failed)

    def _begin(self, first: int, chain: bytes, size: int) -> None:
        """Start the segment that begins with transaction `first`, and seal the one before it."""
        files = self._files
        spare = "spare" in files.names(FOLDER)
        handle = files.open(SPARE) if spare else files.open(f"{SPARE}.new", create=True)
        try:
            if not spare or files.size(handle) != size:
                files.truncate(handle, 0)
                write_zeros(files, handle, 0, size)
            header = Header(segments.salt_from(self._randomness.token_bytes(8)), size, first, chain)
            files.pwrite(handle, segments.pack_header(header), 0)
            files.fdatasync(handle)
            files.rename(SPARE if spare else f"{SPARE}.new", segment_name(first))
            files.sync_folder(FOLDER)
            if self._handle >= 0:
                files.pwrite(self._handle, segments.pack_seal(self._end, first, chain), segments.SEAL_POSITION)
                files.fdatasync(self._handle)
        except BaseException as error:
            files.close(handle)
            if not spare:
                self._discard(f"{SPARE}.new", error)
            raise
        if self._handle >= 0:
            files.close(self._handle)
        self._name, self._handle, self._header, self._end = segment_name(first), handle, header, segments.RECORDS_START

    def _discard(self, name: str, error: BaseException) -> None:
        """Remove a draft that the disk did not let us finish, so that it keeps nothing of a full disk."""
        if isinstance(error, OSError):
            with contextlib.suppress(OSError):
                self._files.remove(name)

    def prepare_spare(self) -> None:
        """Have the next segment zero-filled in the background, unless that is done, being done or failed just now."""
        if self._preparing or self._closed or self._clock.monotonic() < self._spare_not_before:
            return
        self._preparing = True
        self._helper = self._helper or self._make_helper()
        self._helper.run(self._make_spare, self._spare_made)

    def _make_spare(self) -> None:
        files, draft = self._files, f"{SPARE}.draft"
        names = files.names(FOLDER)
        if "spare" in names:
            return
        recycled = "recycled" in names
        if recycled:
            files.rename(f"{FOLDER}/recycled", draft)
        handle = files.open(draft, create=not recycled)
        try:
            if recycled and files.size(handle) != self._segment_bytes:
                files.truncate(handle, 0)
            write_zeros(files, handle, 0, self._segment_bytes)
        except BaseException as error:
            files.close(handle)
            self._discard(draft, error)
            raise
        files.close(handle)
        files.rename(draft, SPARE)
        files.sync_folder(FOLDER)

    def _spare_made(self, error: BaseException | None) -> None:
        """A failure is only noted: the roll makes a segment itself, and fails loudly if it cannot."""
        self._preparing = False
        if error is not None:
            self._spare_not_before = self._clock.monotonic() + SPARE_AGAIN_S
            log.warning("log.spare_failed", error=str(error))

    def recover(self) -> int:
        """Re-read the disk and write the current segment anew without what failed; see `Log.recover`.

        An fsync that failed is never tried again on the same file: the kernel has dropped its pages, and would say yes.
        """
        assert not self._flying, "a group is on its way"
        if self.failed is None:
            return self.next_offset
        try:
            self._rewrite()
        except OSError as error:
            msg = f"The log still cannot be written: {error}. Free the disk or repair it."
            raise StorageError(msg) from error
        self.failed = None
        log.info("log.recovered", file=self._name, next_offset=self.next_offset)
        return self.next_offset

    def _rewrite(self) -> None:
        files, draft, header = self._files, f"{SPARE}.rewrite", self._header
        data = _read(files, self._name)
        scan = Scan(data, self._name, last=True)
        for _ in scan.records(self.next_offset):
            pass
        if (scan.end, scan.chain) != (self._end, self.chain):
            good = self.next_offset - 1
            msg = f"{self._name} is damaged: it does not hold what was acknowledged, up to transaction {good}."
            raise DamagedError(msg)
        handle = files.open(draft, create=True)
        try:
            files.pwrite(handle, segments.pack_header(header), 0)
            for start in range(segments.RECORDS_START, self._end, 1 << 20):
                files.pwrite(handle, data[start : min(self._end, start + (1 << 20))], start)
            write_zeros(files, handle, self._end, header.size)
            files.fdatasync(handle)
            files.rename(draft, self._name)
            files.sync_folder(FOLDER)
            for name in segment_names(files):
                if first_of(name) > header.first:  # of a roll that failed; it holds nothing that was acknowledged
                    files.remove(name)
            files.sync_folder(FOLDER)
        except BaseException as error:
            files.close(handle)
            self._discard(draft, error)
            raise
        files.close(self._handle)
        self._handle = handle

    def recycle(self, before: int) -> int:
        """Let go of segments that only hold transactions below `before`; returns how many.

        One becomes the next spare, by `prepare_spare`. Works on names alone, so it may run in another thread.
        """
        files, released = self._files, 0
        names = segment_names(files)
        for name, following in pairwise(names):
            if first_of(following) > before:
                break
            if self._keep_us and files.modified_us(name) > self._clock.now_us() - self._keep_us:
                break
            if "recycled" in files.names(FOLDER) or "spare" in files.names(FOLDER):
                files.remove(name)
            else:
                files.rename(name, f"{FOLDER}/recycled")
            released += 1
        if released:
            files.sync_folder(FOLDER)
        return released

    def close(self) -> None:
        """Let go of files and threads; the last append must be done."""
        self._closed = True
        for writer in (self._writer, self._helper):
            if writer is not None:
                writer.close()
        self.let_go()

    def let_go(self) -> None:
        """Close the current segment, so that `open` can be called again."""
        if self._handle >= 0:
            self._files.close(self._handle)
            self._handle = -1


def _nothing() -> None:
    """A job that only lets `done` come later."""
