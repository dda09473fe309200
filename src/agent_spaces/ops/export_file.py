"""The file of an export: JSON lines, so that any tool and any eye can read it, and every value exactly as it was.

    {"spaces_export": 1, "database": NAME, "owner": HEX, "exported_at": MICROSECONDS}
    {"table": NAME, "columns": [NAME, …], "rows": COUNT, "sha256": HEX}      once a table, then its rows by key:
    [VALUE, …]                                                               SATS-JSON in row form
    {"end": true, "sha256": HEX}                                             of all bytes above this line

JSON lines and not SQLite: SATS-JSON keeps 64-bit unsigned numbers, enums, options and lists as they are, a file is
written and read in one go, and two exports can be compared with `diff`. The hashes find what was cut or changed;
they are no protection against somebody who means harm.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from agent_spaces.errors import ConfigError, EncodeError, JsonError
from agent_spaces.ops.errors import ExportDamagedError
from agent_spaces.ops.moved import TABLES, MovedTable, digest

VERSION = 1
Rows = Mapping[str, Mapping[Any, bytes]]  # table -> primary key -> BSATN, in the order of the keys


@dataclass(frozen=True, slots=True)
class Export:
    """A whole database as it stood after one transaction; `exported_at` is in microseconds since 1970."""

    database: str
    owner: str
    exported_at: int
    rows: Rows

    @property
    def row_count(self) -> int:
        """How many rows it holds."""
        return sum(map(len, self.rows.values()))


def write_export(path: Path, export: Export) -> None:
    """Write an export, readable by this user only, all at once and durably; ConfigError if that cannot be done."""
    try:
        descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                _write(file, export)
                file.flush()
                os.fsync(descriptor)
            Path(fresh).replace(path)
        except BaseException:
            Path(fresh).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error


def _write(file: IO[bytes], export: Export) -> None:
    state = hashlib.sha256()
    for data in _lines(export):
        line = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        state.update(line)
        file.write(line)
    file.write(json.dumps({"end": True, "sha256": state.hexdigest()}).encode() + b"\n")


def _lines(export: Export) -> Iterator[Any]:
    yield {
        "spaces_export": VERSION,
        "database": export.database,
        "owner": export.owner,
        "exported_at": export.exported_at,
    }
    for name, table in TABLES.items():
        rows = export.rows[name]
        yield {"table": name, "columns": table.columns, "rows": len(rows), "sha256": digest(rows)}
        for raw in rows.values():
            yield table.to_json(table.decode(raw))


def read_export(path: Path) -> Export:
    """Read an export and check every line and hash of it.

    ExportDamagedError says what is wrong with which line; ConfigError if the file cannot be read at all.
    """
    try:
        with path.open("rb") as file:
            return _Reader(path, file).export()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error


class _Reader:
    """Reads one file from its first to its last line."""

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path, self._file = path, file
        self._state = hashlib.sha256()
        self._number = 0

    def export(self) -> Export:
        head = self._line()
        if not isinstance(head, dict) or "spaces_export" not in head:
            raise ExportDamagedError(f"{self._path} is no export of Spaces.")
        if head["spaces_export"] != VERSION:
            raise ExportDamagedError(
                f"{self._path} was written by another version of Spaces: its format is {head['spaces_export']}, not "
                f"{VERSION}."
            )
        rows: dict[str, Mapping[Any, bytes]] = {}
        while True:
            before = self._state.hexdigest()
            section = self._line()
            match section:
                case {"table": str(name), "columns": list(columns), "rows": int(count), "sha256": str(sha256)}:
                    table = TABLES.get(name)
                    if table is None or columns != table.columns or name in rows:
                        raise self._damaged(f"table {name} is not one of this version of Spaces")
                    rows[name] = self._table(table, count, sha256)
                case {"end": True, "sha256": str(sha256)}:
                    if sha256 != before:
                        raise self._damaged("something above this line was changed")
                    break
                case _:
                    raise self._damaged("a table or the end should stand here")
        if missing := [name for name in TABLES if name not in rows]:
            raise self._damaged(f"table {missing[0]} is missing")
        if self._file.readline():
            raise self._damaged("something stands behind the end")
        try:
            return Export(str(head["database"]), str(head["owner"]), int(head["exported_at"]), rows)
        except (KeyError, TypeError, ValueError) as error:
            raise ExportDamagedError(f"{self._path} is damaged in line 1: {error!r} is missing or wrong.") from error

    def _table(self, table: MovedTable, count: int, sha256: str) -> Mapping[Any, bytes]:
        rows: dict[Any, bytes] = {}
        for _ in range(count):
            data = self._line()
            try:
                row = table.from_json(data)
                rows[table.key_of(row)] = table.encode(row)
            except (JsonError, EncodeError) as error:
                raise self._damaged(f"this is no row of {table.name}: {error}") from error
        if len(rows) != count or digest(rows) != sha256:
            raise self._damaged(f"the rows of {table.name} above are not those that were exported")
        return rows

    def _line(self) -> Any:
        line = self._file.readline()
        self._number += 1
        if not line.endswith(b"\n"):
            raise self._damaged("the file ends too early")
        self._state.update(line)
        try:
            return msgspec.json.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            if self._number == 1:
                raise ExportDamagedError(f"{self._path} is no export of Spaces.") from error
            raise self._damaged("this is no JSON") from error

    def _damaged(self, reason: str) -> ExportDamagedError:
        return ExportDamagedError(f"{self._path} is damaged in line {self._number}: {reason}. Nothing was imported.")
