"""The two scripts for people who wire hooks themselves, by their known names."""

import os
import subprocess
import tomllib
from pathlib import Path

import pytest

import agent_spaces
from integrations.claude_code.conftest import User

FOLDER = Path(agent_spaces.__file__).parent / "integrations" / "claude_code" / "scripts"
STOP, START = str(FOLDER / "spaces-session-hook.sh"), str(FOLDER / "spaces-context-hook.sh")


def test_they_do_what_the_hooks_do(user: User, peer: User) -> None:
    user.login("by-hand")
    peer.login("talks-to-script")
    user.digest()
    peer.say(1, "for the script")

    stopped = user.run(STOP, stdin=user.payload("Stop", last_assistant_message="by script"))
    started = user.run(START, "--as", "by-hand", stdin=user.payload("SessionStart"))

    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (0, "", "")
    assert [event["summary"] for event in user.summaries()] == ["by script"]
    assert "for the script" in started.stdout


@pytest.mark.parametrize("script", [STOP, START])
def test_they_are_silent_where_spaces_is_not_installed_or_broken(user: User, tmp_path: Path, script: str) -> None:
    bare = user.run(script, stdin="{}", PATH="/usr/bin:/bin")
    (tmp_path / "spaces").write_text("#!/bin/sh\necho oops >&2; exit 2\n")
    (tmp_path / "spaces").chmod(0o755)
    broken = user.run(script, stdin="{}", PATH=f"{tmp_path}:/usr/bin:/bin")

    assert (bare.returncode, bare.stdout, bare.stderr) == (0, "", "")
    assert (broken.returncode, broken.stdout, broken.stderr) == (0, "", "")


@pytest.mark.parametrize("script", [STOP, START])
def test_they_end_well_when_told_to_end(user: User, tmp_path: Path, script: str) -> None:
    (tmp_path / "spaces").write_text("#!/bin/sh\necho started\nexec sleep 60\n")
    (tmp_path / "spaces").chmod(0o755)
    env = {**user.env, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    process = subprocess.Popen(
        [script], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()

    os.killpg(process.pid, 15)

    assert process.wait(60) == 0
    process.stdout.close()


def test_they_are_installed_as_commands() -> None:
    project = FOLDER.parents[4] / "pyproject.toml"
    scripts = tomllib.loads(project.read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-scripts"]

    assert scripts == {str(path.relative_to(project.parent)): path.name for path in sorted(FOLDER.glob("*.sh"))}
    assert all(os.access(path, os.X_OK) for path in FOLDER.glob("*.sh"))
