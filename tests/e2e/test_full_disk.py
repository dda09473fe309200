"""A disk that runs full under a host, and has room again later."""

import asyncio
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from agent_spaces.fabric.tables import Task
from agent_spaces.sats.bsatn import row_decoder
from agent_spaces.testing.host import running_host
from e2e.raw_client import RawClient

SMALL, LARGE = "size=84m", "size=320m"  # room for one segment of the log and a bit; for what comes then
WIDE = "\N{GRINNING FACE}"  # four bytes of UTF-8
CHANNEL = 1
RESUME_SECONDS_MAX = 60


def mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mount("-t", "tmpfs", "-o", SMALL, "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"a file system of its own needs root: {error}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def fill(client: RawClient, acknowledged: dict[str, str]) -> str:
    """Make and complete tasks with long texts until a call fails; return the text of its error."""
    while True:
        title = f"task {len(acknowledged) + 1}"
        outcome = await client.call("submit_task", CHANNEL, None, 0, title, WIDE * 8000, "", None, 1, None, None)
        if outcome != "ok":
            return outcome
        acknowledged[title] = "submitted"
        task_id = len(acknowledged)
        steps = (("claimed", "claim_task", (task_id, 600)), ("done", "complete_task", (task_id, 1, WIDE * 32_000)))
        for state, reducer, args in steps:
            outcome = await client.call(reducer, *args)
            if outcome != "ok":
                return outcome
            acknowledged[title] = state


async def states(client: RawClient) -> dict[str, str]:
    """Return the state of each task by its title."""
    rows = await client.query("SELECT * FROM task")
    assert isinstance(rows, Counter)
    decode = row_decoder(Task)
    words = {0: "submitted", 1: "claimed", 3: "done"}
    return {task.title: words[task.phase] for task in (decode(data, 0)[0] for _, data in rows)}


async def resumed(client: RawClient) -> None:
    """Wait until a call succeeds."""
    async with asyncio.timeout(RESUME_SECONDS_MAX):
        while await client.call("set_presence", True, "back again") != "ok":
            await asyncio.sleep(0.2)


async def test_a_full_disk_stops_calls_but_not_reads_and_is_left_without_a_restart(disk: Path) -> None:
    acknowledged: dict[str, str] = {}
    async with running_host(disk / "data") as host:
        client = await RawClient.connect(host.url, None)
        token = (await client.greeting).token
        assert await client.call("register_user", "bob", None, False) == "ok"
        error = await fill(client, acknowledged)
        assert "No space left on device" in error, error
        assert len(acknowledged) > 100
        drafts = [path.name for path in (disk / "data" / "log").iterdir() if path.suffix != ".log"]
        assert drafts == [], "what it could not finish takes no room from others"

        assert await client.call("set_presence", True, None) != "ok", "still full"
        assert await states(client) == acknowledged, "reads go on, and show what was acknowledged and nothing else"
        await client.subscribe(1, "SELECT * FROM task")
        assert client.held[1].total() == len(acknowledged)
        async with httpx2.AsyncClient(base_url=host.url, trust_env=False) as http:
            assert (await http.get("/v1/ping")).status_code == 200
            called = await http.post(
                "/v1/database/spaces/call/set_presence",
                content=b"[true, null]",
                headers={"content-type": "application/json", "authorization": f"Bearer {token}"},
            )
            assert called.status_code == 503
            assert "No space left on device" in called.text

        mount("-o", f"remount,{LARGE}", str(disk))
        await resumed(client)
        assert await states(client) == acknowledged
        for _ in range(20):
            assert (
                await client.call("submit_task", CHANNEL, None, 0, "more", WIDE * 8000, "", None, 1, None, None) == "ok"
            )
        await host.restart()
        again = await RawClient.connect(host.url, token)
        assert {title: state for title, state in (await states(again)).items() if title != "more"} == acknowledged
        await again.close()
        await client.closed()
        assert "Traceback" not in host.stderr
