"""What only an import can bring, neither twin is stopped by: numbers at the ends of their types."""

import json
from typing import Any

import pytest

from agent_spaces.fabric.tables import Channel, Message, Task, TaskText, Timer
from agent_spaces.fabric.types import ChannelType, MessageType, TaskState, TimerKind
from agent_spaces.sats import Identity, Time, Timestamp
from agent_spaces.sats.json import to_json
from fabric.vectors import FOLDER
from fabric.worlds import CLUB, GENERAL, IDENTITIES, NOON
from twin.twins import Twins
from twin.wasm_host import WasmHost

WORLDS = json.loads((FOLDER / "worlds.json").read_text())
_NOBODY = Identity(bytes(32))


def _run(twins: Twins, kind: TimerKind, ref_id: int) -> str | None:
    timer = Timer(1, Time(Timestamp(NOON)), kind, ref_id)
    error, _ = twins.call("run_timer", [timer], sender=IDENTITIES["system"], timestamp=NOON)
    return error


def _with(*rows: Any) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for row in rows:
        row_class = type(row)
        name = row_class.__table__.name
        state.setdefault(name, []).append(to_json(row_class, row))
    return {"world": "club", "state": state}


def _message(message_id: int, channel_id: int, seq: int) -> Message:
    sender, now = IDENTITIES["bob"], Timestamp(NOON)
    return Message(message_id, channel_id, None, sender, "x", MessageType.TEXT, now, None, None, CLUB, seq, None)


@pytest.mark.parametrize("seqs", [(1, 2**64 - 1), (2**63,), (5_000_000, 40_000_000_000)])
def test_a_purge_comes_to_messages_that_are_far_apart(host: WasmHost, seqs: tuple[int, ...]) -> None:
    channel_id = 77
    rows = [_message(100 + place, channel_id, seq) for place, seq in enumerate(seqs)]
    twins = Twins(host, WORLDS, _with(*rows))

    assert _run(twins, TimerKind.PURGE_CHANNEL, channel_id) is None

    assert [row for row in twins.database.tables[Message].rows.values() if row.channel_id == channel_id] == []
    twins.check_rows()


def test_a_task_that_has_failed_often_rests_as_long_as_any(host: WasmHost) -> None:
    often = 4_000_000_000
    lease_until, now = Timestamp(NOON - 1), Timestamp(NOON)
    bob = IDENTITIES["bob"]
    task = Task(
        50, CLUB, GENERAL, None, 0, "t", "", _NOBODY, bob, TaskState.WORKING, 1, bob, 3, often, 2**32 - 1,
        lease_until, now, False, "", now, now,
    )  # fmt: skip
    twins = Twins(host, WORLDS, _with(task, TaskText(50, CLUB, GENERAL, "", None, None, None, None)))

    assert _run(twins, TimerKind.TASK_LEASE, 50) is None

    after = twins.database.tables[Task].rows[50]
    assert (after.failures, after.not_before) == (often + 1, lease_until + 300_000_000)
    twins.check_rows()


def test_a_new_channel_stands_behind_one_at_the_greatest_position(host: WasmHost) -> None:
    channel = Channel(70, CLUB, "last", None, ChannelType.TEXT, 2**32 - 1, Timestamp(NOON), 0)
    twins = Twins(host, WORLDS, _with(channel))

    error, _ = twins.call(
        "create_channel", [CLUB, "new", ChannelType.TEXT, None], sender=IDENTITIES["alice"], timestamp=NOON
    )

    assert error is None
    assert max(row.position for row in twins.database.tables[Channel].rows.values() if row.name == "new") == 1_000_000
