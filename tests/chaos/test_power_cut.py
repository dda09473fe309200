"""A power cut, or an error, at any step of a checkpoint loses nothing of a database: old or new, never half.

The log's own steps are tested in tests/engine/storage/test_commit_log.py, and under the whole engine in
test_simulation.py; here it is `tables.db`, with the log of the same life beside it.
"""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from agent_spaces.clock import SystemClock, SystemRandomness
from agent_spaces.engine.memory import DATABASE_IDENTITY, OWNER_IDENTITY
from agent_spaces.engine.opening import open_database, stored_module
from agent_spaces.engine.storage import StoreSettings, checkpoint, open_store
from agent_spaces.engine.storage.tables_db import NAME
from agent_spaces.sats.bsatn import arguments_encoder
from chaos.recorded_disk import after_power_cut, recorded
from chaos.simulation import MODULE

SEEDS = range(4)
STORM = arguments_encoder(MODULE.reducers["storm"].parameters)
SETTINGS = StoreSettings(segment_bytes=1 << 18)
Rows = dict[str, dict[Any, Any]]


async def _live(folder: Path) -> tuple[Rows, int]:
    """Live in a folder: calls, a checkpoint, more calls. Return what was acknowledged, and the next transaction."""
    opened = open_database(
        folder,
        MODULE,
        identity=DATABASE_IDENTITY,
        owner=OWNER_IDENTITY,
        clock=SystemClock(),
        randomness=SystemRandomness(),
        settings=SETTINGS,
    )
    for number in range(1, 121):
        await opened.database.call(OWNER_IDENTITY, "storm", STORM((number, number * 7919)))
        if number == 60:
            await opened.store.checkpoint_now()
    await opened.database.settled()
    rows = {each.name: dict(each.rows) for each in opened.database.tables if not each.is_event}
    offset = opened.store.log.next_offset
    await opened.close()
    return rows, offset


def _found(folder: Path) -> Rows:
    """Return the rows that a start finds."""
    module = stored_module(MODULE)
    store = open_store(folder, module, settings=SETTINGS)
    try:
        keys = {name: table.primary_key for name, table in module.tables.items()}
        return {name: {getattr(row, keys[name]): row for row in rows} for name, rows in store.recovered.rows.items()}
    finally:
        store.release()


def _laid_out(folder: Path, base: Path, files: dict[str, bytes]) -> Path:
    """Make a folder with the log of `base` and these files."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base, folder)
    for path in folder.glob("tables.db*"):
        path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rows, int]:
    """A data folder whose log is ahead of its checkpoint; what it holds; its next transaction."""
    folder = tmp_path_factory.mktemp("life") / "data"
    rows, offset = asyncio.run(_live(folder))
    return folder, rows, offset


@pytest.mark.parametrize("seed", SEEDS)
def test_a_power_cut_at_any_step_of_a_checkpoint_loses_nothing(
    life: tuple[Path, Rows, int], tmp_path: Path, seed: int
) -> None:
    base, rows, offset = life
    old = {NAME: (base / NAME).read_bytes()}
    work = _laid_out(tmp_path / "work", base, old)
    with recorded(work) as recording:
        checkpoint.advance(work, offset)
    kinds = {step[0] for step in recording.steps}
    assert kinds >= {"create", "write", "sync", "rename", "sync folder"}, "SQLite and what is around it were recorded"

    found = []
    for count in range(len(recording.steps) + 1):
        files = after_power_cut(old, recording.steps[:count], seed)
        folder = _laid_out(tmp_path / "after", base, files)
        assert _found(folder) == rows, f"after step {count} of {len(recording.steps)}"
        found.append(checkpoint.peek(folder).next_offset)
    assert found[0] < offset == found[-1], "first the old one, at last the new one"


def test_an_error_at_any_step_of_a_checkpoint_leaves_a_whole_one_and_the_next_succeeds(
    life: tuple[Path, Rows, int], tmp_path: Path
) -> None:
    base, rows, offset = life
    old = {NAME: (base / NAME).read_bytes()}
    step, failed = 0, True
    while failed:
        folder = _laid_out(tmp_path / "work", base, old)
        with recorded(folder, fails_at=step) as recording, suppress(OSError):
            checkpoint.advance(folder, offset)
        failed = recording.fails_at == -2
        assert _found(folder) == rows, f"step {step}"
        checkpoint.advance(folder, offset)
        assert checkpoint.peek(folder).next_offset == offset
        assert _found(folder) == rows
        step += 1
    assert step > 10


@pytest.mark.parametrize("seed", SEEDS)
def test_a_power_cut_at_any_step_of_a_first_start_leaves_a_folder_that_starts(tmp_path: Path, seed: int) -> None:
    module = stored_module(MODULE)
    first = tmp_path / "first"
    open_store(first, module, settings=SETTINGS).release()
    work = _laid_out(tmp_path / "work", first, {})
    definition = checkpoint.peek(first).definition
    with recorded(work) as recording:
        checkpoint.begin(work, definition)

    for count in range(len(recording.steps) + 1):
        files = after_power_cut({}, recording.steps[:count], seed)
        folder = _laid_out(tmp_path / "after", first, files)
        assert not any(_found(folder).values()), f"after step {count}"


def test_a_checkpoint_that_is_not_synced_before_its_rename_is_caught(
    life: tuple[Path, Rows, int], tmp_path: Path
) -> None:
    """The rig must be able to fail: without the steps that make it durable, a power cut shows."""
    base, rows, offset = life
    old = {NAME: (base / NAME).read_bytes()}
    work = _laid_out(tmp_path / "work", base, old)
    with recorded(work) as recording:
        checkpoint.advance(work, offset)
    lying = [step for step in recording.steps if step[0] != "sync"]

    lost = 0
    for seed in SEEDS:
        folder = _laid_out(tmp_path / "after", base, after_power_cut(old, lying, seed))
        try:
            lost += _found(folder) != rows
        except Exception:  # noqa: BLE001 - a refusal, in whatever words, is what a lost checkpoint leads to
            lost += 1
    assert lost == len(SEEDS)
