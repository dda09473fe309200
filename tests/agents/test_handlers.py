"""Handlers say what they want to be given; what calls is handled at least once and acknowledged after."""

import asyncio
import threading
from typing import Any

import pytest

from agent_spaces.agents import (
    Agent,
    AgentError,
    DirectMessage,
    Failure,
    HandlerSignatureError,
    Item,
    Message,
    Reply,
    Spaces,
)
from agent_spaces.agents.sync import SyncAgent, SyncMessage, SyncReply


def test_a_parameter_that_cannot_be_given_is_named_at_the_decorator() -> None:
    agent = Spaces.memory().agent("reviewer")

    with pytest.raises(HandlerSignatureError, match=r"hello asks for 'colour'.*it may take message: Message"):

        @agent.on_message(mentions=True)
        async def hello(message: Message, colour: str) -> None: ...


def test_a_class_of_another_kind_of_handler_is_named_too() -> None:
    agent = Spaces.memory().agent("reviewer")

    with pytest.raises(HandlerSignatureError, match="asks for 'reply'"):

        @agent.on_vote()
        async def vote(reply: Reply) -> str: ...


@pytest.mark.parametrize("concurrency", [0, 1001])
def test_concurrency_has_bounds(concurrency: int) -> None:
    with pytest.raises(HandlerSignatureError, match="1 to 1000"):
        Spaces.memory().agent("a").on_message("#general", concurrency=concurrency)(print)


def test_a_channel_or_mentions_have_to_be_said() -> None:
    with pytest.raises(AgentError, match="mentions=True"):
        Spaces.memory().agent("a").on_message()


@pytest.mark.parametrize("decorator", ["on_message", "on_task", "on_vote", "on_inbox"])
def test_a_decorator_without_brackets_says_so_and_drops_no_function(decorator: str) -> None:
    async def hello() -> None: ...

    with pytest.raises(AgentError, match=f"@agent.{decorator}"):
        getattr(Spaces.memory().agent("reviewer"), decorator)(hello)


def test_a_kind_of_items_that_there_is_not_is_named() -> None:
    with pytest.raises(AgentError, match=r"no items of kind 'mentions'; there are direct_message, task, vote, mention"):
        Spaces.memory().agent("reviewer").on_inbox("mentions")


async def test_an_inbox_handler_without_kinds_takes_all_that_is_left(space: Spaces) -> None:
    kinds: list[str] = []
    agent = space.agent("reviewer")

    @agent.on_inbox()
    async def take(item: Item) -> None:
        kinds.append(item.kind)

    async with agent, space.person("carol") as carol:
        await carol.send("#general", "@reviewer hi")
        await carol.dm("@reviewer", "psst")
        await carol.submit("#general", "For you", target="@reviewer")
        while len(kinds) < 3:
            await asyncio.sleep(0.02)

    assert sorted(kinds) == ["direct_message", "mention", "task_offered"]


async def test_parameters_are_found_by_class_whatever_their_name(space: Spaces) -> None:
    got: list[Any] = []
    done = asyncio.Event()
    agent = space.agent("reviewer")

    @agent.on_message(mentions=True)
    async def hello(said: Message, me: Agent, extra: int = 3) -> None:
        got.extend([said.text, me.name, extra])
        done.set()

    async with agent, space.person("carol") as carol:
        await carol.send("#general", "@reviewer hi")
        await asyncio.wait_for(done.wait(), 30)

    assert got == ["@reviewer hi", "reviewer", 3]


async def test_an_ordinary_function_runs_on_a_thread_with_objects_that_wait(space: Spaces) -> None:
    got: list[Any] = []
    agent = space.agent("reviewer")

    @agent.on_message(mentions=True)
    def hello(message: SyncMessage, reply: SyncReply, agent: SyncAgent) -> None:
        got.append(threading.current_thread() is threading.main_thread())
        reply(f"I am {agent.name}")

    async with agent, space.person("carol") as carol:
        answer = await carol.ask("#general", "@reviewer who?", timeout=30)

    assert (answer.text, got) == ("I am reviewer", [False])


async def test_what_raised_is_reported_tried_again_and_loses_nothing(space: Spaces) -> None:
    """The first item fails twice; the second is handled meanwhile; what the first sends is sent once."""
    tries: list[str] = []
    failures: list[Failure] = []
    agent = space.agent("reviewer")
    agent.retry_seconds = (0.05, 0.05)
    agent.on_error(failures.append)

    @agent.on_message(mentions=True)
    async def hello(message: Message, reply: Reply) -> None:
        tries.append(message.text[-1])
        await reply(f"answer {message.text[-1]}, try {len(tries)}")
        if message.text.endswith("1") and tries.count("1") < 3:
            raise ValueError("not today")

    async with agent, space.person("carol") as carol:
        await carol.send("#general", "@reviewer 1")
        await carol.ask("#general", "@reviewer 2", timeout=30)
        while tries.count("1") < 3 or await agent.query("SELECT * FROM inbox_item"):
            await asyncio.sleep(0.02)
        replies = [m.text for m in await carol.history("#general") if m.author.name == "reviewer"]

    assert sorted(tries) == ["1", "1", "1", "2"]
    assert [failure.tries for failure in failures] == [1, 2]
    assert str(failures[0].error) == "not today"
    assert len(replies) == 2
    assert replies[0] == "answer 1, try 1"


async def test_what_never_succeeds_stays_in_the_inbox_and_comes_at_the_next_start(space: Spaces) -> None:
    failures: list[Failure] = []
    given_up = asyncio.Event()
    agent = space.agent("reviewer")
    agent.retry_seconds = (0.01,)

    @agent.on_error
    def report(failure: Failure) -> None:
        failures.append(failure)
        if failure.retry_seconds is None:
            given_up.set()

    @agent.on_message(mentions=True)
    async def hello(message: Message) -> None:
        raise ValueError("never")

    async with space.person("carol") as carol:
        async with agent:
            await carol.send("#general", "@reviewer hi")
            await asyncio.wait_for(given_up.wait(), 30)
        async with space.agent("reviewer") as again:
            item = await asyncio.wait_for(anext(again.inbox()), 30)

    assert len(failures) == 2
    assert (item.kind, item.text, item.author.name) == ("mention", "@reviewer hi", "carol")


async def test_a_handler_stopped_in_the_middle_is_run_again_and_sends_once(space: Spaces) -> None:
    """The agent goes away after its handler has sent and before it returned: the next start handles it again."""
    runs: list[str] = []

    def make(drain: bool) -> Agent:
        agent = space.agent("reviewer")
        agent.drain_seconds = 0.01

        @agent.on_message(mentions=True)
        async def hello(message: Message, reply: Reply) -> None:
            runs.append("run")
            await reply(f"run {len(runs)}")
            sent.set()
            if len(runs) == 1:
                await asyncio.Event().wait()

        return agent

    async with space.person("carol") as carol:
        sent = asyncio.Event()
        async with make(drain=False):
            await carol.send("#general", "@reviewer hi")
            await asyncio.wait_for(sent.wait(), 30)
        async with make(drain=True) as agent:
            while len(runs) < 2 or await agent.query("SELECT * FROM inbox_item"):
                await asyncio.sleep(0.02)
        replies = [m.text for m in await carol.history("#general") if m.author.name == "reviewer"]

    assert replies == ["run 1"]


async def test_a_direct_message_that_raised_is_not_lost_behind_the_next_one(space: Spaces) -> None:
    tries: list[str] = []
    agent = space.agent("reviewer")
    agent.retry_seconds = (0.05,)

    @agent.on_direct_message
    async def hello(message: DirectMessage) -> None:
        tries.append(message.text)
        if message.text == "one" and tries.count("one") == 1:
            raise ValueError("not today")

    async with agent, space.person("carol") as carol:
        await carol.dm("@reviewer", "one")
        await carol.dm("@reviewer", "two")
        while tries.count("one") < 2 or await agent.query("SELECT * FROM direct_message WHERE read = false"):
            await asyncio.sleep(0.02)

    assert sorted(tries) == ["one", "one", "two"]


async def test_a_direct_message_that_never_succeeds_comes_at_the_next_start(space: Spaces) -> None:
    answered = asyncio.Event()
    agent = space.agent("reviewer")
    agent.retry_seconds = ()

    @agent.on_direct_message
    async def hello(message: DirectMessage, reply: Reply) -> None:
        if message.text == "one":
            raise ValueError("never")
        await reply("yes")
        answered.set()

    async with space.person("carol") as carol:
        async with agent:
            await carol.dm("@reviewer", "one")
            await carol.dm("@reviewer", "two")
            await asyncio.wait_for(answered.wait(), 30)
        async with space.agent("reviewer") as again:
            item = await asyncio.wait_for(anext(again.inbox()), 30)

    assert (item.kind, item.text) == ("direct_message", "one")


async def test_as_many_functions_block_at_once_as_concurrency_says(space: Spaces) -> None:
    together = threading.Barrier(24)
    agent = space.agent("reviewer")
    failures: list[Failure] = []
    agent.on_error(failures.append)

    @agent.on_task("wait", concurrency=24)
    def wait() -> None:
        together.wait(30)

    async with agent, space.agent("boss") as boss:
        handles = [await boss.submit("#general", f"Wait {n}", skill="wait") for n in range(24)]
        for handle in handles:
            await handle.result(timeout=60)

    assert failures == []


async def test_so_many_at_a_time_and_no_more(space: Spaces) -> None:
    running, most, done = 0, 0, 0
    agent = space.agent("reviewer")

    @agent.on_message("#general", concurrency=3)
    async def hello(message: Message) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running, done = running - 1, done + 1

    async with agent, space.person("carol") as carol:
        await asyncio.gather(*(carol.send("#general", f"{number}") for number in range(12)))
        while done < 12:
            await asyncio.sleep(0.02)

    assert most == 3


async def test_events_go_to_the_handler_of_their_name(space: Spaces) -> None:
    got: list[dict[str, Any]] = []
    done = asyncio.Event()
    agent = space.agent("reader")

    @agent.on_event("research.complete", "#general")
    async def complete(event: dict[str, Any], message: Message) -> None:
        got.append(event | {"by": message.author.name})
        done.set()

    async with agent, space.agent("researcher") as researcher:
        await researcher.send("#general", '{"event": "research.complete"}')
        await researcher.publish_event("#general", "research.begun")
        await researcher.publish_event("#general", "research.complete", {"sources": 3})
        await asyncio.wait_for(done.wait(), 30)

    assert got == [{"event": "research.complete", "sources": 3, "by": "researcher"}]


async def test_a_feed_goes_on_where_it_got_to(space: Spaces) -> None:
    """What was said before the first start is not handled; what was said while the agent was away is."""
    heard: list[str] = []

    def make() -> Agent:
        agent = space.agent("listener")

        @agent.on_message("#general")
        async def hear(message: Message) -> None:
            heard.append(message.text)

        return agent

    async with space.person("carol") as carol:
        await carol.send("#general", "before")
        for text in ("first", "second"):
            async with make() as agent:
                await carol.send("#general", text)
                [head] = await agent.query("SELECT * FROM channel_head WHERE channel_id = 1")
                query = f"SELECT * FROM channel_read_state WHERE last_read_seq >= {head.last_seq}"
                while not await agent.query(query):
                    await asyncio.sleep(0.02)
            await carol.send("#general", f"after {text}")

    assert heard == ["first", "after first", "second"]


async def test_tasks_for_a_skill_without_a_handler_come_from_the_inbox_until_somebody_claims_them(
    space: Spaces,
) -> None:
    async with space.agent("reviewer", skills=["review"]) as agent, space.person("carol") as carol:
        await carol.submit("#general", "Other", skill="other")
        first = await carol.submit("#general", "Review 1", {"pr": 1}, skill="review")
        item = await asyncio.wait_for(anext(agent.inbox()), 30)
        assert item.task_id == first.id
        async with agent.claim(first.id) as task:
            task.finish(task.data["pr"])
        second = await carol.submit("#general", "Review 2", skill="review")
        await second.cancel()
        await carol.submit("#general", "Review 3", skill="review")
        third = await asyncio.wait_for(anext(agent.inbox()), 30)

        assert (item.kind, item.id, item.title) == ("task", f"task/{first.id}", "Review 1")
        assert await first.result(timeout=30) == 1
        assert third.title == "Review 3"


async def test_items_that_no_handler_takes_come_from_the_inbox(space: Spaces) -> None:
    agent = space.agent("reviewer")
    kinds: list[str] = []

    @agent.on_inbox("task_offered")
    async def offered(item: Item) -> None:
        kinds.append(item.kind)

    async with agent, space.person("carol") as carol:
        await carol.send("#general", "@reviewer hi")
        await carol.dm("@reviewer", "psst")
        await carol.submit("#general", "do it", target="@reviewer")
        await carol.vote("#general", "Ship?", ["yes", "no"])
        async for item in agent.inbox():
            kinds.append(item.kind)
            await item.ack()
            if item.kind == "vote":
                assert item.vote is not None
                await item.vote.cast("yes")
            if len(kinds) == 4:
                break
        left = await agent.query("SELECT * FROM inbox_item")

    assert sorted(kinds) == ["direct_message", "mention", "task_offered", "vote"]
    assert left == []
