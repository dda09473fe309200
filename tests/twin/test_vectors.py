"""The compiled module does what vectors/reducers says, which the fabric does as well: same rows, same refusals."""

import json
from pathlib import Path

import pytest

from fabric.vectors import FOLDER
from twin.wasm_host import WasmHost
from twin.wasm_vectors import run

WORLDS = json.loads((FOLDER / "worlds.json").read_text())
FILES = sorted(path for path in FOLDER.glob("*.json") if path.name != "worlds.json")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_reducer_does_what_its_vectors_say(host: WasmHost, path: Path) -> None:
    for case in json.loads(path.read_text())["cases"]:
        assert run(host, WORLDS, case) == case["expect"], f"{path.stem}: {case['name']}"


def test_every_reducer_of_the_module_has_vectors(host: WasmHost) -> None:
    assert {path.stem for path in FILES} == set(host.reducer_ids)
