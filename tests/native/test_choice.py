"""Which form a process runs is chosen by SPACES_NATIVE, and both do the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaos import simulation
from chaos.rig import python_path

ASK = "from agent_spaces.native import choice as made; print([each is not None for each in (made.codec, made.calls)])"


def run(code: str, wanted: str | None) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "SPACES_NATIVE"}
    if wanted is not None:
        environment["SPACES_NATIVE"] = wanted
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("wanted", "compiled"), [(None, True), ("0", False), ("1", True)])
def test_the_variable_chooses(wanted: str | None, compiled: bool) -> None:
    assert run(ASK, wanted).stdout.strip() == str([compiled, compiled])


def test_without_the_modules_the_python_forms_are_taken_unless_the_compiled_ones_are_asked_for() -> None:
    package = "sys.modules['agent_spaces.native.codec'] = None; "
    assert run(f"import sys; {package}{ASK}", None).stdout.strip() == str([False, False])
    refused = run(f"import sys; {package}{ASK}", "1")
    assert refused.returncode == 1
    assert "See make native" in refused.stderr


def test_a_simulated_database_gives_the_same_bytes_in_both_forms() -> None:
    """Every answer, every group of the log: a whole engine with clients, faults and crashes from one seed."""
    digests = []
    for wanted in ("0", "1"):
        env = dict(os.environ) | {"PYTHONPATH": python_path(), "SPACES_NATIVE": wanted}
        command = [sys.executable, str(Path(simulation.__file__)), "11", "400"]
        said = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
        digests.append(said.splitlines()[-1])
    assert digests[0] == digests[1]
