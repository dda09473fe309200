"""The compiled module never traps: not on rows that no reducer would make (an import takes any), nor on arguments."""

import json
import random
from typing import Any

import pytest

from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import TABLES, Timer
from agent_spaces.fabric.types import TimerKind
from agent_spaces.module import Column, definition_of
from agent_spaces.sats import Identity, Time, Timestamp
from agent_spaces.sats.annotations import u8, u32, u64
from agent_spaces.sats.bsatn import arguments_encoder, row_decoder, row_encoder
from fabric.vectors import FOLDER
from twin import texts
from twin.twins import Twins
from twin.walk import Walk
from twin.wasm_host import WasmHost
from twin.wasm_tables import Change

WORLDS = json.loads((FOLDER / "worlds.json").read_text())
_ENDS: dict[Any, tuple[Any, ...]] = {
    u8: (0, 1, 3, 255),
    u32: (0, 1, 2**32 - 1),
    u64: (0, 1, 2**64 - 1),
    bool: (False, True),
    str: ("", "{}", '{"event":"task.x"}', "x" * 5000),
    Timestamp: (Timestamp(-(2**63)), Timestamp(0), Timestamp(2**63 - 1)),
    Identity: (Identity(bytes(32)), Identity(b"\xff" * 32)),
    list[str]: ([], ["a"], ["a"] * 40),
    list[u32]: ([], [1], [2**32 - 1] * 3),
}


class _Module(Twins):
    """The compiled module alone; the fabric stays behind as a store of likely arguments."""

    def __init__(self, twins: Twins) -> None:
        """Go on where both were."""
        self.host, self.worlds, self.calls, self.database = twins.host, twins.worlds, twins.calls, twins.database

    def call(self, reducer: str, args: list[Any], **about: Any) -> tuple[str | None, dict[str, Change]]:
        """Make a call in the module only."""
        encoded = arguments_encoder(SPACES.reducers[reducer].parameters)(args)
        return self.host.call(reducer, encoded, **about)

    def drop_timer(self, timer: Any) -> None:
        """Forget the timer that was run."""
        self.database.tables[Timer].unload(timer.scheduled_id)

    def run_timer(self, chance: random.Random, timestamp: int) -> None:
        """Run a timer that may never have been armed."""
        timer = Timer(1, Time(Timestamp(timestamp)), chance.choice(list(TimerKind)), chance.randrange(12))
        self.call("run_timer", [timer], sender=self.database.identity, timestamp=timestamp)


def _spoil(host: WasmHost, chance: random.Random) -> None:
    """Put an extreme value into a column of a row that is in no key."""
    row_class = chance.choice(TABLES)
    definition = definition_of(row_class)
    table = host.tables.by_name[definition.name]
    columns = [column for column in definition.columns if _can_be_spoilt(column)]
    if table.rows and columns:
        row = row_decoder(row_class)(chance.choice(table.scan()), 0)[0]
        column = chance.choice(columns)
        plain, is_option = texts.inner(column.annotation)
        values = _ENDS.get(plain) or texts.variants(plain)
        value = None if is_option and chance.random() < 0.3 else chance.choice(values)
        table.load(row_encoder(row_class)(replace(row, **{column.name: value})))


def _can_be_spoilt(column: Column) -> bool:
    plain, _ = texts.inner(column.annotation)
    return not column.unique and bool(plain in _ENDS or texts.variants(plain))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
def test_no_row_and_no_argument_makes_the_module_trap(host: WasmHost, seed: int) -> None:
    walk = Walk(Twins(host, WORLDS, {"world": None}), seed)
    walk.begin()
    for _ in range(400):
        walk.step()
    chance = random.Random(seed)
    walk.twins = module = _Module(walk.twins)
    for _ in range(1000):
        for _ in range(3):
            _spoil(host, chance)
        walk.step()
        module.run_timer(chance, walk.now)
