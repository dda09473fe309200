"""A file of an export into a fresh database, through the reducers of contract section 8.

Any host takes it, because reducers are all that is used: SQL cannot write times, options, enums or lists
(SpacetimeDB 2.8.3, seen). Numbers are used up first, for an explicit id does not move a real host's sequence.
"""

import asyncio
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent_spaces.client import Address, ClientSchema, HostUnreachableError, ReducerFailedError
from agent_spaces.client.over_http import fetch_schema
from agent_spaces.fabric import rules_import
from agent_spaces.fabric.reducers.importing import IMPORTED, REDUCERS, SYSTEM_USERNAME
from agent_spaces.fabric.tables import Message, Server, UsernameClaim
from agent_spaces.module import definition_of
from agent_spaces.ops.errors import InUseError, MoveStoppedError, NotEqualError
from agent_spaces.ops.export import deployment_of
from agent_spaces.ops.export_file import Export, read_export
from agent_spaces.ops.link import Link, linked
from agent_spaces.ops.moved import TABLES, digest, numbers_named
from agent_spaces.sats import Identity

CALL_ROWS_MAX = 1000
CALL_BYTES_MAX = 2**20  # of rows; a client message may have 32 MiB
CALLS_IN_FLIGHT_MAX = 20
FRESH_SERVERS = 1  # the Hub, which init makes
_COUNT = struct.Struct("<I")
_NUMBER = struct.Struct("<Q")
Progress = Callable[[str, int, int], None]  # table, its rows that are there, its rows


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: rows that it sent, rows that a stopped import had sent before, what the file holds."""

    rows_sent: int
    rows_found: int
    export: Export


async def import_database(
    address: Address, token: str, path: Path, *, overwrite: bool = False, progress: Progress | None = None
) -> Imported:
    """Fill a fresh database with an export, compare it with the file, and open it for everybody.

    The file is checked whole before anything is changed (ExportDamagedError). An import that was stopped goes on when
    it is called again with the same file. Until it is finished, everybody else is refused by the database. What a fresh
    database has of its own is replaced; with `overwrite` also what its owner has written there.

    NotOwnerError; InUseError if the database is not fresh, or another file was begun; MoveStoppedError if the host was
    lost on the way; NotEqualError if what arrived is not what the file holds (the database then stays closed).
    """
    export = await asyncio.to_thread(read_export, path)
    ClientSchema.from_json(await fetch_schema(address, token)).with_types(IMPORTED, REDUCERS)
    try:
        async with linked(address, token) as link:
            await _open(link, export, overwrite=overwrite)
            return await _fill(link, export, progress or (lambda _table, _there, _of: None))
    except HostUnreachableError as error:
        raise MoveStoppedError(f"The import stopped half way. {error} Run the same command again to go on.") from error


async def _open(link: Link, export: Export, *, overwrite: bool) -> None:
    deployment = await deployment_of(link)
    if not deployment.import_open and deployment.system == _system_of(export):
        raise InUseError(f"{link.address.database} was filled from this database's export already: nothing is to do.")
    if not deployment.import_open and not overwrite:
        messages = await link.query(f"SELECT * FROM {definition_of(Message).name}")
        servers = await link.query(f"SELECT * FROM {definition_of(Server).name}")
        if messages or len(servers) > FRESH_SERVERS:
            raise InUseError(
                f"{link.address.database} is in use: it has {len(servers)} servers and {len(messages)} messages. "
                "Import into a fresh database, or add --yes to have its contents replaced."
            )
    try:
        await link.call("begin_import", b"")
    except ReducerFailedError as error:
        if error.text == rules_import.NOT_FRESH:
            raise InUseError(f"{link.address.database}: {error.text}") from error
        raise


def _system_of(export: Export) -> Identity | None:
    """Return who speaks for the module in the export; finish_import makes it that of the new database."""
    table = TABLES[definition_of(UsernameClaim).name]
    raw = export.rows[table.name].get(SYSTEM_USERNAME)
    return None if raw is None else table.decode(raw).identity


async def _fill(link: Link, export: Export, progress: Progress) -> Imported:
    held = await _held(link)
    for name, there in held.items():
        for key, raw in there.items():
            if export.rows[name].get(key) != raw:
                raise InUseError(
                    f"An import of another export was begun in {link.address.database} (its table {name} has other "
                    "rows): go on with that file, or import into a fresh database."
                )
    for name, number in numbers_named(export.rows).items():
        for _ in range(-(-number // rules_import.DRAWS_MAX)):
            await link.call(f"advance_{name}", _NUMBER.pack(number))

    sent = 0
    for name, rows in export.rows.items():
        sent += await _send(link, name, rows, held[name], progress)
    await _compare(link, export)
    await link.call("finish_import", b"")
    return Imported(sent, export.row_count - sent, export)


async def _held(link: Link) -> dict[str, dict[Any, bytes]]:
    found = await link.snapshot(TABLES)
    return {name: table.by_key(found[name]) for name, table in TABLES.items()}


async def _send(link: Link, name: str, rows: Mapping[Any, bytes], held: Mapping[Any, bytes], progress: Progress) -> int:
    """Send the rows of one table that are not there yet; return how many those were."""
    missing = [raw for key, raw in rows.items() if key not in held]
    there = len(rows) - len(missing)
    progress(name, there, len(rows))
    calls: set[asyncio.Task[None]] = set()
    try:
        for part in _parts(missing):
            if len(calls) >= CALLS_IN_FLIGHT_MAX:
                done, calls = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
                for call in done:
                    call.result()
            arguments = _COUNT.pack(len(part)) + b"".join(part)
            calls.add(asyncio.create_task(link.call(f"import_{name}", arguments)))
            there += len(part)
            progress(name, there, len(rows))
        for call in calls:
            await call
    finally:
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    return len(missing)


def _parts(rows: list[bytes]) -> Iterator[list[bytes]]:
    """Yield rows in parts of at most CALL_ROWS_MAX, and of at most CALL_BYTES_MAX unless one row has more."""
    part: list[bytes] = []
    size = 0
    for raw in rows:
        if part and (len(part) >= CALL_ROWS_MAX or size + len(raw) > CALL_BYTES_MAX):
            yield part
            part, size = [], 0
        part.append(raw)
        size += len(raw)
    if part:
        yield part


async def _compare(link: Link, export: Export) -> None:
    """Raise NotEqualError unless the database holds what the file holds, by count and hash of each table."""
    for name, rows in (await _held(link)).items():
        expected = export.rows[name]
        if len(rows) != len(expected) or digest(rows) != digest(expected):
            raise NotEqualError(
                f"Table {name} has {len(rows)} rows where the export has {len(expected)}, or other ones: the import is "
                "not finished. Run the same command again, or import into a fresh database."
            )
