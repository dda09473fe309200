"""What the demo's swarm has written in its database arrives whole in another host."""

import io
from pathlib import Path

from rich.console import Console

from agent_spaces.cli.demo.screen import Screen
from agent_spaces.cli.demo.swarm import CHANNEL, run_swarm
from agent_spaces.ops.import_ import import_database
from agent_spaces.testing.host import running_host
from ops.moving import address_of, exported, rows_of


async def test_an_export_of_the_demos_database_gives_equal_rows_in_a_fresh_host(tmp_path: Path) -> None:
    (code := tmp_path / "code").mkdir()
    for number in range(24):
        (code / f"file_{number:02}.py").write_text(f"def function_{number}():\n    return {number}\n")
    async with running_host(tmp_path / "demo") as host:
        screen = Screen(Console(file=io.StringIO()))
        try:
            report = await run_swarm(address_of(host), host.owner_token, code, tmp_path / "config", screen)
        finally:
            screen.end()
        given = await exported(host, tmp_path / "demo.jsonl")

    async with running_host(tmp_path / "fresh") as host:
        await import_database(address_of(host), host.owner_token, tmp_path / "demo.jsonl")
        arrived = await exported(host, tmp_path / "arrived.jsonl")

    rows = rows_of(arrived.rows)
    assert rows == rows_of(given.rows)
    assert report in [message.content for message in rows["message"]]
    assert CHANNEL in [channel.name for channel in rows["channel"]]
    assert len(rows["task"]) == 12
    assert len(rows["user_profile"]) >= 4
