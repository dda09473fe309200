"""Histories of real clients in processes of their own: good ones pass all checkers, planted faults do not.

The seed of a run is the first line of its output; `make chaos` runs more and longer ones.
"""

from pathlib import Path

import pytest

from chaos.judge import told
from chaos.plans import PLANTED, SHORT, planted_plan
from chaos.rig import Rig

SEED = 20_26


@pytest.mark.timeout(300)
async def test_clients_agree_on_one_history_through_kills_pauses_and_bad_networks(tmp_path: Path) -> None:
    print(f"seed {SEED}")
    outcome = await Rig(tmp_path, SHORT(SEED)).run()

    assert outcome.violations == [], told(outcome.violations)
    assert outcome.operations > 100


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", sorted(PLANTED))
async def test_a_planted_fault_is_caught_by_its_checker(tmp_path: Path, name: str) -> None:
    print(f"seed {SEED}")
    outcome = await Rig(tmp_path, planted_plan(name, SEED)).run()

    caught = {violation.checker for violation in outcome.violations}
    assert caught & PLANTED[name], told(outcome.violations)
    assert "C12" not in caught, told(outcome.violations)
