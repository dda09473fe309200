"""One database from the wire's messages to the wire's messages."""

import asyncio
from typing import Any

import pytest

from agent_spaces.engine import transaction
from agent_spaces.engine.database import Database
from agent_spaces.engine.memory import OWNER_IDENTITY, memory_database
from agent_spaces.engine.storage.log import MemoryLog
from agent_spaces.engine.storage.records import SEQUENCE, transactions_of
from agent_spaces.errors import DecodeError, StorageError
from agent_spaces.sats import Time, Timestamp
from agent_spaces.sats.bsatn import row_decoder
from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import encode_client_message
from engine.chat import (
    CHAT,
    STRANGER,
    Alarm,
    Client,
    Post,
    Ring,
    call_message,
    contents,
    join,
    leave,
    nothing,
    post,
    post_and_fail,
    ring,
    run_alarm,
)

read_post = row_decoder(Post)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog(lambda callback: asyncio.get_running_loop().call_soon(callback))


@pytest.fixture
async def database(log: MemoryLog) -> Database:
    return memory_database(CHAT, log=log)


def texts(rows: list[bytes]) -> list[str]:
    return [read_post(row, 0)[0].text for row in rows]


def outcome(message: Any) -> Any:
    assert isinstance(message, m.ReducerResult)
    return message.result


OK = m.ReducerOk(b"", m.TransactionUpdate([]))
FATAL = m.InternalError("The instance encountered a fatal error.")


async def test_answers_come_in_the_order_of_requests_whatever_they_are(database: Database) -> None:
    client = Client(database, 1)
    await client.take()
    client.call(join, 1)
    client.call(post_and_fail, "refuse")
    client.subscribe(7, "SELECT * FROM post WHERE room = 1")
    client.call(post, 1, "one")
    client.subscribe(7, "SELECT * FROM post")
    client.call("absent")
    client.call(post, 1, "two")
    received = await client.take()
    assert [type(each) for each in received] == [
        m.ReducerResult,
        m.ReducerResult,
        m.SubscribeApplied,
        m.ReducerResult,
        m.SubscriptionError,
        m.ReducerResult,
        m.ReducerResult,
    ]
    assert [each.request_id for each in received] == [1, 2, 3, 4, 5, 6, 7]
    own = outcome(received[3]).transaction_update.query_sets
    assert [(s.query_set_id, texts(s.tables[0].rows[0].inserts)) for s in own] == [(7, ["one"])]


async def test_everybody_else_gets_one_update_a_transaction_and_the_caller_only_its_result(database: Database) -> None:
    caller, other, stranger = Client(database, 1), Client(database, 2), Client(database, 3)
    for client in (caller, other):
        client.call(join, 1)
    for client in (caller, other, stranger):
        client.subscribe(1, "SELECT * FROM post")
        await client.take()
    caller.call(post, 1, "a")
    caller.call(post, 1, "b")
    assert [type(each) for each in await caller.take()] == [m.ReducerResult, m.ReducerResult]
    updates = await other.take()
    assert [texts(u.query_sets[0].tables[0].rows[0].inserts) for u in updates] == [["a"], ["b"]]
    assert await stranger.take() == []


async def test_a_right_that_ends_takes_the_rows_in_the_same_transaction(database: Database) -> None:
    client, other = Client(database, 1), Client(database, 2)
    for each in (client, other):
        each.call(join, 1)
    client.call(post, 1, "a")
    client.subscribe(1, "SELECT * FROM post")
    await client.take()
    client.call(leave, 1)
    other.call(post, 1, "b")
    (result,) = await client.take()
    assert texts(outcome(result).transaction_update.query_sets[0].tables[0].rows[0].deletes) == ["a"]


@pytest.mark.parametrize("how", ["refuse", "crash", "key", "encode"])
async def test_a_call_that_fails_leaves_nothing(database: Database, log: MemoryLog, how: str) -> None:
    client, other = Client(database, 1), Client(database, 2)
    for each in (client, other):
        each.call(join, 1)
        each.subscribe(1, "SELECT * FROM post")
        await each.take()
    before, offset = contents(database), database.tx_offset
    client.call(post_and_fail, how)
    (result,) = await client.take()
    assert outcome(result) == (m.ReducerErr.of("no") if how == "refuse" else FATAL)
    assert (contents(database), database.tx_offset, await other.take()) == (before, offset, [])
    assert log.next_offset == offset


async def test_a_transaction_that_changes_nothing_is_answered_without_a_record(database: Database) -> None:
    client = Client(database, 1)
    await client.take()
    offset = database.tx_offset
    client.call(nothing)
    assert [outcome(each) for each in await client.take()] == [OK]
    assert database.tx_offset == offset


async def test_offsets_have_no_gaps_and_the_log_gives_the_same_tables(database: Database, log: MemoryLog) -> None:
    client = Client(database, 1)
    for number in range(20):
        client.call(post, number % 3, f"text {number}")
        client.call(post_and_fail, "refuse")
        client.call(ring, 1)
    await client.take()
    offsets = [t.offset for record in log.replay(0) for t in transactions_of(record.body)]
    assert offsets == list(range(database.tx_offset))
    database.disconnect(client.connection)
    await database.settled()
    again = memory_database(CHAT, log=log)
    assert contents(again) == contents(database)
    assert [each.sequence for each in again.tables] == [each.sequence for each in database.tables]


async def test_numbers_that_only_events_and_failures_used_are_not_given_again_after_a_restart(
    database: Database, log: MemoryLog
) -> None:
    client = Client(database, 1)
    client.call(post_and_fail, "refuse")
    client.call(ring, 1)
    await client.take()
    drawn = database.tables[Post].sequence
    assert drawn > max(row.id for row in database.tables[Post]) + 1
    changes = [c for record in log.replay(0) for t in transactions_of(record.body) for c in t.changes]
    assert any(op == SEQUENCE for _, op, _ in changes)
    again = memory_database(CHAT, log=log)
    assert (again.tables[Post].sequence, again.tables[Ring].sequence) == (drawn, 2)


async def test_event_rows_are_told_once_and_never_stored(database: Database) -> None:
    client, other = Client(database, 1), Client(database, 2)
    other.subscribe(1, "SELECT * FROM ring")
    await other.take()
    client.call(ring, 5)
    (update,) = await other.take()
    assert len(update.query_sets[0].tables[0].rows[0].events) == 1
    assert len(database.tables[Ring]) == 0
    assert all(not index.buckets for index in database.tables[Ring].stored)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (("absent",), "no such reducer"),
        (("run_alarm",), "no such reducer"),
        (("init",), "can't directly call special Init lifecycle reducer"),
        (("client_connected",), "can't directly call special OnConnect lifecycle reducer"),
        (("client_disconnected",), "can't directly call special OnDisconnect lifecycle reducer"),
    ],
)
async def test_what_may_not_be_called(database: Database, call: tuple[str], text: str) -> None:
    client = Client(database, 1)
    await client.take()
    client.call(*call)
    assert [outcome(each) for each in await client.take()] == [m.InternalError(text)]


async def test_arguments_that_do_not_decode_are_named(database: Database) -> None:
    client = Client(database, 1)
    await client.take()
    client.call("join", b"\0\0")
    (result,) = await client.take()
    assert outcome(result).text.startswith("invalid arguments for reducer join: data too short for u64")
    follows = call_message(1, "join", b"\0\0") + bytes(20)
    assert database.receive(client.connection, follows) == len(follows) - 20
    (result,) = await client.take()
    assert outcome(result).text.startswith("invalid arguments for reducer join: ")


async def test_bytes_behind_the_arguments_are_ignored_and_not_part_of_them(database: Database) -> None:
    client = Client(database, 1)
    await client.take()
    client.call("join", (3).to_bytes(8, "little"), b"more")
    assert [outcome(each) for each in await client.take()] == [OK]


async def test_the_owner_may_call_scheduled_reducers(database: Database) -> None:
    owner = Client(database, 1, identity=OWNER_IDENTITY)
    await owner.take()
    owner.call(run_alarm, Alarm(1, Time(Timestamp(0)), "x"))
    assert [outcome(each) for each in await owner.take()] == [FATAL], "it gets in; the reducer itself refuses"


@pytest.mark.parametrize("cut", [0, 1, 3, 9, 12, 20, 29])
async def test_a_message_that_does_not_decode_raises(database: Database, cut: int) -> None:
    client = Client(database, 1)
    message = call_message(1, post, 1, "text")
    assert len(message) > 29
    with pytest.raises(DecodeError):
        database.receive(client.connection, message[:cut])


async def test_call_flags_other_than_zero_do_not_decode(database: Database) -> None:
    client = Client(database, 1)
    message = bytearray(call_message(1, join, 1))
    message[5] = 1
    with pytest.raises(DecodeError, match="invalid call reducer flag 1"):
        database.receive(client.connection, bytes(message))


async def test_one_off_queries_and_procedures_are_answered(database: Database) -> None:
    client = Client(database, 1)
    client.call(join, 0)
    await client.take()
    requests = [m.OneOffQuery(5, "SELECT * FROM post"), m.OneOffQuery(6, "SELECT"), m.CallProcedure(7, "p", b"")]
    for request in requests:
        database.receive(client.connection, encode_client_message(request))
    found, refused, procedure = await client.take()
    assert texts(found.result.tables[0].rows) == ["welcome"]
    assert isinstance(refused.result, str)
    assert procedure.status == m.InternalError("No such procedure")
    assert (found.request_id, refused.request_id, procedure.request_id) == (5, 6, 7)


async def test_unsubscribing_gives_the_rows_if_they_are_asked_for(database: Database) -> None:
    client = Client(database, 1)
    client.call(join, 0)
    for number in (1, 2):
        client.subscribe(number, "SELECT * FROM post")
    await client.take()
    for number in (1, 2, 2):
        database.receive(client.connection, encode_client_message(m.Unsubscribe(9, number, number == 1)))
    with_rows, without, error = await client.take()
    assert texts(with_rows.rows.tables[0].rows) == ["welcome"]
    assert without.rows is None
    assert isinstance(error, m.SubscriptionError)


async def test_v3_payloads_are_taken_apart_by_the_offsets(database: Database) -> None:
    client = Client(database, 1)
    await client.take()
    payload = call_message(1, join, 1) + call_message(2, post, 1, "a") + call_message(3, "absent")
    offset = 0
    while offset < len(payload):
        offset = database.receive(client.connection, payload, offset)
    assert [each.request_id for each in await client.take()] == [1, 2, 3]


async def test_http_calls_wait_until_they_are_durable(database: Database, log: MemoryLog) -> None:
    done = await database.call(STRANGER, "join", (4).to_bytes(8, "little"))
    assert (done.status, done.text) == ("committed", "")
    assert log.next_offset == database.tx_offset
    for name, status in [("absent", "unknown"), ("init", "lifecycle"), ("join", "invalid_arguments")]:
        assert (await database.call(STRANGER, name, b"")).status == status
    refused = await database.call(STRANGER, "post_and_fail", b"\6\0\0\0refuse")
    assert (refused.status, refused.text) == ("refused", "no")
    assert (await database.call(STRANGER, "post_and_fail", b"\5\0\0\0crash")).status == "fatal"


async def test_work_of_the_host_is_a_transaction(database: Database) -> None:
    def fail() -> None:
        database.tables[Post].delete(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.transact(OWNER_IDENTITY, fail)
    assert len(database.tables[Post]) == 1
    assert database.transact(OWNER_IDENTITY, lambda: database.tables[Post].delete(1))
    await database.settled()
    assert len(database.tables[Post]) == 0


async def test_full_groups_are_closed_and_keep_the_order(database: Database, log: MemoryLog) -> None:
    client = Client(database, 1)
    await client.take()
    database._committer.start_bytes = database._committer.group_bytes_max = 200
    for number in range(50):
        client.call(post, 1, f"text {number}")
        client.call("absent")
    assert [each.request_id for each in await client.take()] == list(range(1, 101))
    records = list(log.replay(0))
    assert len(records) > 10
    assert [row.text for row in database.tables[Post]][1:] == [f"text {number}" for number in range(50)]


async def test_a_transaction_that_is_too_large_for_the_log_is_undone_and_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(database, 1)
    await client.take()
    monkeypatch.setattr(transaction, "TRANSACTION_BYTES_MAX", 200)
    client.call(post, 1, "x" * 200)
    client.call(post, 1, "x")
    too_large, fits = await client.take()
    assert outcome(too_large).text.startswith("The transaction needs ")
    assert outcome(fits) == OK
    assert [row.text for row in database.tables[Post]] == ["welcome", "x"]


async def test_a_broken_invariant_ends_the_database(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(database, 1)
    client.subscribe(1, "SELECT * FROM post")
    await client.take()

    def broken(*_args: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(database.subscriptions, "publish", broken)
    client.call(post, 1, "x")
    assert client.link.closed == (1011, "the database has stopped")
    with pytest.raises(StorageError):
        Client(database, 2)


async def test_values_that_repeat_are_one_object_after_a_restart(database: Database, log: MemoryLog) -> None:
    client = Client(database, 1)
    for _ in range(3):
        client.call(post, 70_000, "x")
    await client.take()
    again = memory_database(CHAT, log=log)
    rows = [row for row in again.tables[Post] if row.room == 70_000]
    assert len({id(row.sender) for row in rows}) == len({id(row.room) for row in rows}) == 1
    assert not again.tables.interned
