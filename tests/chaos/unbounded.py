"""Whether a host that keeps everything for clients that do not read is told from one that does not (C10)."""

import os
from pathlib import Path

from agent_spaces.client import connect
from agent_spaces.fabric.reducers.users import register_user
from agent_spaces.testing.host import HostProcess
from chaos.abuse import LIMITS, stalled_readers
from chaos.rig import HOST, planted, python_path
from chaos.worker import SCHEMA

EVENTS = 60_000  # more bytes than the kernel takes for a socket nobody reads (tcp_wmem: 4 MiB), and the limit behind it
READERS = 6


async def readers_cut_off(folder: Path, env: dict[str, str]) -> int:
    """Return how many of READERS stalled clients a host cuts off."""
    host = HostProcess(folder / "data", env=dict(os.environ) | LIMITS | env, program=(str(HOST),))
    await host.start()
    try:
        async with connect(host.url, database="spaces", schema=SCHEMA) as conn:
            await conn.call(register_user, "somebody", None, False)
            assert conn.token is not None
            return await stalled_readers(host.url, conn.token, EVENTS, counted=True)
    finally:
        await host.stop()


async def is_caught(folder: Path, seed: int) -> bool:
    """Whether the planted fault shows: nobody is cut off any more."""
    env = {"PYTHONPATH": python_path(), "CHAOS_SEED": str(seed)} | planted("unbounded")
    return await readers_cut_off(folder, env) < READERS
