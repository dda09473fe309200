"""An agent comes in, speaks, asks, and is the same one at its next start."""

import asyncio
import os
import stat
from pathlib import Path

import pytest

from agent_spaces.agents import AgentError, NoAnswerError, Reply, Spaces, UnknownPlaceError
from agent_spaces.agents.messages import DirectMessage, Message
from agent_spaces.client import HostUnreachableError, ReducerFailedError
from agent_spaces.errors import LockedError


async def test_an_agent_is_the_same_identity_at_every_start(tmp_path: Path) -> None:
    identities = []
    for _ in range(2):
        async with Spaces.open(tmp_path).agent("reviewer", skills=["review"], summary="Reviews") as agent:
            identities.append(agent.identity)
            [card] = await agent.query("SELECT * FROM agent_card")

    assert identities[0] == identities[1]
    assert (card.skills, card.summary) == (["review"], "Reviews")


async def test_tokens_are_for_their_owner_only(tmp_path: Path) -> None:
    async with Spaces.open(tmp_path).agent("reviewer"):
        pass
    [token] = tmp_path.rglob("reviewer.json")

    assert stat.S_IMODE(token.stat().st_mode) == 0o600


async def test_a_folder_has_one_host(tmp_path: Path) -> None:
    async with Spaces.open(tmp_path):
        with pytest.raises(LockedError, match=str(os.getpid())):
            await Spaces.open(tmp_path).enter()


async def test_a_name_that_is_somebody_elses_is_refused_with_the_reason(space: Spaces) -> None:
    async with space.agent("reviewer"):
        space.tokens.tokens.clear()  # type: ignore[attr-defined] - another computer has none of its tokens
        with pytest.raises(AgentError, match="is taken"):
            await space.agent("reviewer").start()


async def test_what_is_asked_of_an_agent_that_is_not_connected_says_how_to_connect(space: Spaces) -> None:
    with pytest.raises(AgentError, match="async with agent"):
        await space.agent("reviewer").send("#general", "hello")


async def test_a_message_with_a_key_is_sent_once(space: Spaces) -> None:
    async with space.agent("writer") as agent:
        first = await agent.send("#general", "hello", key="run-7/hello")
        again = await agent.send("general", "hello", key="run-7/hello")
        history = await agent.history("#general")

    assert (again.id, first.duplicate, again.duplicate) == (first.id, False, True)
    assert [message.text for message in history] == ["hello"]


async def test_one_key_for_two_messages_is_refused_outside_handlers(space: Spaces) -> None:
    async with space.agent("writer") as agent:
        await agent.send("#general", "hello", key="k")
        with pytest.raises(ReducerFailedError, match="used for another call"):
            await agent.send("#general", "something else", key="k")


async def test_places_and_people_that_are_not_there_are_named(space: Spaces) -> None:
    async with space.agent("writer") as agent:
        with pytest.raises(UnknownPlaceError, match="no channel #nowhere"):
            await agent.send("#nowhere", "hello")
        with pytest.raises(UnknownPlaceError, match="nobody called @ghost"):
            await agent.dm("@ghost", "hello")
        with pytest.raises(UnknownPlaceError, match="no task 99"):
            await agent.task(99).result(timeout=5)


async def test_the_answer_to_a_question_is_the_reply_to_it(space: Spaces) -> None:
    carol = space.person("carol")

    @carol.on_message(mentions=True)
    async def answer(message: Message, reply: Reply) -> None:
        await message.reply("the other question first") if "second" in message.text else await reply("yes")

    async with carol, space.agent("asker") as asker:
        await asker.send("#general", "hello all")
        first = await asker.ask("#general", "@carol first?", timeout=20)
        second = await asker.ask("#general", "@carol second?", of="@carol", timeout=20)

    assert (first.text, first.author.name, first.author.is_agent) == ("yes", "carol", False)
    assert second.text == "the other question first"


async def test_a_question_can_be_awaited_again_after_a_crash(space: Spaces) -> None:
    """The answer came while the asker was away; the same key finds it, and the question was put once."""
    async with space.agent("asker") as asker:
        with pytest.raises(NoAnswerError, match="can be awaited again"):
            await asker.ask("#general", "safe to merge?", timeout=0.05, key="merge-12")
    async with space.person("carol") as carol:
        [question] = await carol.history("#general")
        await question.reply("yes")
    async with space.agent("asker") as asker:
        answer = await asker.ask("#general", "safe to merge?", timeout=20, key="merge-12")
        texts = [message.text for message in await asker.history("#general")]

    assert answer.text == "yes"
    assert texts == ["safe to merge?", "yes"]


async def test_a_direct_question_is_answered_directly(space: Spaces) -> None:
    carol = space.person("carol")

    @carol.on_direct_message
    async def answer(message: DirectMessage, reply: Reply) -> None:
        await reply(f"re: {message.text}")

    async with carol, space.agent("asker") as asker:
        first = await asker.ask("@carol", "one?", timeout=20)
        second = await asker.ask("@carol", "two?", timeout=20)

    assert [first.text, second.text] == ["re: one?", "re: two?"]


async def test_an_answer_to_a_waiting_handler_is_no_call_of_its_own(space: Spaces) -> None:
    """A handler may ask while it runs: the answer goes to the question, not to the handler."""
    called: list[str] = []
    done = asyncio.Event()
    agent, carol = space.agent("asker"), space.person("carol")

    @agent.on_message(mentions=True)
    async def called_by(message: Message, agent: object) -> None:
        called.append(message.text)
        answer = await asker.ask("#general", "@carol which one?", timeout=20)
        called.append(answer.text)
        done.set()

    @carol.on_message(mentions=True)
    async def answer(reply: Reply) -> None:
        await reply("@asker this one")

    async with agent as asker, carol, space.person("dave") as dave:
        await dave.send("#general", "@asker choose")
        await asyncio.wait_for(done.wait(), 30)

    assert called == ["@asker choose", "@asker this one"]


async def test_an_agent_comes_back_by_itself_and_misses_nothing(space: Spaces) -> None:
    heard: list[str] = []
    enough = asyncio.Event()
    listener = space.agent("listener")

    @listener.on_message("#general")
    async def hear(message: Message) -> None:
        heard.append(message.text)
        if len(heard) == 20:
            enough.set()

    async with listener, space.person("carol") as carol:
        for number in range(20):
            await carol.send("#general", str(number))
            if number % 5 == 0:
                listener._parts.session.connection.drop_socket()
        await asyncio.wait_for(enough.wait(), 60)

    assert heard == [str(number) for number in range(20)]


def test_a_program_whose_host_is_not_there_says_so_in_one_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    space = Spaces.connect("http://127.0.0.1:9")

    with pytest.raises(HostUnreachableError, match=r"Nobody answers at .*`spaces serve` starts a host there") as caught:
        space.run(space.agent("one"), space.agent("two"))

    assert caught.value.__cause__ is None


async def test_nobody_waits_for_a_connection_that_never_comes_back() -> None:
    """The host is gone and its tokens with it: whoever waits hears of it instead of waiting for ever."""
    async with Spaces.memory() as space:
        agent = space.agent("waiter")
        await agent.start()
        task = await agent.submit("#general", "Nobody will")
        connection = agent._parts.session.connection
        waiting = [
            asyncio.create_task(task.result()),
            asyncio.create_task(agent.ask("#general", "anybody?")),
            asyncio.create_task(agent._parts.ended.wait()),
        ]
        reading = asyncio.create_task(anext(agent.inbox(), None))
        await asyncio.sleep(0.2)
        await connection.close()
        done = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 20)
        item = await asyncio.wait_for(reading, 20)
        await agent.stop()

    assert [type(outcome).__name__ for outcome in done] == ["ConnectionClosedError", "ConnectionClosedError", "bool"]
    assert item is None
