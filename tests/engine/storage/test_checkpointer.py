"""Checkpoints take what others leave, and do not wait for ever."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from agent_spaces.engine.storage import Store, StoreSettings, checkpoint, open_store, records
from agent_spaces.errors import StorageError
from agent_spaces.sats import ZERO_IDENTITY, Timestamp
from engine.storage.store_module import MODULE, Kind, Note, body_of

SETTINGS = StoreSettings(segment_bytes=16_384, checkpoint_log_bytes=20_000, checkpoint_interval_s=1e9)


async def append_notes(store: Store, count: int) -> None:
    """Append groups of one row each and wait until they are durable."""
    for _ in range(count):
        said: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        first = store.log.next_offset
        note = Note(first + 1, ZERO_IDENTITY, "text", Kind.PLAIN, Timestamp(5), None, [])
        body = body_of(first, [[("note", records.PUT, note)]], store.table_ids)
        store.log.append(body, first, first, said.set_result)
        assert await said is None


async def child_of(store: Store) -> int:
    """Wait until the checkpoint's process is there; return its id."""
    while (child := store._checkpointer._child) is None:
        await asyncio.sleep(0)
    return child.pid


async def test_the_child_has_the_lowest_priority(tmp_path: Path) -> None:
    """It says so before it does anything else."""
    store = open_store(tmp_path, MODULE, settings=SETTINGS)
    await append_notes(store, 5)
    running = asyncio.create_task(store.checkpoint_now())
    pid = await child_of(store)
    while os.getpriority(os.PRIO_PROCESS, pid) != 19:
        await asyncio.sleep(0)
    assert await running == 5
    await store.close()


async def test_a_checkpoint_that_gets_no_processor_is_begun_anew(tmp_path: Path) -> None:
    """Once the log has grown by twice of what begins a checkpoint: with all that is durable by then, and more."""
    store = open_store(tmp_path, MODULE, settings=SETTINGS)
    await append_notes(store, 5)
    running = asyncio.create_task(store.checkpoint_now())
    starved = await child_of(store)
    os.kill(starved, signal.SIGSTOP)
    while store._checkpointer._child is not None and store._checkpointer._child.pid == starved:
        await append_notes(store, 1)
    second = await child_of(store)
    while os.getpriority(os.PRIO_PROCESS, second) != os.getpriority(os.PRIO_PROCESS, 0) + 5:
        await asyncio.sleep(0)
    reached = await running
    assert 5 < reached <= store.log.next_offset
    assert checkpoint.peek(tmp_path).next_offset == reached
    await store.close()


async def test_a_checkpoint_ends_with_its_store(tmp_path: Path) -> None:
    """Also one that gets no processor; the next start makes do with the log."""
    store = open_store(tmp_path, MODULE, settings=SETTINGS)
    await append_notes(store, 5)
    running = asyncio.create_task(store.checkpoint_now())
    os.kill(await child_of(store), signal.SIGSTOP)
    await store.close()
    with pytest.raises(StorageError, match="could not be written"):
        await running
    again = open_store(tmp_path, MODULE, settings=SETTINGS)
    assert len(again.recovered.rows["note"]) == 5
    await again.close()
