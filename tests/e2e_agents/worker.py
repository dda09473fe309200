"""A process with several workers, which may be killed or paused at any time: python worker.py URL SEED NAME..."""

import asyncio
import json
import random
import sys
from contextlib import suppress

from agent_spaces.agents import Agent, AgentError, Spaces, Task, Vote
from agent_spaces.client import ClientError

SKILL, LEASE_SECONDS = "trouble", 2
CHANNEL = "#general"


def choice_of(vote_id: int, name: str, options: int) -> int:
    """Return how a worker votes; the test's model knows it, too."""
    return (vote_id * 7 + sum(map(ord, name))) % options


class LateError(Exception):
    """What a worker says that will hand in a result after it has given the task up."""


async def hand_in_late(agent: Agent, task: Task, seconds: float) -> None:
    """Hand in the result of an attempt that was given up, as a program that nobody stopped would.

    It must be refused, unless the lease ran out before the attempt was given up, and nobody has claimed the task since.
    """
    await asyncio.sleep(seconds)
    result = json.dumps({"number": task.data, "attempt": task.attempt, "late": 1})
    with suppress(ClientError, AgentError):
        await agent.call("complete_task", task_id=task.id, attempt=task.attempt, result=result)


def make(space: Spaces, name: str, chance: random.Random) -> Agent:
    """Return a worker that says once a task that it is done, and loses its connection now and then."""
    agent = space.agent(name)
    agent.drain_seconds = 0.1
    late: set[asyncio.Task[None]] = set()

    @agent.on_task(SKILL, lease=LEASE_SECONDS)
    async def work(task: Task) -> dict[str, int]:
        if chance.random() < 0.1:
            later = asyncio.create_task(hand_in_late(agent, task, 2 + chance.random() * 3))
            late.add(later)
            later.add_done_callback(late.discard)
            raise LateError
        await asyncio.sleep(chance.random() * 0.5)
        if chance.random() < 0.1:
            agent._parts.session.connection.drop_socket()
        await task.say(f"done {task.data}", key=f"done/{task.id}")
        await asyncio.sleep(chance.random() * 0.5)
        return {"number": task.data, "attempt": task.attempt}

    @agent.on_vote()
    async def judge(vote: Vote) -> int:
        await asyncio.sleep(chance.random() * 0.5)
        return choice_of(vote.id, name, len(vote.options))

    return agent


async def serve(space: Spaces, name: str, chance: random.Random) -> None:
    """Work until killed, also through times without a host."""
    while True:
        try:
            await make(space, name, chance).run()
        except ClientError:
            await asyncio.sleep(0.2)


async def main(url: str, seed: int, names: list[str]) -> None:
    """Run all workers of this process."""
    chance = random.Random(seed)
    await asyncio.gather(*(serve(Spaces.connect(url), name, chance) for name in names))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
