"""Budgets of the hot path, counted and not timed, and what it leaves behind."""

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from agent_spaces.engine.collector import tune_collector
from agent_spaces.engine.connection import Connection
from agent_spaces.engine.database import Database
from agent_spaces.engine.group import Entry, Group, deliver
from agent_spaces.engine.memory import CollectingLink, memory_database
from agent_spaces.sats import ConnectionId, Identity
from engine.chat import CHAT, Client, Post, call_message, join, leave, post, ring


class CountingLink(CollectingLink):
    """Counts writes and forgets them."""

    count = 0

    def send(self, data: bytes) -> None:
        self.count += 1


@pytest.fixture
async def database() -> Database:
    return memory_database(CHAT)


@pytest.fixture
def own_collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


async def prepared(database: Database, clients: int) -> list[Client]:
    made = [Client(database, number) for number in range(1, clients + 1)]
    for client in made:
        client.call(join, 1)
        client.subscribe(1, "SELECT * FROM post WHERE room = 1")
        client.subscribe(2, "SELECT * FROM ring")
        await client.take()
        client.connection.link = client.link = CountingLink()
    return made


async def test_each_changed_row_is_encoded_once_whoever_listens(database: Database) -> None:
    clients = await prepared(database, 5)
    table = database.tables[Post]
    encoded: Counter[int] = Counter()
    encode = table.encode

    def counting(row: Any) -> bytes:
        encoded[row.id] += 1
        return encode(row)

    table.encode = counting
    for _ in range(10):
        clients[0].call(post, 1, "text")
    await database.settled()
    assert len(encoded) == 10
    assert set(encoded.values()) == {1}


async def test_a_connection_gets_one_write_a_group(database: Database) -> None:
    clients = await prepared(database, 5)
    for number in range(30):
        clients[number % 3].call(post, 1, "text")
        clients[4].call(ring, 1)
    await database.settled()
    assert [client.link.count for client in clients] == [1, 1, 1, 1, 1]


async def send_many(database: Database, clients: list[Client], count: int) -> None:
    message = call_message(1, post, 1, "text " * 16)
    connections = [client.connection for client in clients]
    for number in range(count):
        database.receive(connections[number % len(connections)], message)
        if number % 50 == 0:
            await asyncio.sleep(0)


async def test_no_collection_runs_during_many_sends(database: Database, own_collector: None) -> None:
    clients = await prepared(database, 4)
    await send_many(database, clients, 200)
    tune_collector()
    runs: list[str] = []
    watch = lambda phase, _info: runs.append(phase)  # noqa: E731
    gc.callbacks.append(watch)
    try:
        await send_many(database, clients, 20_000)
    finally:
        gc.callbacks.remove(watch)
    assert runs == []
    assert len(database.tables[Post]) == 20_201


async def test_the_hot_path_leaves_nothing_to_the_collector(database: Database, own_collector: None) -> None:
    clients = await prepared(database, 4)
    await send_many(database, clients, 200)
    await asyncio.sleep(0.01)
    gc.collect()
    gc.disable()
    try:
        await send_many(database, clients, 5_000)
        await asyncio.sleep(0.01)
        assert gc.collect() == 0
    finally:
        gc.enable()


async def test_moves_between_audiences_leave_nothing_either(database: Database, own_collector: None) -> None:
    clients = await prepared(database, 3)

    async def turn() -> None:
        for _ in range(20):
            for client in clients:
                client.call(leave, 1)
                client.call(join, 1)
                client.call(post, 1, "x")
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)

    await turn()
    gc.collect()
    gc.disable()
    try:
        await turn()
        assert gc.collect() == 0
    finally:
        gc.enable()


def connection(number: int, *, subscribed: bool = True) -> Connection:
    made = Connection(Identity(bytes([number]) * 32), ConnectionId(bytes(16)), CollectingLink(), is_owner=False)
    made.subscribed = subscribed
    return made


def written(each: Connection) -> list[bytes]:
    assert isinstance(each.link, CollectingLink)
    return each.link.writes


def test_several_sources_are_merged_by_position_and_the_own_answer_replaces_the_update() -> None:
    group, one, two, silent = Group(), connection(1), connection(2), connection(3, subscribed=False)
    both, mine = Entry(group, [one, two]), Entry(group, [one])
    both.frames, both.positions = [b"a0", b"a4"], [0, 4]
    mine.frames, mine.positions = [b"b2"], [2]
    group.answers = [(two, 0, b"R0"), (silent, 2, b"S2"), (one, 6, b"R6"), (silent, 8, b"S8")]
    group.answer(two, 4, b"N5")
    deliver(group)
    assert written(one) == [b"a0b2a4R6"]
    assert written(two) == [b"R0a4N5"]
    assert written(silent) == [b"S2S8"]
    assert (group.entries, group.answers, both.group, both.frames) == ([], [], None, [])
    assert (one.answers, one.positions, one.sources) == ([], [], [])


def test_those_who_await_an_answer_are_written_before_those_who_only_listen() -> None:
    order: list[str] = []

    class Named(CollectingLink):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def send(self, data: bytes) -> None:
            order.append(self.name)

    group, listener, caller = Group(), connection(1), connection(2)
    listener.link, caller.link = Named("listener"), Named("caller")
    group.add_entry(0, [listener, caller], b"update")
    group.reply(caller, b"answer")
    deliver(group)
    assert order == ["caller", "listener"]
