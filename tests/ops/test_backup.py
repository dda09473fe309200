"""A data folder is copied while its host goes on, and another host starts from the copy."""

import asyncio
import stat
from pathlib import Path

import pytest

from agent_spaces.client import connect
from agent_spaces.errors import ConfigError, DamagedError
from agent_spaces.fabric.reducers.messages import send_message
from agent_spaces.fabric.tables import Message
from agent_spaces.fabric.types import MessageType
from agent_spaces.ops import backup
from agent_spaces.ops.backup import back_up
from agent_spaces.ops.errors import InUseError
from agent_spaces.testing.host import HostProcess, running_host


async def sequence_of(host: HostProcess) -> list[int]:
    """Return the numbers of the messages in general, as the owner sees them."""
    async with connect(host.url, database="spaces", token=host.owner_token, tables=[Message]) as connection:
        rows = await connection.query("SELECT * FROM message WHERE channel_id = 1")
    return sorted(row.seq for row in rows)


async def test_a_copy_holds_all_that_was_answered_and_a_prefix_of_what_came_meanwhile(tmp_path: Path) -> None:
    copies = []
    async with (
        running_host(tmp_path / "data") as host,
        connect(host.url, database="spaces", token=host.owner_token) as connection,
    ):
        answered = 0
        stop = asyncio.Event()

        async def talk() -> None:
            nonlocal answered
            while not stop.is_set():
                await connection.call(send_message, 1, "x" * 500, MessageType.TEXT)
                answered += 1

        talking = [asyncio.create_task(talk()) for _ in range(20)]
        for number in range(5):
            await asyncio.sleep(0.1)
            before = answered
            made = await asyncio.to_thread(back_up, host.folder, tmp_path / f"copy-{number}")
            copies.append((before, made))
        stop.set()
        await asyncio.gather(*talking)

    assert copies[-1][0] > copies[0][0] > 0, "the host went on meanwhile"
    assert [made.transactions for _, made in copies] == sorted(made.transactions for _, made in copies)
    for number in (0, 4):
        async with running_host(tmp_path / f"copy-{number}") as host:
            sequence = await sequence_of(host)
            assert sequence == list(range(1, len(sequence) + 1))
            assert len(sequence) >= copies[number][0]


async def test_a_copy_is_for_its_owner_only_and_has_the_same_keys(tmp_path: Path) -> None:
    async with running_host(tmp_path / "data") as host:
        token = host.owner_token
    made = back_up(tmp_path / "data", tmp_path / "copy")
    names = {path.name for path in (tmp_path / "copy").iterdir()}

    assert {"tables.db", "log", "owner.token", "id_ecdsa"} <= names
    assert not {"lock", "checkpoint.lock"} & names
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700
    for secret in ("owner.token", "id_ecdsa", "tables.db"):
        assert stat.S_IMODE((tmp_path / "copy" / secret).stat().st_mode) == 0o600
    assert made.transactions > 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    async with running_host(tmp_path / "copy") as host:
        assert host.owner_token == token
        assert await sequence_of(host) == []


async def test_what_is_disturbed_is_copied_anew_and_what_is_damaged_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_host(tmp_path / "data"):
        pass
    copy, disturbed = backup._copy, 2

    def disturbing(folder: Path, fresh: Path) -> None:
        nonlocal disturbed
        copy(folder, fresh)
        if disturbed:
            disturbed -= 1
            for segment in (fresh / "log").iterdir():
                segment.unlink()

    monkeypatch.setattr(backup, "_copy", disturbing)
    assert back_up(tmp_path / "data", tmp_path / "copy").transactions > 0
    (segment,) = (tmp_path / "data" / "log").glob("0*.log")
    with segment.open("r+b") as file:
        file.write(b"garbage!")
    with pytest.raises(DamagedError, match="does not begin with the header"):
        back_up(tmp_path / "data", tmp_path / "another")
    assert not (tmp_path / "another").exists()


def test_where_nothing_is_or_something_is_nothing_is_done(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "tables.db").touch()

    with pytest.raises(ConfigError, match="There is no database in"):
        back_up(tmp_path / "nothing", tmp_path / "copy")
    with pytest.raises(InUseError, match="exists already"):
        back_up(tmp_path / "data", tmp_path / "taken")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "taken"]
