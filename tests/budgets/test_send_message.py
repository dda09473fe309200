"""What one send_message may cost, counted and not timed: the real module, the real wire, no sockets."""

import asyncio
import gc
import sys
from collections import Counter
from types import FrameType
from typing import Any

import pytest

from agent_spaces.engine.collector import tune_collector
from agent_spaces.engine.group import Group
from agent_spaces.native import choice as native
from budgets.chat import Chat

SENDS = 100
# Bytecodes of CPython 3.11 a call: from the message's bytes to its place in the group. Lower one that has become wrong.
OWN_BYTECODES_MAX, KEYED_BYTECODES_MAX = (1270, 1670) if native.calls is None else (320, 430)


@pytest.fixture
async def chat() -> Chat:
    made = Chat()
    made.listen()
    made.send(40)
    made.send(40, keyed=True, first=40)
    await made.database.settled()
    return made


def bytecodes(chat: Chat, *, keyed: bool) -> float:
    messages = [chat.message(number % 4, f"counted-{number}" if keyed else None) for number in range(SENDS)]
    count = 0

    def trace(frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for number, message in enumerate(messages):
            chat.database.receive(chat.senders[number % 4].connection, message)
    finally:
        sys.settrace(before)
    return count / SENDS


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="bytecodes differ between versions of Python")
async def test_a_message_takes_no_more_bytecodes_than_it_did(chat: Chat) -> None:
    assert bytecodes(chat, keyed=False) <= OWN_BYTECODES_MAX
    assert bytecodes(chat, keyed=True) <= KEYED_BYTECODES_MAX


async def test_every_changed_row_is_encoded_once_whoever_listens(chat: Chat) -> None:
    encoded: Counter[str] = Counter()
    for table in chat.database.tables:

        def counting(row: Any, real: Any = table.encode, name: str = table.name) -> bytes:
            encoded[name] += 1
            return bytes(real(row))

        table.encode = counting
    chat.send(SENDS, keyed=True, first=1000)
    await chat.database.settled()
    assert encoded == {"message": SENDS, "channel_head": SENDS, "idempotency_key": SENDS}


async def test_every_connection_is_written_to_once_a_group(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = 0
    dissolve = Group.dissolve

    def counting(group: Group) -> None:
        nonlocal groups
        groups += bool(group.answers)
        dissolve(group)

    monkeypatch.setattr(Group, "dissolve", counting)
    everybody = [*chat.senders, *chat.listeners]
    before = [person.link.count for person in everybody]
    chat.send(SENDS)
    await chat.database.settled()
    assert groups == 1
    assert [person.link.count - old for person, old in zip(everybody, before, strict=True)] == [1] * len(everybody)


async def test_a_delivery_asks_for_nobodys_rights(chat: Chat) -> None:
    probes = 0
    for membership in chat.database.subscriptions._registry.scopes.memberships():

        def counting(*key: Any, real: Any = membership.count) -> int:
            nonlocal probes
            probes += 1
            return int(real(*key))

        membership.count = counting
    chat.send(SENDS)
    await chat.database.settled()
    assert probes == 0


async def test_one_channel_is_one_place_in_the_group_however_many_listen() -> None:
    chat = Chat(channels=1, people=20)
    chat.listen()
    await chat.database.settled()
    chat.send(SENDS)
    (entry,) = chat.database._committer.group.entries
    assert (len(entry.frames), len(entry.connections)) == (SENDS, 20)
    await chat.database.settled()


async def test_no_collection_runs_and_none_finds_anything(chat: Chat) -> None:
    thresholds = gc.get_threshold()
    runs: list[str] = []
    watch = lambda phase, _info: runs.append(phase)  # noqa: E731
    tune_collector()
    gc.callbacks.append(watch)
    try:
        for turn in range(50):
            chat.send(SENDS, keyed=True, first=2000 + SENDS * turn)
            await asyncio.sleep(0)
        await chat.database.settled()
        gc.callbacks.remove(watch)
        assert runs == []
        assert gc.collect() == 0
    finally:
        if watch in gc.callbacks:
            gc.callbacks.remove(watch)
        gc.unfreeze()
        gc.set_threshold(*thresholds)
