"""`spaces generate` writes bindings for a running database, whole or not at all."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_spaces.cli.generate_command import write_file
from agent_spaces.client.generate import python_bindings, typescript_bindings
from agent_spaces.errors import ConfigError
from agent_spaces.fabric.module import SPACES
from agent_spaces.testing.host import HostProcess

DEFAULTS = {("send_message", "message_type"): "text"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    host = HostProcess(tmp_path_factory.mktemp("host") / "data")
    with asyncio.Runner() as runner:
        runner.run(host.start())
        yield host.url
        runner.run(host.stop())


def _generate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "agent_spaces.cli.main", "generate", *arguments)
    env = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_python_goes_to_the_file_named_and_is_what_the_definition_gives(url: str, tmp_path: Path) -> None:
    done = _generate(tmp_path, "--lang", "python", "--out", "spaces_db.py", "--host", url)

    assert (done.returncode, done.stdout) == (0, "Wrote spaces_db.py.\n"), done.stderr
    written = (tmp_path / "spaces_db.py").read_text()
    assert written == python_bindings(SPACES.schema_v10(), defaults=DEFAULTS)["bindings.py"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["spaces_db.py"]


def test_typescript_goes_to_a_folder_as_its_index(url: str, tmp_path: Path) -> None:
    arguments = ("--lang", "typescript", "--out", str(tmp_path), "--host", url, "--include-private", "--json")
    done = _generate(tmp_path, *arguments)

    assert json.loads(done.stdout) == {"written": [str(tmp_path / "index.ts")]}, done.stderr
    wanted = typescript_bindings(SPACES.schema_v10(), include_private=True)["index.ts"]
    assert (tmp_path / "index.ts").read_text() == wanted


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--lang", "python", "--out", "nowhere/x.py"), 2, "There is no folder nowhere"),
        (("--lang", "python", "--out", "x.py", "--database", "other"), 4, "refused the connection (404)"),
        (("--lang", "python", "--out", "x.py", "--host", "http://127.0.0.1:1"), 6, "Nobody answers"),
        (("--lang", "cobol", "--out", "x.py"), 2, "cobol"),
    ],
)
def test_a_failure_is_one_line_and_writes_nothing(
    url: str, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = _generate(tmp_path, "--host", url, *arguments)

    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_at_once_and_keeps_the_usual_rights(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("old")
    before = path.open()
    write_file(path, "new\n")

    assert (before.read(), path.read_text()) == ("old", "new\n")
    before.close()
    usual = tmp_path / "usual"
    usual.touch()
    assert path.stat().st_mode == usual.stat().st_mode
    with pytest.raises(ConfigError, match="cannot be written"):
        write_file(tmp_path / "missing" / "x.py", "new")
