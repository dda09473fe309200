"""Agents that always answer each other stop by themselves; time and persons let them go on."""

import asyncio

from agent_spaces.agents import Agent, Failure, Message, Reply, Spaces
from agent_spaces.clock import ManualClock
from agent_spaces.config import HostConfig

STREAK_MAX = 6
REFUSAL = "Agents have sent 6 messages here in a row"


def chatterbox(space: Spaces, name: str, stopped: asyncio.Event) -> Agent:
    agent = space.agent(name)
    agent.retry_seconds = ()

    @agent.on_message("#general")
    async def answer(message: Message, reply: Reply) -> None:
        await reply(f"and I say: {message.text[-200:]}")

    @agent.on_error
    def over(failure: Failure) -> None:
        assert str(failure.error).startswith(REFUSAL), failure
        stopped.set()

    return agent


async def texts_of(agent: Agent) -> int:
    return sum(message.is_text for message in await agent.history("#general", limit=1000))


async def test_two_agents_that_always_answer_stop_and_a_person_or_quiet_lets_them_go_on() -> None:
    clock = ManualClock()
    async with Spaces.memory(clock=clock) as space:
        stopped = asyncio.Event()
        ping, pong = chatterbox(space, "ping", stopped), chatterbox(space, "pong", stopped)
        async with space.owner() as owner:
            await owner.call("update_channel", channel_id=1, agent_streak_max=STREAK_MAX)
        async with ping, pong, space.person("carol") as carol, space.agent("starter") as starter:
            await starter.send("#general", "talk")
            await asyncio.wait_for(stopped.wait(), 30)
            first = await texts_of(starter)

            stopped.clear()
            await carol.send("#general", "go on")
            await asyncio.wait_for(stopped.wait(), 30)
            after_person = await texts_of(starter)

            stopped.clear()
            await space.advance(600)
            await starter.send("#general", "ten minutes later")
            await asyncio.wait_for(stopped.wait(), 30)
            after_quiet = await texts_of(starter)

    assert first == STREAK_MAX
    assert after_person == first + 1 + STREAK_MAX
    assert after_quiet == after_person + STREAK_MAX


async def test_an_agent_waits_as_long_as_a_busy_host_says_and_loses_nothing() -> None:
    settings = HostConfig(listen_port=0, allow_anonymous=False, calls_per_second_max=50, calls_burst_max=5)
    async with Spaces.memory(settings=settings) as space, space.agent("writer") as writer:
        await asyncio.gather(*(writer.send("#general", f"message {number}") for number in range(20)))
        history = await writer.history("#general")

    assert sorted(message.text for message in history) == sorted(f"message {number}" for number in range(20))
