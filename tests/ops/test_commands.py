"""export, import and backup as a user runs them: what they print, and how they end."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_spaces.ops.export_file import write_export
from agent_spaces.testing.host import running_host
from ops.moving import lived_in_export

Spaces = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def spaces(tmp_path: Path) -> Spaces:
    def spaces(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "200"}
        command = [sys.executable, "-m", "agent_spaces.cli.main", *arguments]
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    return spaces


async def test_a_database_goes_out_and_in(spaces: Spaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = lived_in_export(monkeypatch)
    write_export(tmp_path / "given.jsonl", given)
    async with running_host(tmp_path / "data") as host:
        where = ("--host", host.url, "--data-dir", "data", "--as-owner")
        damaged = spaces("import", "spaces.json", *where)
        (tmp_path / "cut.jsonl").write_bytes((tmp_path / "given.jsonl").read_bytes()[:-500])
        cut = spaces("import", "cut.jsonl", *where)
        login = spaces("login", "first-comer", "--host", host.url)
        used = spaces("import", "given.jsonl", *where)
        all_or_nothing = spaces("export", "some.jsonl", *where)
        member = spaces("export", "--all", "stolen.jsonl", "--host", host.url)
        stranger = spaces("export", "--all", "stolen.jsonl", "--host", host.url, "--database", "other")
    async with running_host(tmp_path / "fresh") as host:
        where = ("--host", host.url, "--data-dir", "fresh", "--as-owner")
        imported = spaces("import", "given.jsonl", *where, "--json")
        again = spaces("import", "given.jsonl", *where)
        exported = spaces("export", "--all", "again.jsonl", *where)
    gone = spaces("import", "given.jsonl", *where)

    assert (damaged.returncode, cut.returncode, used.returncode, again.returncode) == (2, 1, 5, 5)
    assert "cut.jsonl is damaged in line" in cut.stderr
    assert login.returncode == 0, "nothing was begun by the damaged import"
    assert used.stderr.endswith("Somebody is registered here already: import into a fresh database.\n")
    assert (all_or_nothing.returncode, member.returncode, stranger.returncode, gone.returncode) == (2, 3, 3, 6)
    assert "Only the owner of spaces can read all of it" in member.stderr
    assert "it takes its owner's: add --as-owner" in stranger.stderr
    assert imported.returncode == 0, imported.stderr
    assert json.loads(imported.stdout)["rows_sent"] == given.row_count
    assert exported.stdout == f"Wrote {given.row_count} rows of spaces to again.jsonl.\n"
    for failed in (damaged, cut, used, again, all_or_nothing, member, stranger, gone):
        assert (failed.stdout, len(failed.stderr.splitlines())) == ("", 1)


async def test_a_backup_says_what_it_copied(spaces: Spaces, tmp_path: Path) -> None:
    async with running_host(tmp_path / "data"):
        made = spaces("backup", "copy", "--data-dir", "data", "--json")
        twice = spaces("backup", "copy", "--data-dir", "data")
        nothing = spaces("backup", "other", "--data-dir", "nowhere")

    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["transactions"] > 0
    assert (twice.returncode, nothing.returncode) == (5, 2)
    assert twice.stderr == "spaces: copy exists already: a backup is made in a folder of its own.\n"
