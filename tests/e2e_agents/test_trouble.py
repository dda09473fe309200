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

from agent_spaces.agents import Agent, Spaces, TaskHandle, Vote
from agent_spaces.agents.session import open_connection
from agent_spaces.client import Address
from agent_spaces.fabric.types import MessageType, TaskState
from agent_spaces.testing.host import HostProcess, running_host
from e2e_agents.rig import MOVES, PROCESSES, WORKERS_OF_EACH, Trouble, gangs_at_work
from e2e_agents.witness import Witness
from e2e_agents.worker import CHANNEL, SKILL, choice_of

TASKS = int(os.environ.get("SPACES_TROUBLE_TASKS", "150"))
OPTIONS = ["red", "green", "blue"]
QUORUM = 15
SHORT_SECONDS, LONG_SECONDS = 2, 3600  # a vote that its time ends, and one that only the last ballot can end
OPEN_VOTES_MAX = 5  # of one creator, by the contract
ELECTORS = PROCESSES * WORKERS_OF_EACH + 1
WAIT_SECONDS = 240


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
    while len(await boss.query("SELECT * FROM agent_card")) < ELECTORS:
        await asyncio.sleep(0.2)


async def hand_out(boss: Agent, trouble: Trouble) -> list[TaskHandle]:
    """Submit a part of the tasks before each move and after the last one."""
    handles = []
    for number in range(TASKS):
        await trouble.until_move(number * (len(MOVES) + 1) // TASKS)
        handles.append(
            await boss.submit(CHANNEL, f"Task {number}", number, skill=SKILL, failures_max=20, key=f"task/{number}")
        )
    return handles


async def hold_votes(boss: Agent, trouble: Trouble) -> list[Vote]:
    """Open a vote before each move and after the last one, in turn one for its time and one for its last ballot."""
    votes = []
    for number in range(len(MOVES) + 1):
        await trouble.until_move(number)
        if number >= OPEN_VOTES_MAX:
            await votes[number - OPEN_VOTES_MAX].outcome()
        closes_in = SHORT_SECONDS if number % 2 == 0 else LONG_SECONDS
        votes.append(
            await boss.vote(
                CHANNEL,
                "Which?",
                OPTIONS,
                quorum=QUORUM,
                closes_in=closes_in,
                electorate="agents",
                key=f"vote/{number}",
            )
        )
    return votes


def check_tasks(found: dict[str, list[Any]], results: list[dict[str, int]]) -> None:
    events = events_of(found["message"], "task")
    completed = {event["task"]: event["attempt"] for event in told(found["message"], "task.completed")}
    texts = {row.task_id: json.loads(row.result) for row in found["task_text"] if row.result is not None}
    tasks = {row.id: row for row in found["task"]}

    assert len(tasks) == TASKS
    assert {row.state for row in tasks.values()} == {TaskState.COMPLETED}
    assert events["task.completed"] == Counter(dict.fromkeys(tasks, 1)), "every task ends exactly once"
    assert events["task.submitted"] == Counter(dict.fromkeys(tasks, 1)), "a task that is submitted twice is one"
    for task_id, row in tasks.items():
        assert texts[task_id]["attempt"] == completed[task_id] == row.attempt, "the result is the last attempt's"
        assert events["task.claimed"][task_id] == row.attempt, "every attempt is one claim"
    assert [result["number"] for result in results] == list(range(TASKS))
    said = Counter((m.sender, m.content) for m in found["message"] if m.message_type == MessageType.TEXT)
    assert set(said.values()) == {1}, "what a worker sends with a key is sent once, over all its lives"
    spoken = {content for _, content in said}
    assert spoken <= {f"done {number}" for number in range(TASKS)}
    assert spoken >= {f"done {result['number']}" for result in results if "late" not in result}


def told(messages: list[Any], event: str) -> list[dict[str, Any]]:
    """Return the contents of the AgentEvents of one name."""
    contents = [json.loads(m.content) for m in messages if m.message_type == MessageType.AGENT_EVENT]
    return [content for content in contents if content["event"] == event]


def events_of(messages: list[Any], noun: str) -> dict[str, Counter[int]]:
    """Return how often each event told of each task or vote."""
    events: dict[str, Counter[int]] = {}
    for message in messages:
        if message.message_type == MessageType.AGENT_EVENT:
            event = json.loads(message.content)
            if noun in event:
                events.setdefault(event["event"], Counter())[event[noun]] += 1
    return events


def check_votes(found: dict[str, list[Any]]) -> None:
    names = {row.identity: row.username for row in found["user_profile"]}
    votes = {row.id: row for row in found["vote"]}
    events = events_of(found["message"], "vote")

    assert len(votes) == len(MOVES) + 1
    assert events["vote.opened"] == events["vote.closed"] == Counter(dict.fromkeys(votes, 1)), "each ends exactly once"
    for event in told(found["message"], "vote.closed"):
        vote = votes[event["vote"]]
        ballots = {ballot.voter: ballot for ballot in found["ballot"] if ballot.vote_id == vote.id}
        choices = Counter(choice_of(vote.id, names[voter], len(OPTIONS)) for voter in ballots)
        tally, outcome = model_of(choices)
        assert {voter: ballot.choice for voter, ballot in ballots.items()} == {
            voter: choice_of(vote.id, names[voter], len(OPTIONS)) for voter in ballots
        }
        assert sum(ballot.vote_id == vote.id for ballot in found["ballot"]) == len(ballots), "one ballot each"
        assert all(ballot.cast_at < vote.closes_at for ballot in ballots.values())
        assert (vote.closed, vote.tally, vote.outcome, vote.ballots) == (True, tally, outcome, len(ballots))
        assert (event["tally"], event["outcome"], event["ballots"]) == (tally, outcome, len(ballots))
        if vote.closes_at - vote.created_at > SHORT_SECONDS * 1_000_000:
            assert len(ballots) == vote.electors == ELECTORS, "nobody's ballot is forgotten"


def model_of(choices: Counter[int]) -> tuple[list[int], int | None]:
    """Return tally and outcome of a vote by the rule as the contract says it."""
    tally = [choices[option] for option in range(len(OPTIONS))]
    winners = [option for option in range(len(OPTIONS)) if tally[option] == max(tally)]
    return tally, winners[0] if sum(tally) >= QUORUM and len(winners) == 1 else None


def make_boss(host: HostProcess) -> Agent:
    boss = Spaces.connect(host.url).agent("boss")

    @boss.on_vote()
    async def judge(vote: Vote) -> int:
        return choice_of(vote.id, "boss", len(OPTIONS))

    return boss


@pytest.mark.timeout(2 * WAIT_SECONDS)
@pytest.mark.parametrize("seed", seeds())
async def test_every_task_and_vote_ends_once_whatever_happens(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    async with running_host(tmp_path / "data") as host:
        async with (
            asyncio.timeout(WAIT_SECONDS),
            gangs_at_work(host, tmp_path, seed) as gangs,
            make_boss(host) as boss,
            Witness.of(host) as witness,
        ):
            await everybody_is_there(boss)
            await unlimited(host)
            trouble = Trouble(host, gangs, random.Random(seed), witness.open_work)
            async with asyncio.TaskGroup() as group:
                group.create_task(trouble.make())
                submitting = group.create_task(hand_out(boss, trouble))
                voting = group.create_task(hold_votes(boss, trouble))
            results = [await handle.result(dict[str, int]) for handle in submitting.result()]
            for vote in voting.result():
                await vote.outcome()
            left = await boss.query("SELECT * FROM inbox_item")
        found = await tables_of(host, "task", "task_text", "message", "vote", "ballot", "user_profile")

    assert [move for move, _, _ in trouble.told] == list(MOVES)
    assert all(held and votes for move, held, votes in trouble.told if move == "host"), trouble.told
    assert witness.wrong == []
    assert left == []
    check_tasks(found, results)
    check_votes(found)


async def unlimited(host: HostProcess) -> None:
    """Let agents say as much as they like in the channel: here nobody else speaks."""
    async with await open_connection(Address(host.url, "spaces"), host.owner_token) as connection:
        await connection.call("update_channel", channel_id=1, agent_streak_max=0)
