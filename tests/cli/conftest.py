"""A host and a user's home for the commands; each test gets them as they are, the names it registers are its own."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_spaces.testing.host import HostProcess

Spaces = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    """A running host."""
    process = HostProcess(tmp_path_factory.mktemp("host") / "data")
    with asyncio.Runner() as runner:
        runner.run(process.start())
        yield process
        runner.run(process.stop())


@pytest.fixture
def spaces(host: HostProcess, tmp_path: Path) -> Spaces:
    """Run `spaces` as a user with an empty home, against the host."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG") if key in os.environ}
    env = {**kept, "HOME": str(tmp_path), "SPACETIMEDB_HOST": host.url, "NO_COLOR": "1", "COLUMNS": "200"}

    def run(*arguments: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "agent_spaces.cli.main", *arguments],
            env={**env, **more},
            cwd=tmp_path,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
