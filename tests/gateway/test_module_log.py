"""The log that /logs shows: bounded, and followers that do not read are let go."""

import asyncio
import json
from typing import Any

from agent_spaces.clock import ManualClock
from agent_spaces.gateway.module_log import FOLLOWER_LINES_MAX, LogRing


def messages(lines: list[bytes]) -> list[str]:
    return [json.loads(line)["message"] for line in lines]


def ring(lines_max: int = 3) -> LogRing:
    return LogRing(lines_max, ManualClock())


def test_the_last_lines_are_kept() -> None:
    log = ring()
    for number in range(5):
        log.add("Info", str(number))

    assert messages(log.last(None)) == ["2", "3", "4"]
    assert messages(log.last(2)) == ["3", "4"]
    assert messages(log.last(9)) == ["2", "3", "4"]
    assert log.last(0) == []


def test_an_event_becomes_a_line_with_its_keys() -> None:
    log = ring()
    log.tap({"event": "call.failed", "level": "error", "reducer": "boom", "duration_us": 7, "logger": "x"})

    line: dict[str, Any] = json.loads(log.last(None)[0])
    assert line == {
        "level": "Error",
        "ts": ManualClock().now_us(),
        "target": "__spacetimedb__",
        "filename": "__spacetimedb__",
        "function": "boom",
        "message": "call.failed reducer=boom duration_us=7",
    }


async def test_a_follower_gets_old_and_new_lines_until_the_end() -> None:
    log = ring()
    log.add("Info", "old")
    follower = log.follow(None)
    assert messages([await anext(follower)]) == ["old"]
    log.add("Info", "new")
    log.close()

    assert messages([line async for line in follower]) == ["new"]


async def test_a_follower_that_falls_behind_is_let_go() -> None:
    log = ring()
    log.add("Info", "0")
    follower = log.follow(None)
    await anext(follower)
    for number in range(FOLLOWER_LINES_MAX + 1):
        log.add("Info", str(number))

    async with asyncio.timeout(5):
        lines = [line async for line in follower]
    assert len(lines) == FOLLOWER_LINES_MAX - 1


async def test_lines_of_other_threads_reach_followers() -> None:
    log = ring()
    log.add("Info", "old")
    follower = log.follow(None)
    await anext(follower)

    await asyncio.to_thread(log.add, "Info", "from elsewhere")

    assert messages([await anext(follower)]) == ["from elsewhere"]
    log.close()
    assert [line async for line in follower] == []
