"""Seeded simulations of the whole engine: nobody misses a row, nothing acknowledged is lost, and a seed says it all."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from chaos import simulation
from chaos.fuzzing import CORPUS
from chaos.judge import told
from chaos.planted import EarlyWriter, keeping_lost_rights, plans_of_others
from chaos.rig import python_path
from chaos.simulation import simulate
from engine.storage.fault_files import FaultFiles

SEEDS = range(12)
STEPS = 150


def test_clients_agree_with_fresh_queries_through_disk_errors_power_cuts_and_lost_connections() -> None:
    happened: Counter[str] = Counter()
    for seed in SEEDS:
        world = simulate(seed, STEPS)
        assert world.violations == [], f"seed {seed}: {told(world.violations)}"
        happened += world.happened
    for kind in ("kill", "power cut", "disk error", "disk tear", "disk cut", "log failed"):
        assert happened[kind] > 0, f"no {kind} in {happened}"
    assert happened["comparison"] > STEPS


@pytest.mark.parametrize("seed", json.loads((CORPUS / "seeds.json").read_text())["simulations"])
def test_a_seed_that_failed_once_is_well(seed: int) -> None:
    assert simulate(seed, 600).violations == []


def test_a_seed_gives_the_same_bytes_in_another_process() -> None:
    """Also with other hashes of strings, so that nothing hangs on the order of a set."""
    digests = []
    for hash_seed in ("1", "2"):
        env = dict(os.environ) | {"PYTHONPATH": python_path(), "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, str(Path(simulation.__file__)), "7", "120"]
        said = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout
        digests.append(said.splitlines()[-1])  # behind the log

    assert digests[0] == digests[1]
    assert simulate(7, 120).digest == digests[0]
    assert simulate(8, 120).digest != digests[0]


@pytest.mark.parametrize("plant", [keeping_lost_rights, plans_of_others])
def test_a_planted_fault_of_rights_is_caught(plant: object) -> None:
    with plant():  # type: ignore[operator]
        violations = simulate(3, 400).violations

    assert "C7" in {violation.checker for violation in violations}


def test_an_acknowledgement_before_the_fsync_is_caught() -> None:
    assert "C1" in {violation.checker for seed in range(3) for violation in simulate(seed, 300, EarlyWriter).violations}


def test_a_disk_that_only_says_that_it_is_done_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FaultFiles, "fdatasync", lambda _self, _handle: None)
    assert "C1" in {violation.checker for seed in range(3) for violation in simulate(seed, 300).violations}
