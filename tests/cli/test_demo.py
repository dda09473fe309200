"""The demo does what it shows: real processes, one of them killed, and the report is complete all the same."""

import os
import re
import subprocess
import sys
from pathlib import Path

from agent_spaces.cli.demo.survey import analyse, files_of, merge, split


def _folder(folder: Path) -> Path:
    for number in range(30):
        body = "\n".join(f"def function_{number}_{i}():\n    return {i}\n" for i in range(number % 5 + 1))
        (folder / f"file_{number:02}.py").write_text(body)
    return folder


def test_the_swarm_surveys_every_file_although_a_worker_is_killed(tmp_path: Path) -> None:
    (source := tmp_path / "source").mkdir()
    _folder(source)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "COLUMNS": "200", "NO_COLOR": "1"}

    ended = subprocess.run(
        [sys.executable, "-m", "agent_spaces.cli.main", "demo", str(source)],
        env=env,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "is killed (SIGKILL)" in ended.stdout
    assert "comes back" in ended.stdout
    assert "Survey of 30 files in 12 parts: " in ended.stdout
    assert "90 functions" in ended.stdout
    assert re.findall(r"claims part \d+", ended.stdout)
    assert "spaces serve" in ended.stdout


def test_parts_together_hold_every_file_once(tmp_path: Path) -> None:
    files = files_of(_folder(tmp_path))

    for parts in (1, 7, 12, 100):
        dealt = split(files, parts)
        assert sorted(path for part in dealt for path in part) == files
        assert all(dealt)


def test_results_merge_in_any_grouping(tmp_path: Path) -> None:
    files = files_of(_folder(tmp_path))
    each = [analyse(tmp_path, name) for name in files]

    whole = merge(each)

    assert (whole.files, whole.functions) == (30, 90)
    assert merge([merge(each[:11]), merge(each[11:])]).longest == whole.longest
    assert whole.undocumented_count == 90
