"""A whole database goes into a file and from there into another host, over the wire and through reducers alone."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent_spaces.client import connect
from agent_spaces.client.over_http import new_identity
from agent_spaces.clock import SystemClock
from agent_spaces.fabric.reducers.messages import send_message
from agent_spaces.fabric.reducers.users import register_user
from agent_spaces.fabric.tables import Deployment, Message
from agent_spaces.fabric.types import MessageType
from agent_spaces.ops import import_
from agent_spaces.ops.errors import InUseError, MoveStoppedError, NotEqualError, NotOwnerError
from agent_spaces.ops.export import deployment_of, export_database
from agent_spaces.ops.export_file import Export, write_export
from agent_spaces.ops.import_ import import_database
from agent_spaces.ops.link import linked
from agent_spaces.testing.host import HostProcess, running_host
from ops.moving import address_of, exported, lived_in_export, rows_of


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch) -> Export:
    return lived_in_export(monkeypatch)


@pytest.fixture
def file(export: Export, tmp_path: Path) -> Path:
    write_export(tmp_path / "export.jsonl", export)
    return tmp_path / "export.jsonl"


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[HostProcess]:
    async with running_host(tmp_path / "data") as running:
        yield running


async def deployment(host: HostProcess) -> Deployment:
    async with linked(address_of(host), host.owner_token) as link:
        return await deployment_of(link)


async def test_rows_ids_times_order_read_states_and_roles_are_those_of_before(
    host: HostProcess, export: Export, file: Path, tmp_path: Path
) -> None:
    done = await import_database(address_of(host), host.owner_token, file)
    again = await exported(host, tmp_path / "again.jsonl")

    assert (done.rows_sent, done.rows_found) == (export.row_count, 0)
    assert rows_of(again.rows) == rows_of(export.rows)
    assert all(rows_of(again.rows).values()), "every table takes part"


async def test_killed_in_the_middle_it_goes_on_and_ends_equal(
    host: HostProcess, export: Export, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_, "CALL_ROWS_MAX", 3)
    monkeypatch.setattr(import_, "CALLS_IN_FLIGHT_MAX", 1)

    def kill_in_the_middle(table: str, there: int, of: int) -> None:
        if table == "message" and there >= 6:
            os.kill(host.process_id, signal.SIGKILL)

    with pytest.raises(MoveStoppedError, match="Run the same command again"):
        await import_database(address_of(host), host.owner_token, file, progress=kill_in_the_middle)
    await host.restart()
    closed = await deployment(host)
    done = await import_database(address_of(host), host.owner_token, file)
    again = await exported(host, tmp_path / "again.jsonl")

    assert closed.import_open
    assert done.rows_found >= 3
    assert done.rows_sent + done.rows_found == export.row_count
    assert rows_of(again.rows) == rows_of(export.rows)


async def test_numbers_of_rows_that_are_gone_but_named_are_not_given_again(
    host: HostProcess, export: Export, file: Path, tmp_path: Path
) -> None:
    """A reply to a deleted message must never point to a new one."""
    address = address_of(host)
    messages = dict(export.rows["message"])
    gone = messages.popitem()[0]
    write_export(file, Export("spaces", export.owner, 0, {**export.rows, "message": messages}))
    await import_database(address, host.owner_token, file)
    async with connect(address.base, database=address.database, tables=[Message]) as connection:
        await connection.call(register_user, "newcomer", None, is_agent=False)
        await connection.subscribe("SELECT * FROM message WHERE channel_id = 1")
        await connection.call(send_message, 1, "new", MessageType.TEXT)
        newest = max(connection.cache[Message], key=lambda row: row.id)

    assert newest.content == "new"
    assert newest.id > gone


async def test_a_database_in_use_is_left_alone(host: HostProcess, file: Path, tmp_path: Path) -> None:
    address, owner = address_of(host), host.owner_token
    async with connect(address.base, database=address.database, token=owner) as connection:
        await connection.call(send_message, 1, "mine", MessageType.TEXT)
        with pytest.raises(InUseError, match="1 servers and 1 messages"):
            await import_database(address, owner, file)
        assert len(await connection.query("SELECT * FROM message")) == 1
    await import_database(address, owner, file, overwrite=True)

    with pytest.raises(InUseError, match="already"):
        await import_database(address, owner, file)


async def test_another_file_does_not_mix_with_an_import_that_was_begun(
    host: HostProcess, export: Export, file: Path, tmp_path: Path
) -> None:
    async with linked(address_of(host), host.owner_token) as link:
        await link.call("begin_import", b"")
        await link.call("import_message", b"\1\0\0\0" + next(iter(export.rows["message"].values())))
    other = tmp_path / "other.jsonl"
    write_export(other, Export("spaces", export.owner, 0, {**export.rows, "message": {}}))

    with pytest.raises(InUseError, match="another export"):
        await import_database(address_of(host), host.owner_token, other)
    with pytest.raises(InUseError, match="import into spaces is under way"):
        await exported(host, tmp_path / "half.jsonl")
    await import_database(address_of(host), host.owner_token, file)


async def test_what_differs_keeps_the_database_closed(
    host: HostProcess, export: Export, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison before the end is a real one: rows that were lost on the way are found missing."""
    parts = import_._parts
    monkeypatch.setattr(import_, "_parts", lambda rows: parts(rows[1:]))
    with pytest.raises(NotEqualError, match="Run the same command again"):
        await import_database(address_of(host), host.owner_token, file)

    assert (await deployment(host)).import_open


async def test_only_the_owner_moves_a_database(host: HostProcess, file: Path, tmp_path: Path) -> None:
    address = address_of(host)
    _, token = await new_identity(address)

    with pytest.raises(NotOwnerError, match="Only the owner"):
        await export_database(address, token, tmp_path / "stolen.jsonl", SystemClock())
    with pytest.raises(NotOwnerError, match="Only the owner"):
        await import_database(address, token, file)
    assert not (tmp_path / "stolen.jsonl").exists()
