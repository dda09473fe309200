"""What the engine opens: the data folder of one database, as rows, a log to go on with, and checkpoints meanwhile."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from agent_spaces.clock import Clock, Randomness, SystemClock, SystemRandomness
from agent_spaces.engine.storage import checkpoint, checkpointer
from agent_spaces.engine.storage.commit_log import SEGMENT_BYTES, CommitLog
from agent_spaces.engine.storage.files import Files, RealFiles
from agent_spaces.engine.storage.lock import FolderLock
from agent_spaces.engine.storage.replay import Rows, Sequences, replayed
from agent_spaces.engine.storage.tables_db import DRAFT, NAME
from agent_spaces.engine.storage.writers import ThreadWriter, Writer, best_writer
from agent_spaces.errors import DamagedError, LockedError, StorageError
from agent_spaces.module.migrate import plan_migration, stored_definition

if TYPE_CHECKING:
    from agent_spaces.engine.storage.log import Record
    from agent_spaces.module.definition import Module

log = structlog.get_logger(__name__)

HURRY_AT = 2  # checkpoint_log_bytes of log that may come while a checkpoint waits for its turn
CHECKPOINT_WAIT_S = 30.0  # how long a start waits for the checkpoint of a host that just ended


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreSettings:
    """How a data folder is kept."""

    segment_bytes: int = SEGMENT_BYTES
    keep_days: int = 0  # how long segments behind the checkpoint are kept
    checkpoint_log_bytes: int = 64 << 20  # of log, or a quarter of the last checkpoint if that is more
    checkpoint_interval_s: float = 300.0  # at the latest, if anything was written


@dataclass
class RecoveredState:
    """The database as the disk has it: rows by table name (in no order), next numbers, the next transaction."""

    rows: Rows = field(default_factory=dict)
    sequences: Sequences = field(default_factory=dict)
    next_offset: int = 0


class Store:
    """An open data folder. `log` takes groups, `recovered` is what was found; made by `open_store`.

    Everything but `open_store` runs on the event loop. Checkpoints are made by themselves, by a child process.
    """

    def __init__(
        self,
        folder: Path,
        module: "Module",
        settings: StoreSettings,
        clock: Clock,
        lock: FolderLock,
    ) -> None:
        self.folder, self._module, self._settings, self._clock, self._lock = folder, module, settings, clock, lock
        self.log: CommitLog
        self.recovered = RecoveredState()
        self.definition: dict[str, Any] = {}
        self.checkpoint_offset = 0  # the newest checkpoint holds all transactions below it
        self._running: asyncio.Task[int] | None = None
        self._checkpointer = checkpointer.Checkpointer(folder)
        self._hurried = False
        self._tail_bytes = 0
        self._rhythm_from = (0, clock.monotonic())  # bytes of log and time at the last checkpoint

    @property
    def table_ids(self) -> dict[str, int]:
        """The tables' ids in the log."""
        return {name: table["id"] for name, table in self.definition["tables"].items()}

    @property
    def reducer_ids(self) -> dict[str, int]:
        """The reducers' ids in the log; removed reducers keep theirs."""
        return dict(self.definition["reducers"])

    def open(self) -> None:
        """Read the folder: begin, migrate, load and replay as need be."""
        path = self.folder / NAME
        if not path.exists():
            self._begin()
            meta = checkpoint.peek(self.folder)
        else:
            meta = checkpoint.peek(self.folder)
            if not self._is_current(meta.definition):
                self._migrate()
                meta = checkpoint.peek(self.folder)
        self.definition = meta.definition
        self._load(self.log.open)
        self._rhythm_from = (-self._tail_bytes, self._clock.monotonic())
        log.info("store.opened", folder=str(self.folder), next_offset=self.recovered.next_offset)

    def _is_current(self, definition: dict[str, Any]) -> bool:
        """Whether the stored definition is the module's; what cannot be compared is left to a closer look."""
        try:
            return definition == stored_definition(self._module, definition)
        except (KeyError, TypeError, AttributeError):
            return False

    def _begin(self) -> None:
        """Begin the log, then the checkpoint: so a folder with a checkpoint but no log is known to be damaged."""
        for record in self.log.open(0, create=True):
            raise DamagedError(
                f"{self.folder / NAME} is missing, but the log holds transactions {record.first} and on. "
                "Restore a backup of the data folder."
            )
        self.log.let_go()
        checkpoint.begin(self.folder, stored_definition(self._module))

    def _migrate(self) -> None:
        """Bring everything into the checkpoint as the old definition has it, then that to the new one."""
        meta = checkpoint.load(self.folder, None).meta
        migration = plan_migration(meta.definition, self._module)
        if migration.changed:
            for _ in checkpoint.following(meta, self.log.open(meta.next_offset)):
                pass
            until = self.log.next_offset
            self.log.let_go()
            checkpoint.advance(self.folder, until)
            checkpoint.migrate(self.folder, migration)
            log.info("store.migrated", folder=str(self.folder), next_offset=until)

    def _load(self, read: "Callable[[int], Iterable[Record]]") -> None:
        loaded = checkpoint.load(self.folder, self._module)
        found = self._measured(checkpoint.following(loaded.meta, read(loaded.meta.next_offset)))
        tables = {self.table_ids[name]: table for name, table in self._module.tables.items()}
        rows, sequences = replayed(tables, loaded.rows, loaded.meta.sequences, found)
        self.checkpoint_offset = loaded.meta.next_offset
        if self.log.next_offset == loaded.meta.next_offset and self.log.chain != loaded.meta.chain:
            raise DamagedError(f"The log does not belong to {self.folder / NAME}. Restore both from one backup.")
        self.recovered = RecoveredState(rows, sequences, self.log.next_offset)

    def _measured(self, found: "Iterable[Record]") -> "Iterator[Record]":
        """Note how much log stands behind the checkpoint: it counts as written when the next one is due."""
        self._tail_bytes = 0
        for record in found:
            self._tail_bytes += len(record.body)
            yield record

    def recover(self) -> RecoveredState:
        """After a failed append: let the log recover and return the database as the disk has it.

        StorageError if the disk still fails; then nothing has changed and it may be tried again.
        """
        self.log.recover()
        try:
            self._load(self.log.replay)
        except OSError as error:
            raise StorageError(f"The data folder cannot be read: {error}.") from error
        return self.recovered

    def take_recovered(self) -> RecoveredState:
        """Return what was found, and let go of it: it takes as much memory as the database."""
        recovered, self.recovered = self.recovered, RecoveredState()
        return recovered

    def written(self) -> None:
        """Start a checkpoint if it is time; called after each durable group.

        One that waits for a busy processor while the log grows is begun anew with a share of it: what stands in the log
        must be read by the next start.
        """
        settings, (at_bytes, at_time) = self._settings, self._rhythm_from
        grown = self.log.bytes_written - at_bytes
        if self._running is not None:
            if grown >= HURRY_AT * settings.checkpoint_log_bytes and not self._hurried:
                self._hurried = True
                self._checkpointer.kill()
            return
        late = self._clock.monotonic() - at_time >= settings.checkpoint_interval_s
        if late or grown >= settings.checkpoint_log_bytes:
            size = (self.folder / NAME).stat().st_size
            if late or grown >= size // 4:
                self._running = asyncio.get_running_loop().create_task(self._checkpoint())
                self._running.add_done_callback(_noted)

    async def checkpoint_now(self) -> int:
        """Make a checkpoint of what is durable; returns the transaction below which it holds everything.

        StorageError if it could not be written; the old one stands.
        """
        if self._running is not None:
            with contextlib.suppress(StorageError):
                await asyncio.shield(self._running)
        self._running = asyncio.get_running_loop().create_task(self._checkpoint())
        return await asyncio.shield(self._running)

    async def _checkpoint(self) -> int:
        until, self._hurried = self.log.next_offset, False
        self._rhythm_from = (self.log.bytes_written, self._clock.monotonic())
        try:
            if until > self.checkpoint_offset:
                until = await self._advance(until)
                self.checkpoint_offset = until
                released = await asyncio.to_thread(self.log.recycle, until)
                if released:
                    self.log.prepare_spare()
                log.info("checkpoint.written", folder=str(self.folder), next_offset=until, segments_released=released)
        except (StorageError, OSError) as error:
            log.warning("checkpoint.failed", folder=str(self.folder), error=str(error))
            raise StorageError(f"The checkpoint could not be written: {error}.") from error
        finally:
            self._running = None
        return until

    async def _advance(self, until: int) -> int:
        """Run the child; begin again with what is durable by now, and more of the processor, if `written` ended it."""
        try:
            await self._checkpointer.run(until, hurried=False)
        except StorageError:
            if not self._hurried:
                raise
            until = self.log.next_offset
            log.info("checkpoint.hurried", folder=str(self.folder), next_offset=until)
            await self._checkpointer.run(until, hurried=True)
        return until

    async def close(self) -> None:
        """End a checkpoint that is being written; let go of files, threads and the lock. Appends must be done."""
        running = self._running
        if running is not None:
            self._hurried = False
            self._checkpointer.kill()
            with contextlib.suppress(StorageError):
                await running
        self.release()

    def release(self) -> None:
        """Let go of files, threads and the lock at once; `close` is for a store that served."""
        self.log.close()
        self._lock.release()


def open_store(
    folder: Path,
    module: "Module",
    *,
    files: Files | None = None,
    clock: Clock | None = None,
    randomness: Randomness | None = None,
    settings: StoreSettings | None = None,
    make_writer: Callable[[], Writer] | None = None,
) -> Store:
    """Open or make the data folder of a database; returns it with everything that is durable.

    LockedError if another process uses it, DamagedError if it is damaged, MigrationError if the module does not fit
    what is stored, StorageError if the disk fails; nothing was changed then. The writer is made at the first append, on
    the event loop: the fastest that works here, unless `make_writer` says otherwise.
    """
    files, clock, settings = files or RealFiles(folder), clock or SystemClock(), settings or StoreSettings()
    lock = FolderLock(folder)
    store = Store(folder, module, settings, clock, lock)
    store.log = CommitLog(
        files,
        clock,
        randomness or SystemRandomness(),
        make_writer or (lambda: best_writer(files, asyncio.get_running_loop())),
        lambda: ThreadWriter(files, asyncio.get_running_loop()),
        segment_bytes=settings.segment_bytes,
        keep_days=settings.keep_days,
        on_written=store.written,
    )
    try:
        _wait_for_checkpointer(folder)
        store.open()
    except OSError as error:
        store.release()
        raise StorageError(f"The data folder {folder} cannot be read or written: {error}.") from error
    except BaseException:
        store.release()
        raise
    return store


def _noted(task: "asyncio.Task[int]") -> None:
    """Take the error of a checkpoint that nobody waits for; it was logged where it happened."""
    if not task.cancelled():
        task.exception()


def _wait_for_checkpointer(folder: Path) -> None:
    """Let a checkpoint process that outlived its host end, and clear its draft away."""
    until = time.monotonic() + CHECKPOINT_WAIT_S
    while True:
        try:
            FolderLock(folder, checkpointer.LOCK_NAME).release()
            break
        except LockedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
    (folder / DRAFT).unlink(missing_ok=True)
