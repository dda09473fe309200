"""The activity middleware against a live host: what it tells, and that it is never in the way."""

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from agent_spaces.agents import Agent
from agent_spaces.agents.keys import running
from agent_spaces.clock import ManualClock
from agent_spaces.integrations.arcan import Activity
from agent_spaces.integrations.arcan.activity import QUEUE_MAX, RUNS_MAX
from agent_spaces.testing.host import HostProcess
from integrations.arcan.conftest import WAIT_SECONDS, People


async def told(agent: Agent, channel: str = "#agent-logs") -> list[dict[str, Any]]:
    """Return the events of a channel that agents have posted."""
    return [message.event for message in await agent.history(channel, limit=1000) if message.event]


def fail(activity: Activity, clock: ManualClock) -> None:
    """Run a tool for half a second that fails."""
    with activity.tool("bash", run="run-1"):
        clock.advance(0.5)
        raise ValueError("no")


async def test_calls_and_runs_are_told_with_counts_and_durations(people: People) -> None:
    ann, clock = await people.join("ann"), ManualClock()
    async with Activity.open(ann._session, clock=clock) as activity:
        with activity.run("run-1"):
            with activity.tool("read_file", run="run-1"):
                clock.advance(0.25)
            with pytest.raises(ValueError, match="no"):
                fail(activity, clock)
            clock.advance(1)
        with pytest.raises(KeyError), activity.run("run-2"):
            raise KeyError

    assert await told(ann) == [
        {"event": "tool.completed", "tool": "read_file", "run": "run-1", "duration_ms": 250},
        {"event": "tool.failed", "tool": "bash", "run": "run-1", "duration_ms": 500},
        {
            "event": "run.finished",
            "run": "run-1",
            "reason": "completed",
            "duration_ms": 1750,
            "tools": 2,
            "tools_failed": 1,
            "tools_ms": 750,
        },
        {
            "event": "run.finished",
            "run": "run-2",
            "reason": "KeyError",
            "duration_ms": 0,
            "tools": 0,
            "tools_failed": 0,
            "tools_ms": 0,
        },
    ]
    assert (activity.posted, activity.failed, activity.dropped) == (4, 0, 0)


async def test_one_event_beyond_the_queue_is_dropped_counted_and_reported(people: People) -> None:
    ann = await people.join("ann")
    async with Activity.open(ann._session) as activity:
        fitted = [activity.tool_finished(str(n), failed=False, duration_ms=1) for n in range(QUEUE_MAX)]
        beyond = activity.tool_finished("beyond", failed=False, duration_ms=1)
        await activity.drain(WAIT_SECONDS)
        again = activity.tool_finished("again", failed=False, duration_ms=1)
        await activity.drain(WAIT_SECONDS)
    events = await told(ann)

    assert (all(fitted), beyond, again) == (True, False, True)
    assert [event["tool"] for event in events] == [*map(str, range(QUEUE_MAX)), "again"]
    assert [event["dropped"] for event in events if "dropped" in event] == [1]
    assert (activity.posted, activity.dropped) == (QUEUE_MAX + 1, 1)


async def test_a_host_that_does_not_answer_keeps_nobody_waiting(host: HostProcess, people: People) -> None:
    ann = await people.join("ann")
    host.pause()
    try:
        with capture_logs() as logs:
            async with asyncio.timeout(WAIT_SECONDS), Activity.open(ann._session, queue_max=4) as activity:
                put = [activity.tool_finished("t", failed=False, duration_ms=1) for _ in range(4)]
                await asyncio.sleep(0.1)  # the first is on its way and leaves room for one
                put += [activity.tool_finished("t", failed=False, duration_ms=1) for _ in range(2)]
    finally:
        host.go_on()

    assert put == [True, True, True, True, True, False]
    assert (activity.posted, activity.dropped) == (0, 6)
    assert next(line for line in logs if line["event"] == "activity.ended")["dropped"] == 6


async def test_what_cannot_be_posted_is_logged_and_swallowed(people: People) -> None:
    ann = await people.join("ann")
    with capture_logs() as logs:
        async with Activity.open(ann._session, "nowhere") as activity, asyncio.timeout(WAIT_SECONDS):
            with activity.tool("bash"):
                pass
            await activity.drain(WAIT_SECONDS)

    assert (activity.posted, activity.failed) == (0, 1)
    [line] = [line for line in logs if line["event"] == "activity.not_posted"]
    assert "no channel nowhere" in line["reason"]


async def test_the_keys_of_a_handlers_own_sends_are_left_alone(people: People) -> None:
    ann = await people.join("ann")
    with running("message/1") as run:
        async with Activity.open(ann._session) as activity:
            activity.tool_finished("bash", failed=False, duration_ms=1)

    assert (activity.posted, run.sends) == (1, 0)


async def test_counts_are_kept_for_so_many_runs_and_no_more(people: People) -> None:
    ann = await people.join("ann")
    async with Activity.open(ann._session, queue_max=2 * RUNS_MAX + 4) as activity:
        for number in range(RUNS_MAX):
            activity.tool_finished("t", failed=False, duration_ms=1, run=f"run-{number}")
        activity.tool_finished("t", failed=False, duration_ms=1, run="one more")
        for run in ("run-0", "run-1"):
            activity.run_finished(run, reason="completed", duration_ms=1)
        await activity.drain(WAIT_SECONDS)

    assert [event["tools"] for event in await told(ann) if event["event"] == "run.finished"] == [0, 1]


async def test_names_and_durations_from_anywhere_fit_into_an_event(people: People) -> None:
    ann = await people.join("ann")
    async with Activity.open(ann._session) as activity:
        activity.tool_finished('"\n\u202e' * 5000, failed=True, duration_ms=float("nan"), run="\\" * 5000)
        activity.run_finished("\\" * 5000, reason='"' * 5000, duration_ms=float("inf"))
    events = await told(ann)

    assert (activity.posted, activity.failed) == (2, 0)
    assert [event["duration_ms"] for event in events] == [0, 0]
    assert max(len(json.dumps(event)) for event in events) < 4000
