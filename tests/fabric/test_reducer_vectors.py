"""Every reducer does what vectors/reducers says, through the real engine."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_spaces.fabric.module import SPACES
from fabric.vectors import FOLDER, ROOT, run

WORLDS = json.loads((FOLDER / "worlds.json").read_text())
FILES = sorted(path for path in FOLDER.glob("*.json") if path.name != "worlds.json")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_reducer_does_what_its_vectors_say(path: Path) -> None:
    for case in json.loads(path.read_text())["cases"]:
        assert run(WORLDS, case) == case["expect"], f"{path.stem}: {case['name']}"


def _generator() -> Any:
    sys.path.insert(0, str(ROOT / "tools"))  # a script outside the package
    try:
        return importlib.import_module("reducer_vectors")
    finally:
        sys.path.pop(0)


def test_the_vectors_are_those_of_the_scenarios() -> None:
    """A changed scenario, text or row shows as a changed vector file."""
    written = {path.relative_to(ROOT): path.read_text() for path in [*FILES, FOLDER / "worlds.json"]}
    recorded = _generator().files()

    assert {name for name in recorded if written.get(name) != recorded[name]} == set()
    assert set(written) == set(recorded)


def test_every_reducer_has_vectors() -> None:
    assert {path.stem for path in FILES} == set(SPACES.reducers)


def test_every_refusal_is_one_sentence() -> None:
    for path in FILES:
        for case in json.loads(path.read_text())["cases"]:
            text = case["expect"].get("error")
            if text is not None:
                assert text[0].isupper()
                assert text.endswith(".")
                assert "\n" not in text
