"""Random walks of 2,000 calls by eight identities: after each call both twins have answered and changed the same."""

import json

import pytest

from fabric.vectors import FOLDER
from twin.twins import Twins
from twin.walk import CALLABLE, Walk
from twin.wasm_host import WasmHost

WORLDS = json.loads((FOLDER / "worlds.json").read_text())
CALLS = 2000
SEEDS = (7, 10, 11)


@pytest.mark.timeout(900)
def test_both_twins_take_the_same_walks(host: WasmHost) -> None:
    changed: set[str] = set()
    refused: set[str] = set()
    for seed in SEEDS:
        walk = Walk(Twins(host, WORLDS, {"world": None}), seed)
        walk.begin()
        for _ in range(CALLS):
            walk.step()
        walk.twins.check_rows()
        changed |= set(walk.done)
        refused |= set(walk.refused)

    assert {*CALLABLE, "run_timer"} - changed == set(), "a walk comes to every reducer"
    assert len(refused) > 300, "walks meet refusals of every kind"
