"""A data folder comes back as it was left: by replay, by checkpoint, migrated or refused, never half."""

import asyncio
import errno
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_spaces.engine.storage import Store, StoreSettings, checkpoint, open_store, records
from agent_spaces.engine.storage.files import RealFiles
from agent_spaces.engine.storage.log import CHAIN_START, Record, next_chain
from agent_spaces.errors import DamagedError, MigrationError, StorageError
from agent_spaces.module.definition import Module
from agent_spaces.sats import ZERO_IDENTITY, Timestamp
from engine.storage.store_module import (
    MODULE,
    WIDER,
    Kind,
    KindWithMore,
    Model,
    Note,
    as_dicts,
    body_of,
    changes,
    damage,
)

SMALL = StoreSettings(segment_bytes=16_384, checkpoint_interval_s=1e9)
days = st.lists(st.lists(st.lists(changes, max_size=6), min_size=1, max_size=3), max_size=4)


async def append(store: Store, body: bytes, count: int = 1) -> None:
    """Append a group and wait until it is durable."""
    said: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    first = store.log.next_offset
    store.log.append(
        body, first, first + count - 1, lambda e: said.set_result(None) if e is None else said.set_exception(e)
    )
    await said


async def append_changes(store: Store, *transactions: list[Any]) -> None:
    await append(store, body_of(store.log.next_offset, list(transactions), store.table_ids), len(transactions))


def opened(folder: Path, module: Module = MODULE, **how: Any) -> Store:
    return open_store(folder, module, settings=SMALL, **how)


def some_notes(count: int) -> list[list[Any]]:
    return [
        [("note", records.PUT, Note(i + 1, ZERO_IDENTITY, f"note {i}", Kind.PLAIN, Timestamp(5), None, ["a"]))]
        for i in range(count)
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(before=days, after=days)
async def test_a_checkpoint_and_replay_give_what_was_written(tmp_path_factory: Any, before: Any, after: Any) -> None:
    """A checkpoint in the middle, a log behind it: rows and next numbers are those of a model, after each start."""
    folder = tmp_path_factory.mktemp("data")
    store, model = opened(folder), Model()
    for part in (before, after):
        for group in part:
            await append_changes(store, *group)
            for made in group:
                model.apply(made)
        replayed = reopened = None
        await store.close()
        store = opened(folder)
        replayed = store.recovered
        until = store.log.next_offset
        if part is before:
            checkpoint.advance(folder, until)
            await store.close()
            store = opened(folder)
            assert store.checkpoint_offset == until
            reopened = store.recovered
        for state in (replayed, reopened or replayed):
            assert as_dicts(state.rows) == model.rows
            assert state.sequences == model.sequences
            assert state.next_offset == store.log.next_offset
    await store.close()


async def test_the_child_process_writes_a_checkpoint_and_segments_are_recycled(tmp_path: Path) -> None:
    """checkpoint_now leaves a file that sqlite3 reads, with readable columns, and a shorter log."""
    store = opened(tmp_path)
    for made in some_notes(400):
        await append_changes(store, made)
    segments = len(list((tmp_path / "log").glob("*.log")))
    assert await store.checkpoint_now() == 400

    assert len(list((tmp_path / "log").glob("*.log"))) == 1 < segments
    database = sqlite3.connect(f"file:{tmp_path / 'tables.db'}?mode=ro", uri=True)
    row = database.execute("SELECT id, author, text, kind, at, reply_to, tags FROM note WHERE id = 7").fetchone()
    database.close()
    assert row == (7, ZERO_IDENTITY.hex(), "note 6", "plain", 5, None, '["a"]')
    await append_changes(store, [("note", records.DELETE, 1)])
    await store.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.lock", "lock", "log", "tables.db"]
    again = opened(tmp_path)
    assert sorted(note.id for note in again.recovered.rows["note"]) == list(range(2, 401))
    assert again.recovered.sequences == {"note": 401}
    await again.close()


def test_a_released_store_lets_the_next_one_in(tmp_path: Path) -> None:
    """Without an event loop: as a start that failed leaves it."""
    for _ in range(2):
        opened(tmp_path).release()


async def test_a_checkpoint_starts_by_itself_once_the_log_has_grown(tmp_path: Path) -> None:
    """After checkpoint_log_bytes, without anybody asking."""
    how = StoreSettings(segment_bytes=16_384, checkpoint_log_bytes=20_000)
    store = open_store(tmp_path, MODULE, settings=how)
    for made in some_notes(300):
        await append_changes(store, made)
    while store.checkpoint_offset == 0:
        await append_changes(store, [])
    await store.close()
    assert checkpoint.peek(tmp_path).next_offset > 0


async def test_files_and_folders_are_their_owners_alone(tmp_path: Path) -> None:
    """0700 and 0600, whatever the umask."""
    old = os.umask(0)
    try:
        store = opened(tmp_path / "data")
        await append_changes(store, *some_notes(3))
        await store.checkpoint_now()
        await store.close()
    finally:
        os.umask(old)
    for path in [tmp_path / "data", *(tmp_path / "data").rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


async def test_any_flipped_bit_in_the_checkpoint_is_refused(tmp_path: Path) -> None:
    """Every page of tables.db, header, rows and free space alike, and every truncation."""
    store = opened(tmp_path)
    await append_changes(store, *some_notes(60))
    await store.checkpoint_now()
    await store.close()
    path = tmp_path / "tables.db"
    size = path.stat().st_size
    for position in range(0, size, 97):
        damage(path, position, 1 << position % 8)
        with pytest.raises(DamagedError, match=r"tables\.db"):
            opened(tmp_path)
        damage(path, position, 1 << position % 8)
    whole = path.read_bytes()
    for keep in (0, 50, 4096, size - 4096, size - 1):
        path.write_bytes(whole[:keep])
        with pytest.raises(DamagedError, match=r"tables\.db"):
            opened(tmp_path)
    path.write_bytes(whole)
    await opened(tmp_path).close()


async def test_a_missing_or_strange_part_of_the_folder_is_refused(tmp_path: Path) -> None:
    """No tables.db, no log, or a log of another life."""
    for name in ("one", "two"):
        store = opened(tmp_path / name)
        await append_changes(store, *(some_notes(5) if name == "one" else some_notes(10)[5:]))
        if name == "one":
            checkpoint.advance(tmp_path / name, 5)
        await append_changes(store, [("note", records.DELETE, 1)])
        await store.close()
    (tmp_path / "one/tables.db").rename(tmp_path / "kept.db")
    with pytest.raises(DamagedError, match=r"tables\.db is missing"):
        opened(tmp_path / "one")
    (tmp_path / "kept.db").rename(tmp_path / "one/tables.db")
    (tmp_path / "one/log").rename(tmp_path / "kept-log")
    with pytest.raises(DamagedError, match="log"):
        opened(tmp_path / "one")
    (tmp_path / "two/log").rename(tmp_path / "one/log")
    with pytest.raises(DamagedError, match="different lives"):
        opened(tmp_path / "one")


async def test_a_module_that_grew_takes_the_folder_over(tmp_path: Path) -> None:
    """New columns get their defaults, ids stay, and going back is refused without touching anything."""
    store = opened(tmp_path)
    await append_changes(store, *some_notes(5))
    await store.checkpoint_now()
    await append_changes(store, [("note", records.DELETE, 5)])
    ids, reducers = store.table_ids, store.reducer_ids
    await store.close()

    wider = opened(tmp_path, WIDER)
    rows = wider.recovered.rows["note"]
    assert [(row.id, row.stars, row.colour, row.kind) for row in rows] == [
        (i, 3, "it's 'red'", KindWithMore.PLAIN) for i in range(1, 5)
    ]
    assert all(type(row.kind) is KindWithMore for row in rows)
    assert wider.recovered.rows["later"] == []
    assert {name: wider.table_ids[name] for name in ids} == ids
    assert wider.reducer_ids == {**reducers, "erase": 1}
    assert wider.recovered.sequences == {"note": 6}
    await wider.close()

    before = (tmp_path / "tables.db").read_bytes()
    with pytest.raises(MigrationError, match="table later is stored"):
        opened(tmp_path)
    assert (tmp_path / "tables.db").read_bytes() == before
    await opened(tmp_path, WIDER).close()


@pytest.mark.parametrize("step", range(6))
async def test_a_migration_that_is_stopped_leaves_old_or_new(tmp_path: Path, step: int, monkeypatch: Any) -> None:
    """Stopped at any step between the copy and the rename, the folder opens with one of the two modules."""
    store = opened(tmp_path)
    await append_changes(store, *some_notes(5))
    await store.close()
    calls = {"n": 0}
    for name in ("_copy", "_install"):
        inner = getattr(checkpoint, name)

        def stop(folder: Path, inner: Any = inner) -> None:
            calls["n"] += 1
            if calls["n"] * 2 - 1 == step:
                raise OSError(errno.EIO, "stopped before")
            inner(folder)
            if calls["n"] * 2 == step:
                raise OSError(errno.EIO, "stopped after")

        monkeypatch.setattr(checkpoint, name, stop)
    try:
        wider = opened(tmp_path, WIDER)
    except StorageError:
        monkeypatch.undo()
        wider = opened(tmp_path, WIDER)
    assert len(wider.recovered.rows["note"]) == 5
    await wider.close()


class FullDisk(RealFiles):
    """A disk that has no room while `full` is set."""

    full = False

    def pwrite(self, handle: int, data: bytes, position: int) -> None:
        """Write, or refuse."""
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().pwrite(handle, data, position)


async def test_a_full_disk_refuses_and_service_resumes_without_a_restart(tmp_path: Path) -> None:
    """Calls fail with a StorageError; once there is room, recover gives the rows and appends go on."""
    files = FullDisk(tmp_path)
    store = opened(tmp_path, files=files)
    await append_changes(store, *some_notes(3))
    files.full = True
    for _ in range(2):
        with pytest.raises(StorageError, match="No space left"):
            await append_changes(store, [("note", records.DELETE, 1)])
    with pytest.raises(StorageError, match="No space left"):
        store.recover()
    files.full = False
    assert [note.id for note in store.recover().rows["note"]] == [1, 2, 3]
    await append_changes(store, [("note", records.DELETE, 2)])
    await store.close()
    again = opened(tmp_path)
    assert [note.id for note in again.recovered.rows["note"]] == [1, 3]
    await again.close()


async def test_a_group_that_does_not_fit_the_module_is_refused(tmp_path: Path) -> None:
    """A whole group whose content makes no sense names its transactions."""
    store = opened(tmp_path)
    await append_changes(store, *some_notes(2))
    await append(store, body_of(2, [[("note", records.DELETE, 1)]], {"note": 77}))
    await store.close()
    with pytest.raises(DamagedError, match=r"transactions 2 to 2 .* last good transaction is 1"):
        opened(tmp_path)


def test_the_chain_covers_offsets_and_bodies() -> None:
    """Two groups differ in their hash if anything of them differs."""
    seen = {
        next_chain(chain, first, last, body)
        for chain in (CHAIN_START, b"x" * 16)
        for first in (0, 1)
        for last in (1, 2)
        for body in (b"", b"a")
    }
    assert len(seen) == 16
    assert Record(0, 1, b"", CHAIN_START).last == 1
