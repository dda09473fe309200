"""A host for the demo: a process of its own, in a fresh folder, on a free port."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agent_spaces.errors import StorageError

START_SECONDS = 20.0
STOP_SECONDS = 10.0


@asynccontextmanager
async def running_host(folder: Path) -> AsyncIterator[str]:
    """Start `spaces serve` in a folder and give its address; it is stopped at the end.

    StorageError with its words if it does not start.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agent_spaces.cli.main",
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        str(folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), START_SECONDS)).decode()
        address = re.search(r"https?://\S+?:\d+", line)
        if address is None:
            raise StorageError(
                f"The host did not start: {(await process.stderr.read()).decode().strip() or line.strip()}"
            )
        drain = asyncio.create_task(_drain(process.stdout, process.stderr))
        yield address[0]
        drain.cancel()
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _drain(*streams: asyncio.StreamReader) -> None:
    """Read what the host writes, so that it never waits for us."""
    await asyncio.gather(*(_discard(stream) for stream in streams))


async def _discard(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass
