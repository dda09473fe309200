"""Bringing `tables.db` up to a transaction, from the durable log alone, and reading it at a start.

A new checkpoint is made beside the old one and takes its name when it is whole and durable: a power cut at any step
leaves the old one or the new one. Rows are decoded by the stored definition, so this needs no module.
"""

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from agent_spaces.engine.collector import no_collections
from agent_spaces.engine.storage import tables_db
from agent_spaces.engine.storage.changes import Changed, NetChanges
from agent_spaces.engine.storage.columns import rows_reader
from agent_spaces.engine.storage.commit_log import first_of, read_segments, segment_names
from agent_spaces.engine.storage.files import RealFiles
from agent_spaces.engine.storage.log import next_chain
from agent_spaces.engine.storage.tables_db import DRAFT, NAME, Meta
from agent_spaces.errors import DamagedError, DecodeError

if TYPE_CHECKING:
    from agent_spaces.engine.storage.log import Record
    from agent_spaces.module.definition import Module
    from agent_spaces.module.migrate import Migration

_PIECE_BYTES = 256 << 10
_PAUSE = 2  # times as long as a piece took to become durable


@dataclass
class Loaded:
    """A checkpoint in memory: rows by table name, in primary key order."""

    meta: Meta
    rows: dict[str, list[Any]] = field(default_factory=dict)


def _damaged(path: Path, reason: str) -> DamagedError:
    names = segment_names(RealFiles(path.parent))
    known = f"the log still holds the transactions from {first_of(names[0])} on" if names else "there is no log either"
    return DamagedError(
        f"{path} is damaged ({reason}): nothing in it can be trusted; {known}. Restore a backup of the data folder."
    )


def following(meta: Meta, found: "Iterable[Record]") -> "Iterator[Record]":
    """Give the groups behind a checkpoint; DamagedError unless the first follows from it."""
    checked = False
    for record in found:
        if not checked:
            chain = next_chain(meta.chain, record.first, record.last, record.body)
            if record.first != meta.next_offset or chain != record.chain:
                raise DamagedError(
                    f"The log does not follow from {NAME}: they are of different lives. The last good transaction is "
                    f"{meta.next_offset - 1}. Restore the whole data folder from one backup."
                )
            checked = True
        yield record


def _install(folder: Path) -> None:
    """Give the finished draft its name, durably."""
    (folder / DRAFT).replace(folder / NAME)
    RealFiles(folder).sync_folder(".")


def begin(folder: Path, definition: dict[str, Any]) -> None:
    """Write the checkpoint of a database in which nothing has happened."""
    tables_db.create(folder / DRAFT, tables_db.first_meta(definition))
    tables_db.seal(folder / DRAFT)
    _install(folder)


def peek(folder: Path) -> Meta:
    """Read the meta data of a checkpoint without trusting it: good enough to decide what to load it as."""
    path = folder / NAME
    try:
        with tables_db.read_only(path) as connection:
            return tables_db.read_meta(connection, path)
    except (apsw.Error, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, str(error) or type(error).__name__) from error


def load(folder: Path, module: "Module | None") -> Loaded:
    """Read a checkpoint: its meta data and, for a module that fits its definition, the rows.

    The whole file is hashed in a thread meanwhile; DamagedError if a single bit is not as it was written.
    """
    path = folder / NAME
    try:
        with no_collections(), tables_db.read_only(path) as connection:
            position, expected = tables_db.expected_digest(connection)
            found: list[str] = []
            hashing = threading.Thread(target=lambda: found.append(tables_db.file_digest(path, position)))
            hashing.start()
            try:
                loaded = Loaded(tables_db.read_meta(connection, path))
                if module is not None:
                    _load_rows(connection, module, loaded)
            finally:
                hashing.join()
    except (apsw.Error, ValueError, KeyError, TypeError, IndexError, OverflowError, DecodeError) as error:
        raise _damaged(path, str(error) or type(error).__name__) from error
    if found != [expected]:
        raise _damaged(path, "its checksum is wrong")
    return loaded


def _load_rows(connection: apsw.Connection, module: "Module", loaded: Loaded) -> None:
    shared: dict[Any, Any] = {}
    for name, table in module.tables.items():
        if table.event:
            continue
        columns = ", ".join(tables_db.quoted(column.name) for column in table.columns)
        found = connection.execute(f"SELECT {columns} FROM {tables_db.quoted(name)}")
        first = next(found, None)
        if first is None:  # a reader is made of generated code, and most tables of a small database are empty
            loaded.rows[name] = []
            continue
        leading = {index.columns[0] for index in table.indexes}
        repeating = [i for i, column in enumerate(table.columns) if column.name in leading]
        read = rows_reader(table.row_class, [column.annotation for column in table.columns], shared, repeating)
        loaded.rows[name] = read(itertools.chain([first], found))


def apply_records(path: Path, meta: Meta, found: "Iterable[Record]") -> Meta:
    """Bring an unsealed file from `meta` to behind the last of the groups; returns its new meta data."""
    next_offset, chain = meta.next_offset, meta.chain
    tables = tables_db.stored_tables(meta.definition)
    logged = {table_id: table.logged(meta.sequences.get(table.name, 1)) for table_id, table in tables.items()}
    with tables_db.draft(path) as connection, path.open("rb") as file:

        def give(table_id: int, changed: Changed) -> None:
            tables[table_id].write(connection, changed)
            connection.execute("COMMIT")
            _sync(file.fileno())
            connection.execute("BEGIN")

        net = NetChanges(logged, give)
        connection.execute("BEGIN")
        for record in found:
            net.take(record)
            next_offset, chain = record.last + 1, record.chain
        net.flush()
        numbers = {tables[table_id].name: each.next_number for table_id, each in logged.items() if each.next_number > 1}
        after = Meta(next_offset, chain, meta.definition, meta.sequences | numbers)
        tables_db.write_meta(connection, after)
        connection.execute("COMMIT")
    return after


def _sync(handle: int) -> None:
    """Make durable what was written, and leave the disk to others for a while."""
    began = time.monotonic()
    os.fdatasync(handle)
    time.sleep(_PAUSE * (time.monotonic() - began))


def _copy(folder: Path) -> None:
    """Copy the checkpoint to the draft, a piece at a time and each durable: the log's fsync never waits for much."""
    source, target = folder / NAME, folder / DRAFT
    target.unlink(missing_ok=True)
    with source.open("rb") as old, target.open("xb", buffering=0) as new:
        os.fchmod(new.fileno(), 0o600)
        os.posix_fallocate(new.fileno(), 0, source.stat().st_size)  # no new blocks to note with each piece
        while piece := old.read(_PIECE_BYTES):
            new.write(piece)
            _sync(new.fileno())


def advance(folder: Path, until: int) -> Meta:
    """Make a checkpoint of all transactions below `until`, which are durable; returns its meta data.

    DamagedError if the old one or the log is not whole: nothing is built on it then. OSError leaves the old one.
    """
    meta = load(folder, None).meta
    if until <= meta.next_offset:
        return meta
    _copy(folder)
    try:
        found = (record for _, record in read_segments(RealFiles(folder), meta.next_offset, until))
        meta = apply_records(folder / DRAFT, meta, following(meta, found))
        assert meta.next_offset == until, "a checkpoint ends between two groups"
        tables_db.seal(folder / DRAFT)
        _install(folder)
    except apsw.Error as error:
        msg = f"The checkpoint could not be written: {error}."
        raise OSError(msg) from error
    finally:
        with contextlib.suppress(OSError):
            (folder / DRAFT).unlink(missing_ok=True)
    return meta


def migrate(folder: Path, migration: "Migration") -> None:
    """Bring the checkpoint, which holds everything, to a new definition: the old file or the new one, never half."""
    meta = load(folder, None).meta
    _copy(folder)
    tables = tables_db.stored_tables(migration.definition)
    with tables_db.draft(folder / DRAFT) as connection:
        connection.execute("BEGIN")
        for table in tables.values():
            if table.name in migration.new_tables and not table.event:
                connection.execute(table.create)
        for name, columns in migration.new_columns.items():
            tables_db.add_columns(connection, name, columns)
        tables_db.write_meta(connection, Meta(meta.next_offset, meta.chain, migration.definition, meta.sequences))
        connection.execute("COMMIT")
    tables_db.seal(folder / DRAFT)
    _install(folder)
