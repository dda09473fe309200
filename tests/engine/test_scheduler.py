"""Timers by a clock that is moved by hand."""

import asyncio

import pytest

from agent_spaces.clock import ManualClock
from agent_spaces.engine.database import Database
from agent_spaces.engine.memory import memory_database
from agent_spaces.engine.storage.log import MemoryLog
from agent_spaces.sats import Interval, Time, TimeDuration, Timestamp
from engine.chat import CHAT, Alarm, Client, Post, set_alarm, set_clockwork

SECOND = 1_000_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def database(clock: ManualClock) -> Database:
    return memory_database(CHAT, clock)


def said(database: Database) -> list[str]:
    return [row.text for row in database.tables[Post]][1:]


def insert(database: Database, row: Alarm) -> Alarm:
    return database.transact(database.owner, lambda: database.tables[Alarm].insert(row))


async def test_a_time_fires_once_when_it_has_come_and_its_row_goes(database: Database, clock: ManualClock) -> None:
    client = Client(database, 1)
    client.call(set_alarm, clock.now_us() + 2 * SECOND, "two")
    client.call(set_alarm, clock.now_us() + SECOND, "one")
    client.call(set_alarm, clock.now_us() - SECOND, "past")
    await database.run_due()
    assert said(database) == ["past"]
    clock.advance(1)
    await database.run_due()
    assert said(database) == ["past", "one"]
    clock.advance(5)
    await database.run_due()
    await database.run_due()
    assert said(database) == ["past", "one", "two"]
    assert len(database.tables[Alarm]) == 0


async def test_an_interval_keeps_to_its_beat_and_skips_what_was_missed(database: Database, clock: ManualClock) -> None:
    Client(database, 1).call(set_clockwork, 10 * SECOND, "tick")
    for seconds, ticks in [(9, 0), (2, 1), (8, 1), (1, 2), (35, 3), (4, 3), (1, 4)]:
        clock.advance(seconds)
        await database.run_due()
        assert said(database) == ["tick"] * ticks
    assert len(database.tables[Alarm]) == 1


async def test_a_row_that_is_deleted_or_moved_does_not_fire_at_its_old_time(
    database: Database, clock: ManualClock
) -> None:
    now = clock.now_us()
    gone = insert(database, Alarm(0, Time(Timestamp(now + SECOND)), "gone"))
    moved = insert(database, Alarm(0, Time(Timestamp(now + SECOND)), "moved"))
    database.transact(database.owner, lambda: database.tables[Alarm].delete(gone.scheduled_id))
    later = Alarm(moved.scheduled_id, Time(Timestamp(now + 3 * SECOND)), "moved")
    database.transact(database.owner, lambda: database.tables[Alarm].update(later))
    clock.advance(1)
    await database.run_due()
    assert said(database) == []
    clock.advance(2)
    await database.run_due()
    assert said(database) == ["moved"]


async def test_a_one_shot_that_fails_is_gone_and_an_interval_that_fails_stays(
    database: Database, clock: ManualClock
) -> None:
    insert(database, Alarm(0, Time(Timestamp(clock.now_us())), "fail"))
    insert(database, Alarm(0, Interval(TimeDuration(SECOND)), "fail"))
    clock.advance(1)
    await database.run_due()
    assert [type(row.scheduled_at) for row in database.tables[Alarm]] == [Interval]
    assert said(database) == []


async def test_rows_that_a_timer_makes_due_fire_in_their_turn(database: Database, clock: ManualClock) -> None:
    insert(database, Alarm(0, Time(Timestamp(clock.now_us())), "again"))
    await database.run_due()
    assert said(database) == ["again", "after"]


async def test_late_ones_fire_at_once_at_start_and_intervals_begin_anew(clock: ManualClock) -> None:
    log = MemoryLog(asyncio.get_running_loop().call_soon)
    before = memory_database(CHAT, clock, log=log)
    insert(before, Alarm(0, Time(Timestamp(clock.now_us() + SECOND)), "late"))
    insert(before, Alarm(0, Interval(TimeDuration(10 * SECOND)), "tick"))
    await before.settled()
    before.stop()
    clock.advance(5)
    after = memory_database(CHAT, clock, log=log)
    for _ in range(5):  # turns of the loop; the clock stands still
        await asyncio.sleep(0)
    assert said(after) == ["late"]
    clock.advance(9)
    await after.run_due()
    assert said(after) == ["late"]
    clock.advance(1)
    await after.run_due()
    assert said(after) == ["late", "tick"]


async def test_moving_a_row_again_and_again_does_not_pile_up(database: Database, clock: ManualClock) -> None:
    row = insert(database, Alarm(0, Time(Timestamp(clock.now_us() + SECOND)), "x"))
    for number in range(1000):
        moved = Alarm(row.scheduled_id, Time(Timestamp(clock.now_us() + SECOND * (number + 2))), "x")
        database.transact(database.owner, lambda moved=moved: database.tables[Alarm].update(moved))
    assert len(database._scheduler._heap) <= 2 + 64
