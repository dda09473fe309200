"""Limits and text rules: what any argument may be, both twins judge alike, with the same text."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from agent_spaces.fabric.module import SPACES
from agent_spaces.sats import Identity
from agent_spaces.sats.annotations import u8, u32, u64
from agent_spaces.sats.json import from_json
from fabric.vectors import FOLDER, Json, with_names
from twin import texts
from twin.twins import Twins
from twin.wasm_host import WasmHost

WORLDS = json.loads((FOLDER / "worlds.json").read_text())
NAMES = WORLDS["names"]
_BITS = {u8: 8, u32: 32, u64: 64}
_OF_JSON = ("content", "meta")  # arguments that may have to be JSON


def _cases(reducer: str) -> list[Json]:
    """Return the first cases of a reducer that succeed, so that what is refused is so for one argument."""
    cases = json.loads((FOLDER / f"{reducer}.json").read_text())["cases"]
    done = [case for case in cases if case["expect"].get("changes")]
    return sorted(done, key=lambda case: len(case.get("series", [])))[:2]


def _values(name: str, annotation: Any, chance: random.Random) -> Iterator[Any]:
    """Generate values for an argument."""
    plain, is_option = texts.inner(annotation)
    if is_option:
        yield None
    if plain is str:
        yield from texts.texts(chance)
        if name in _OF_JSON:
            yield from texts.objects(chance)
    elif plain in _BITS:
        yield from texts.numbers(_BITS[plain])
    elif plain is bool:
        yield from (False, True)
    elif plain is Identity:
        yield from (Identity.from_hex(digits) for digits in NAMES.values())
        yield Identity(bytes(32))
    elif plain == list[str]:
        for text in texts.texts(chance):
            yield [text, "b"] if len(text) < 300 else [text]
        yield from ([], ["a"], ["a", "a"], ["a", "b", "a"])
        yield from ([f"s{number}" for number in range(count)] for count in (1, 2, 19, 20, 21, 31, 32, 33))
    elif plain == list[u64]:
        yield from ([], [0], [1, 1], [2**64 - 1], list(range(100)), list(range(101)))
    else:
        yield from texts.variants(plain)


_OTHERS = ("import_", "advance_", "run_timer")
CALLABLE = sorted(
    name for name, reducer in SPACES.reducers.items() if reducer.parameters and not name.startswith(_OTHERS)
)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("reducer", CALLABLE)
def test_both_twins_judge_an_argument_alike(host: WasmHost, reducer: str) -> None:
    """One argument after the other of a call that succeeds is replaced by what tries the rules."""
    parameters = SPACES.reducers[reducer].parameters
    cases = _cases(reducer)
    assert cases, "no vector of this reducer succeeds"
    for case in cases:
        chance = random.Random(f"{reducer}: {case['name']}")
        values = with_names(case["args"], NAMES)
        args = [from_json(annotation, value) for (_, annotation), value in zip(parameters, values, strict=True)]
        sender = Identity.from_hex(NAMES[case["caller"]])
        twins = Twins(host, WORLDS, case)
        for place, (name, annotation) in enumerate(parameters):
            for value in _values(name, annotation, chance):
                changed = [*args[:place], value, *args[place + 1 :]]
                error, _ = twins.call(reducer, changed, sender=sender, timestamp=case["timestamp"])
                if error is None:
                    twins.load(case)
