"""Connections that come and go, and what a start and a stop do with them."""

import asyncio

import pytest

from agent_spaces.engine.database import Database
from agent_spaces.engine.memory import OWNER_IDENTITY, memory_database
from agent_spaces.engine.storage.log import MemoryLog
from agent_spaces.engine.system import StClient
from agent_spaces.errors import RefusedError
from agent_spaces.wire import messages as m
from engine.chat import CHAT, STRANGER, Client, Online, Post, connection_id, join


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(lambda callback: asyncio.get_running_loop().call_soon(callback))


@pytest.fixture
async def database(log: MemoryLog) -> Database:
    return memory_database(CHAT, log=log)


async def test_a_connection_that_is_refused_leaves_nothing(database: Database) -> None:
    with pytest.raises(RefusedError, match="strangers stay outside"):
        Client(database, 1, identity=STRANGER)
    assert len(database.tables[Online]) == len(database.tables[StClient]) == len(database.connections) == 0


async def test_a_connection_id_is_used_once_at_a_time(database: Database) -> None:
    Client(database, 1)
    with pytest.raises(RefusedError, match="in use"):
        Client(database, 1)


async def test_each_connection_gets_one_disconnect(database: Database) -> None:
    client, other = Client(database, 1), Client(database, 2)
    assert len(database.tables[Online]) == len(database.tables[StClient]) == 2
    offset = database.tx_offset
    database.disconnect(client.connection)
    database.disconnect(client.connection)
    assert database.tx_offset == offset + 1
    assert [row.identity for row in database.tables[StClient]] == [other.identity]
    assert len(database.tables[Online]) == 1


async def test_after_a_crash_every_connection_that_was_left_is_disconnected(database: Database, log: MemoryLog) -> None:
    Client(database, 1)
    Client(database, 2)
    await database.settled()
    again = memory_database(CHAT, log=log)
    assert len(again.tables[Online]) == len(again.tables[StClient]) == 0


async def test_the_owner_sees_who_is_connected_and_nobody_else_does(database: Database) -> None:
    owner, client = Client(database, 1, identity=OWNER_IDENTITY), Client(database, 2)
    for each in (owner, client):
        each.subscribe(1, "SELECT * FROM st_client")
    applied = (await owner.take())[-1]
    assert len(applied.rows.tables[0].rows) == 2
    assert isinstance((await client.take())[-1], m.SubscriptionError)


async def test_init_runs_once_in_the_life_of_a_database(database: Database, log: MemoryLog) -> None:
    assert [row.text for row in database.tables[Post]] == ["welcome"]
    assert database.tables[Post].find(1).sender == OWNER_IDENTITY
    await database.settled()
    assert [row.text for row in memory_database(CHAT, log=log).tables[Post]] == ["welcome"]


async def test_stopping_closes_every_connection(database: Database) -> None:
    client = Client(database, 1)
    database.stop()
    assert client.link.closed == (1001, "module exited")


async def test_a_client_gets_initial_connection_before_anything_else(database: Database) -> None:
    client = Client(database, 1)
    client.call(join, 1)
    first, second = await client.take()
    assert first == m.InitialConnection(client.identity, connection_id(1), "token")
    assert isinstance(second, m.ReducerResult)


async def test_nothing_is_committed_after_a_stop(database: Database) -> None:
    client = Client(database, 1)
    await client.take()
    offset = database.tx_offset
    database.stop()
    client.call(join, 1)
    assert database.tx_offset == offset


async def test_all_tables_are_those_of_the_module(database: Database) -> None:
    owner = Client(database, 1, identity=OWNER_IDENTITY)
    owner.subscribe(1, "SELECT * FROM *")
    applied = (await owner.take())[-1]
    assert [each.table for each in applied.rows.tables] == ["online", "post"]
