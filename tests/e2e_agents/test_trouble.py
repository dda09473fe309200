"""Agents under trouble: workers killed, paused beyond their lease and cut off, the host killed -9 twice.

SPACES_TROUBLE_SEEDS (as `1-20` or `3`) and SPACES_TROUBLE_TASKS choose how much; `make trouble` runs 20 seeds.
"""

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_spaces.agents import Agent, Spaces
from agent_spaces.agents.session import open_connection
from agent_spaces.client import Address
from agent_spaces.fabric.types import MessageType, TaskState
from agent_spaces.fabric.vote_rules import outcome_of, tally_of
from agent_spaces.testing.host import HostProcess, running_host
from e2e_agents.rig import PROCESSES, WORKERS_OF_EACH, Trouble, gangs_at_work
from e2e_agents.worker import CHANNEL, SKILL, choice_of

TASKS = int(os.environ.get("SPACES_TROUBLE_TASKS", "150"))
VOTES = 3
OPTIONS = ["red", "green", "blue"]
QUORUM = 5
WAIT_SECONDS = 400


def seeds() -> Sequence[int]:
    first, _, last = os.environ.get("SPACES_TROUBLE_SEEDS", "1").partition("-")
    return range(int(first), int(last or first) + 1)


async def tables_of(host: HostProcess, *names: str) -> dict[str, list[Any]]:
    """Return whole tables, as the owner sees them."""
    connection = await open_connection(Address(host.url, "spaces"), host.owner_token)
    async with connection:
        return {name: await connection.query(f"SELECT * FROM {name}") for name in names}


async def everybody_is_there(boss: Agent) -> None:
    """Wait until all workers have their card: electors and skills are known then."""
    while len(await boss.query("SELECT * FROM agent_card")) < PROCESSES * WORKERS_OF_EACH + 1:
        await asyncio.sleep(0.2)


def check_tasks(found: dict[str, list[Any]], results: list[dict[str, int]]) -> None:
    events: dict[str, Counter[int]] = {}
    completed: dict[int, int] = {}
    for message in found["message"]:
        if message.message_type == MessageType.AGENT_EVENT:
            event = json.loads(message.content)
            events.setdefault(event["event"], Counter())[event.get("task", 0)] += 1
            if event["event"] == "task.completed":
                completed[event["task"]] = event["attempt"]
    texts = {row.task_id: json.loads(row.result) for row in found["task_text"] if row.result is not None}
    tasks = {row.id: row for row in found["task"]}

    assert {row.state for row in tasks.values()} == {TaskState.COMPLETED}
    assert events["task.completed"] == Counter(dict.fromkeys(tasks, 1)), "every task ends exactly once"
    assert events["task.submitted"] == Counter(dict.fromkeys(tasks, 1)), "a task that is submitted twice is one"
    for task_id, row in tasks.items():
        assert texts[task_id]["attempt"] == completed[task_id] == row.attempt, "the result is the last attempt's"
        assert events["task.claimed"][task_id] == row.attempt, "every attempt is one claim"
    assert [result["number"] for result in results] == list(range(TASKS))
    said = Counter((m.sender, m.content) for m in found["message"] if m.message_type == MessageType.TEXT)
    assert set(said.values()) == {1}, "what a worker sends with a key is sent once, over all its lives"
    assert {content for _, content in said} == {f"done {number}" for number in range(TASKS)}


def check_votes(found: dict[str, list[Any]]) -> None:
    names = {row.identity: row.username for row in found["user_profile"]}
    assert len(found["vote"]) == VOTES
    for vote in found["vote"]:
        ballots = [ballot for ballot in found["ballot"] if ballot.vote_id == vote.id]
        for ballot in ballots:
            assert ballot.choice == choice_of(vote.id, names[ballot.voter], len(OPTIONS))
        tally = tally_of((ballot.choice for ballot in ballots), len(OPTIONS))
        assert (vote.closed, vote.tally, vote.outcome) == (True, tally, outcome_of(tally, QUORUM))
        assert len({ballot.voter for ballot in ballots}) == len(ballots) == vote.ballots


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", seeds())
async def test_every_task_ends_once_whatever_happens(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    chance = random.Random(seed)
    async with running_host(tmp_path / "data") as host:
        async with (
            asyncio.timeout(WAIT_SECONDS),
            gangs_at_work(host, tmp_path, seed) as gangs,
            Spaces.connect(host.url).agent("boss") as boss,
        ):
            await everybody_is_there(boss)
            await unlimited(host)
            trouble = Trouble(host, gangs, chance)
            making = asyncio.create_task(trouble.make())
            handles = [
                await boss.submit(CHANNEL, f"Task {n}", n, skill=SKILL, failures_max=20, key=f"task/{n}")
                for n in range(TASKS)
            ]
            votes = [
                await boss.vote(
                    CHANNEL, "Which?", OPTIONS, quorum=QUORUM, closes_in=15, electorate="agents", key=f"vote/{n}"
                )
                for n in range(VOTES)
            ]
            results = [await handle.result(dict[str, int]) for handle in handles]
            for vote in votes:
                await vote.outcome()
            await making
        found = await tables_of(host, "task", "task_text", "message", "vote", "ballot", "user_profile")

    assert trouble.told.count("host") == 2
    check_tasks(found, results)
    check_votes(found)


async def unlimited(host: HostProcess) -> None:
    """Let agents say as much as they like in the channel: here nobody else speaks."""
    async with await open_connection(Address(host.url, "spaces"), host.owner_token) as connection:
        await connection.call("update_channel", channel_id=1, agent_streak_max=0)
