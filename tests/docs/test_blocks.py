"""What the pages tell readers to type works: commands and programs run against a real host, data parses, types hold.

A block that cannot run here says so: ```sh no-test, with the reason in a comment on the line above the fence.
In what is run, http://localhost:3000 is the test's host; `spaces serve` and `spaces watch`, which a reader ends with
Ctrl-C, are ended the same way after a moment.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent_spaces.config import load_host_config
from agent_spaces.testing.host import HostProcess
from docs.blocks import ALL, ROOT, Block

RUN_BY_OTHERS = {"docs/tutorial/first-agent.md": "tests/examples/test_tutorial.py"}
SHELL = [block for block in ALL if block.run and block.language in {"sh", "console"}]
PROGRAMS = [block for block in ALL if block.run and block.language == "python"]
INTERRUPTED = """#!/bin/sh
case "$1" in
  serve) shift; XDG_DATA_HOME="$HOME/second" timeout -s INT 4 {spaces} serve --listen 127.0.0.1:0 "$@"; test $? = 124 ;;
  watch) shift; timeout -s INT 4 {spaces} watch "$@"; test $? = 124 ;;
  *) exec {spaces} "$@" ;;
esac
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home and working folder of its own, with `spaces` on its PATH and an environment to activate."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "spaces"
    command.write_text(INTERRUPTED.format(spaces=f"{sys.executable} -m agent_spaces.cli.main"))
    command.chmod(0o755)
    activate = tmp_path / ".venv" / "bin" / "activate"
    activate.parent.mkdir(parents=True)
    activate.touch()
    return tmp_path


@pytest.fixture
async def host(home: Path) -> AsyncIterator[HostProcess]:
    """A host on the folder that commands use if they are told nothing else."""
    folder = home / ".local" / "share" / "spaces" / "spaces"
    folder.parent.mkdir(parents=True)
    process = HostProcess(folder)
    await process.start()
    yield process
    await process.stop()


def _run(command: list[str], home: Path, host: HostProcess) -> subprocess.CompletedProcess[str]:
    path = f"{home / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "SPACETIMEDB_HOST": host.url}
    return subprocess.run(
        command, cwd=home, env=env, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL
    )


def _here(text: str, host: HostProcess) -> str:
    return text.replace("http://localhost:3000", host.url).replace("http://127.0.0.1:3000", host.url)


@pytest.mark.parametrize("page", sorted({block.page for block in SHELL}))
async def test_commands_of_a_page_run_in_their_order(page: str, home: Path, host: HostProcess) -> None:
    failed = []
    for block in (block for block in SHELL if block.page == page):
        lines = block.text.splitlines()
        if block.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        done = _run(["bash", "-euo", "pipefail", "-c", _here("\n".join(lines), host)], home, host)
        if done.returncode != 0:
            failed.append(f"{block.name} ended with {done.returncode}\n{done.stdout}{done.stderr}")

    assert failed == []


@pytest.mark.parametrize("block", [b for b in PROGRAMS if b.page not in RUN_BY_OTHERS], ids=lambda block: block.name)
async def test_a_program_runs(block: Block, home: Path, host: HostProcess) -> None:
    (home / "program.py").write_text(_here(block.text, host))

    done = _run([sys.executable, "program.py"], home, host)

    assert (done.returncode, done.stderr) == (0, "")


def test_pages_that_others_run_are_run_there() -> None:
    for page, test in RUN_BY_OTHERS.items():
        assert Path(page).name in (ROOT / test).read_text()


def test_programs_are_typed_as_strictly_as_the_sources(tmp_path: Path) -> None:
    files = []
    for number, block in enumerate(PROGRAMS):
        file = tmp_path / f"block_{number}.py"
        file.write_text(block.text)
        files.append(str(file))

    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--cache-dir", ".mypy_cache/docs", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout}\n{[block.name for block in PROGRAMS]}"


@pytest.mark.parametrize("block", [b for b in ALL if b.language in {"json", "toml"}], ids=lambda block: block.name)
def test_data_parses_and_settings_are_settings(block: Block) -> None:
    if block.language == "json":
        json.loads(block.text)
    elif block.page.endswith("operate-a-host.md"):
        load_host_config({}, block.text)
    else:
        tomllib.loads(block.text)


def test_a_block_that_is_not_run_says_why() -> None:
    assert [block.name for block in ALL if not block.run and not block.reason] == []


def test_every_block_says_what_it_is() -> None:
    assert [block.name for block in ALL if not block.language] == []
