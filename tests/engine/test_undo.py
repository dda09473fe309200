"""What happens when the log cannot be written: nothing acknowledged is lost, nothing told is untrue, and it resumes."""

import asyncio

import pytest

from agent_spaces.clock import ManualClock
from agent_spaces.engine import committer
from agent_spaces.engine.database import Database
from agent_spaces.engine.memory import memory_database
from agent_spaces.errors import StorageError
from agent_spaces.wire import messages as m
from engine.chat import CHAT, Client, FailingLog, Online, Post, contents, join, leave, post, set_alarm

REASON = "No space left on device. "
UNWRITTEN = f"{REASON}Nothing of this call was kept."
# The disk may have the bytes of the group whose own write failed.
IN_DOUBT = f"{REASON}This call was undone; only if the host ends before the log works again may it come back."


@pytest.fixture
def log() -> FailingLog:
    return FailingLog(lambda callback: asyncio.get_running_loop().call_soon(callback))


@pytest.fixture(autouse=True)
def quick_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer, "RECOVER_S_MIN", 0.001)
    monkeypatch.setattr(committer, "RECOVER_S_MAX", 0.001)


@pytest.fixture
async def database(log: FailingLog) -> Database:
    return memory_database(CHAT, log=log)


async def in_room(database: Database, number: int) -> Client:
    client = Client(database, number)
    client.call(join, 1)
    client.subscribe(1, "SELECT * FROM post")
    await client.take()
    return client


async def resumed(database: Database) -> None:
    while True:
        try:
            await database.settled()
            database.transact(database.owner, lambda: None)
        except StorageError:
            await asyncio.sleep(0.001)
        else:
            return


async def test_calls_of_the_failed_group_and_of_those_behind_it_are_undone_and_told_so(
    database: Database, log: FailingLog
) -> None:
    client, other = await in_room(database, 1), await in_room(database, 2)
    before, offset = contents(database), database.tx_offset
    log.broken = True
    client.call(post, 1, "in the group that fails")
    while log.appends and not log.failed:
        client.call(post, 1, "on top of it")
        await asyncio.sleep(0)
    answers = await client.take()
    assert len(answers) >= 2
    assert all(each.result == m.InternalError(IN_DOUBT) for each in answers)
    assert [each.request_id for each in answers] == sorted(each.request_id for each in answers)
    assert (contents(database), database.tx_offset) == (before, offset)
    assert other.link.take() == []


async def test_reading_goes_on_and_writing_resumes_without_a_restart(database: Database, log: FailingLog) -> None:
    client, other = await in_room(database, 1), await in_room(database, 2)
    log.broken = True
    client.call(post, 1, "lost")
    await client.take()
    client.call(post, 1, "refused at once")
    other.subscribe(2, "SELECT * FROM member")
    assert [each.result for each in await client.take()] == [m.InternalError(UNWRITTEN)]
    assert [type(each) for each in await other.take()] == [m.SubscribeApplied]
    with pytest.raises(StorageError):
        Client(database, 3)
    log.broken = False
    await resumed(database)
    client.call(post, 1, "kept")
    assert [type(each.result) for each in await client.take()] == [m.ReducerOk]
    (update,) = await other.take()
    assert len(update.query_sets[0].tables[0].rows[0].inserts) == 1
    assert [row.text for row in database.tables[Post]] == ["welcome", "kept"]
    again = memory_database(CHAT, log=log)
    assert again.tables[Post].rows == database.tables[Post].rows
    assert again.tables[Post].sequence == database.tables[Post].sequence


async def test_rights_that_were_undone_are_undone_for_subscribers_too(database: Database, log: FailingLog) -> None:
    member, leaver, late = await in_room(database, 1), await in_room(database, 2), Client(database, 3)
    late.subscribe(1, "SELECT * FROM post")
    await late.take()
    log.broken = True
    leaver.call(leave, 1)
    late.call(join, 1)
    await member.take()
    log.broken = False
    await resumed(database)
    for each in (leaver, late):
        each.link.take()
    member.call(post, 1, "who reads this?")
    await member.take()
    assert [type(each) for each in leaver.link.take()] == [m.TransactionUpdate]
    assert late.link.take() == []


async def test_who_was_to_get_rows_of_an_undone_group_is_closed(database: Database, log: FailingLog) -> None:
    writer, reader = await in_room(database, 1), await in_room(database, 2)
    log.broken = True
    writer.call(post, 1, "never durable")
    reader.subscribe(2, "SELECT * FROM post")
    assert [each.result for each in await writer.take()] == [m.InternalError(IN_DOUBT)]
    assert reader.link.closed == (1011, UNWRITTEN)
    assert writer.link.closed is None


async def test_who_connected_in_an_undone_group_was_never_there(database: Database, log: FailingLog) -> None:
    log.broken = True
    client = Client(database, 1)
    with pytest.raises(StorageError):
        await database.settled()
    assert client.link.closed == (1011, UNWRITTEN)
    assert (client.link.take(), database.connections, len(database.tables[Online])) == ([], {}, 0)
    database.disconnect(client.connection)
    log.broken = False
    await resumed(database)
    Client(database, 1)
    assert len(database.tables[Online]) == 1


async def test_a_disconnect_that_was_undone_or_came_meanwhile_is_done_on_resuming(
    database: Database, log: FailingLog
) -> None:
    first, second, third = Client(database, 1), Client(database, 2), Client(database, 3)
    await third.take()
    log.broken = True
    database.disconnect(first.connection)
    with pytest.raises(StorageError):
        await database.settled()
    database.disconnect(second.connection)
    assert len(database.tables[Online]) == 3
    log.broken = False
    await resumed(database)
    assert [row.identity for row in database.tables[Online]] == [third.identity]


async def test_http_calls_hear_of_it(database: Database, log: FailingLog) -> None:
    log.broken = True
    room = (1).to_bytes(8, "little")
    assert (await database.call(database.owner, "join", room)).status == "unavailable"
    outcome = await database.call(database.owner, "join", room)
    assert (outcome.status, outcome.text) == ("unavailable", UNWRITTEN)
    assert (await database.call(database.owner, "absent", b"")).status == "unknown"


async def test_timers_wait_until_the_log_works_and_fire_again_if_they_were_undone(log: FailingLog) -> None:
    clock = ManualClock()
    database = memory_database(CHAT, clock, log=log)
    client = Client(database, 1)
    client.call(set_alarm, clock.now_us() + 1_000_000, "ding")
    await client.take()
    log.broken = True
    clock.advance(1)
    with pytest.raises(StorageError):
        await database.run_due()
    await database.run_due()
    assert [row.text for row in database.tables[Post]] == ["welcome"]
    log.broken = False
    await resumed(database)
    await database.run_due()
    assert [row.text for row in database.tables[Post]] == ["welcome", "ding"]


async def test_groups_that_are_full_and_wait_are_undone_with_the_others(
    database: Database, log: FailingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await in_room(database, 1)
    before = contents(database)
    database._committer.start_bytes = database._committer.group_bytes_max = 200
    log.broken = True
    for number in range(20):
        client.call(post, 1, f"text {number}")
    answers = await client.take()
    assert [each.request_id for each in answers] == list(range(3, 23))
    assert {type(each.result) for each in answers} == {m.InternalError}
    assert contents(database) == before
