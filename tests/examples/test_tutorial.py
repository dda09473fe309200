"""The programs of the tutorial, run as a reader would: each block a file of its own, in an empty folder."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "first-agent.md"
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
PRINTED = [
    "@greeter Hello, carol! You said: @greeter are you there?\n",
    "{'times': 2}\n",
    (
        "[0, 1, 4, 9, 16, 25, 36, 49, 64, 81]\n"
        "Outcome(choice='yes', tally={'yes': 3, 'no': 0}, ballots=3, electors=3, quorum=3)\n"
    ),
    "deployed\n",
]


@pytest.mark.parametrize(("program", "printed"), list(zip(PROGRAMS, PRINTED, strict=True)))
def test_a_program_of_the_tutorial_prints_what_the_page_says(program: str, printed: str, tmp_path: Path) -> None:
    file = tmp_path / "agent.py"
    file.write_text(program)
    done = subprocess.run(
        [sys.executable, str(file)], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )

    assert (done.returncode, done.stderr, done.stdout) == (0, "", printed)
