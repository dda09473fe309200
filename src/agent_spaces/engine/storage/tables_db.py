"""The file `tables.db`: every table as an ordinary SQLite table, and what it takes to trust it.

`spaces_meta` (key, value) holds the format, the next transaction, the hash of the log before it, the stored definition
(with the ids of tables and reducers) and the tables' next numbers. SQLite does not notice a flipped bit, so
`spaces_digest` holds a BLAKE2b of the whole file, computed as if its own 64 digits were zeros.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from agent_spaces.engine.storage.changes import Changed, LoggedTable
from agent_spaces.engine.storage.columns import is_row_number, row_writer, sql_type
from agent_spaces.engine.storage.log import CHAIN_START
from agent_spaces.engine.storage.records import decode_whole
from agent_spaces.errors import DamagedError
from agent_spaces.sats.bsatn import decoder_for_type
from agent_spaces.sats.json import type_from_json
from agent_spaces.sats.mapping import shape_of
from agent_spaces.sats.types import Element, Product

NAME = "tables.db"
DRAFT = "tables.db.new"
FORMAT = 1
_DIGITS = 64
_NO_DIGEST = "0" * _DIGITS
_CHUNK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Meta:
    """What a checkpoint says of itself: it holds all transactions below `next_offset`."""

    next_offset: int
    chain: bytes
    definition: dict[str, Any]
    sequences: dict[str, int]


def first_meta(definition: dict[str, Any]) -> Meta:
    """Return the meta data of a database in which nothing has happened."""
    return Meta(0, CHAIN_START, definition, {})


def quoted(name: str) -> str:
    """Return a name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


class StoredTable:
    """One table of a checkpoint by its stored definition alone: BSATN in, SQLite values out."""

    def __init__(self, name: str, stored: dict[str, Any]) -> None:
        self.name, self.event = name, bool(stored["event"])
        types = [type_from_json(column["type"]) for column in stored["columns"]]
        names = [column["name"] for column in stored["columns"]]
        key = names.index(stored["primary_key"])
        self._types, self._key = types, key
        self._auto = None if stored["auto_inc"] is None else names.index(stored["auto_inc"])
        self._decode = decoder_for_type(Product(tuple(Element(n, t) for n, t in zip(names, types, strict=True))))
        self._decode_key = decoder_for_type(types[key])
        self._to_sqlite, self._key_to_sqlite = row_writer(types), row_writer([types[key]])
        columns = [f"{quoted(n)} {sql_type(shape_of(t))}" for n, t in zip(names, types, strict=True)]
        columns[key] += " PRIMARY KEY" + ("" if is_row_number(shape_of(types[key])) else " NOT NULL")
        self.create = f"CREATE TABLE {quoted(name)} ({', '.join(columns)})"
        marks = ", ".join("?" * len(names))
        self._put = f"INSERT OR REPLACE INTO {quoted(name)} VALUES ({marks})"
        self._delete = f"DELETE FROM {quoted(name)} WHERE {quoted(names[key])} = ?"

    def logged(self, next_number: int) -> LoggedTable:
        """Return what the log did to the table, for the log to be read into."""
        return LoggedTable(self._types, self._key, self._auto, next_number)

    def write(self, connection: apsw.Connection, changed: Changed) -> None:
        """Put and delete rows; DecodeError if one of them is not of this table."""
        keys = (decode_whole(self._decode_key, key) for key, row in changed.items() if row is None)
        gone = [self._key_to_sqlite((key,)) for key in keys]
        if gone:
            connection.executemany(self._delete, gone)
        if len(gone) < len(changed):
            decode, to_sqlite = self._decode, self._to_sqlite
            rows = (to_sqlite(decode_whole(decode, row)) for row in changed.values() if row is not None)
            connection.executemany(self._put, rows)


def stored_tables(definition: dict[str, Any]) -> dict[int, StoredTable]:
    """Return the tables of a stored definition by their ids."""
    return {stored["id"]: StoredTable(name, stored) for name, stored in definition["tables"].items()}


@contextmanager
def draft(path: Path) -> Iterator[apsw.Connection]:
    """Open a file that nobody trusts yet, for fast writing; closed afterwards."""
    connection = apsw.Connection(str(path))
    try:
        connection.execute(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; "
            "PRAGMA secure_delete = ON; PRAGMA cache_size = -65536"
        )
        yield connection
    finally:
        connection.close()


def create(path: Path, meta: Meta) -> None:
    """Make a file with empty tables; it still has to be sealed."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    with draft(path) as connection:
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE spaces_digest (digest TEXT)")
        connection.execute("INSERT INTO spaces_digest VALUES (?)", (_NO_DIGEST,))
        connection.execute("CREATE TABLE spaces_meta (key TEXT PRIMARY KEY, value)")
        for table in stored_tables(meta.definition).values():
            if not table.event:
                connection.execute(table.create)
        write_meta(connection, meta)
        connection.execute("COMMIT")


def write_meta(connection: apsw.Connection, meta: Meta) -> None:
    """Put the meta data down."""
    values: dict[str, Any] = {
        "format": FORMAT,
        "next_offset": meta.next_offset,
        "chain": meta.chain.hex(),
        "definition": json.dumps(meta.definition, ensure_ascii=False),
        "sequences": json.dumps(meta.sequences),
    }
    connection.executemany("INSERT OR REPLACE INTO spaces_meta VALUES (?, ?)", list(values.items()))


def read_meta(connection: apsw.Connection, path: Path) -> Meta:
    """Read the meta data; DamagedError if the file was written by a program that knows more."""
    values: dict[str, Any] = dict(connection.execute("SELECT key, value FROM spaces_meta"))
    if values["format"] != FORMAT:
        msg = (
            f"{path} has format {values['format']}, this program reads format {FORMAT}. Use the version that wrote it."
        )
        raise DamagedError(msg)
    definition, sequences = json.loads(values["definition"]), json.loads(values["sequences"])
    return Meta(values["next_offset"], bytes.fromhex(values["chain"]), definition, sequences)


def _digest_position(connection: apsw.Connection) -> tuple[int, str]:
    """Return where in the file the digest's digits stand, and the digits."""
    [(root,)] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'spaces_digest'")
    [(page_bytes,)] = connection.execute("PRAGMA page_size")
    [(digest,)] = connection.execute("SELECT digest FROM spaces_digest")
    path = connection.filename
    with open(path, "rb") as file:  # noqa: PTH123  # SQLite gives the name as text
        start = (int(root) - 1) * int(page_bytes)
        file.seek(start)
        place = file.read(int(page_bytes)).index(str(digest).encode())
    return start + place, str(digest)


def file_digest(path: Path, position: int) -> str:
    """Return the digest of a file whose own digits stand at `position`."""
    hashed = hashlib.blake2b(digest_size=_DIGITS // 2)
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            cut = range(max(position, done), min(position + _DIGITS, done + len(chunk)))
            if cut:  # true for at most two chunks of a file
                zeroed = bytearray(chunk)
                zeroed[cut.start - done : cut.stop - done] = b"0" * len(cut)
                chunk = bytes(zeroed)
            hashed.update(chunk)
            done += min(len(chunk), _CHUNK_BYTES)
    return hashed.hexdigest()


def seal(path: Path) -> None:
    """Write the digest into a finished file and make the file durable."""
    with read_only(path) as connection:
        position, _ = _digest_position(connection)
    digest = file_digest(path, position)
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.pwrite(handle, digest.encode(), position)
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def read_only(path: Path) -> Iterator[apsw.Connection]:
    """Open a finished file so that nothing in the folder changes by it."""
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(f"{path.absolute().as_uri()}?immutable=1", flags=flags)
    try:
        yield connection
    finally:
        connection.close()


def expected_digest(connection: apsw.Connection) -> tuple[int, str]:
    """Return where the digest stands and what it says, of a file opened `read_only`."""
    return _digest_position(connection)


def add_columns(connection: apsw.Connection, name: str, columns: Iterable[tuple[str, dict[str, Any], bytes]]) -> None:
    """Add columns at the end of a table; its rows get the value that the BSATN stands for."""
    for column, type_json, default in columns:
        t = type_from_json(type_json)
        (value,) = row_writer([t])((decoder_for_type(t)(default, 0)[0],))
        written = apsw.format_sql_value(value)
        connection.execute(
            f"ALTER TABLE {quoted(name)} ADD COLUMN {quoted(column)} {sql_type(shape_of(t))} DEFAULT {written}"
        )
