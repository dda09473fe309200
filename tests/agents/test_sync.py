"""Agents without asyncio: the same names, and methods that wait."""

import ast
import sys
import threading
from pathlib import Path

import pytest

from agent_spaces.agents import Agent, AgentError, Spaces, agent, registry
from agent_spaces.agents.sync import SyncAgent, SyncMessage, SyncReply, SyncSpaces, SyncTask
from agent_spaces.agents.sync.loop import Loop
from agent_spaces.clock import ManualClock

ROOT = Path(__file__).parents[2]
NO_TWIN = {"start", "stop", "run", "error_callbacks", "handlers", "is_running"}


def test_the_twins_are_made_of_the_core_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    sync_agents = __import__("sync_agents").sync_agents
    sys.modules.pop("sync_agents")

    assert {path: (ROOT / path).read_text() for path in sync_agents()} == sync_agents()


def test_the_twin_has_every_method_of_the_core() -> None:
    def public(module: object) -> set[str]:
        tree = ast.parse(Path(str(module.__file__)).read_text())  # type: ignore[attr-defined]
        functions = [node for cls in tree.body if isinstance(cls, ast.ClassDef) for node in cls.body]
        kinds = ast.FunctionDef | ast.AsyncFunctionDef
        return {node.name for node in functions if isinstance(node, kinds) and not node.name.startswith("_")}

    assert (public(agent) | public(registry)) - NO_TWIN <= set(dir(SyncAgent))


def test_a_program_without_asyncio_talks_works_and_reads(tmp_path: Path) -> None:
    with SyncSpaces.open(tmp_path) as space:
        worker, boss = space.agent("worker"), space.agent("boss")

        @worker.on_task("double")
        def double(task: SyncTask, agent: SyncAgent) -> int:
            agent.send("#general", f"doubling {task.data}")
            return int(task.data) * 2

        @worker.on_message(mentions=True)
        def answer(message: SyncMessage, reply: SyncReply) -> None:
            reply(f"you said {len(message.text)} characters")

        with worker, boss:
            result = boss.submit("#general", "Double", 21, skill="double").result(timeout=30)
            reply = boss.ask("#general", "@worker hello", timeout=30)
            worker.send("#general", "@boss done")
            item = next(i for i in boss.inbox() if i.kind == "mention")
            item.reply("thanks")
            item.ack()
            task = boss.submit("#general", "Count", [1, 2])
            with worker.claim(task.id) as held:
                held.finish(len(held.data))
            texts = [m.text for m in boss.history("#general") if m.is_text][:5]
            count = task.result(int, timeout=30)

    assert (result, reply.text, count) == (42, "you said 13 characters", 2)
    assert texts == ["doubling 21", "@worker hello", "you said 13 characters", "@boss done", "thanks"]


def test_time_stands_still_until_it_is_moved() -> None:
    with SyncSpaces.memory(clock=ManualClock()) as space, space.agent("chair") as chair:
        vote = chair.vote("#general", "Ship?", ["yes", "no"], closes_in=60)
        space.advance(60)

        assert vote.outcome(timeout=30).choice is None


def test_an_exception_inside_a_claimed_block_fails_the_task() -> None:
    with SyncSpaces.memory() as space, space.agent("worker") as worker:
        task = worker.submit("#general", "Count", failures_max=1)
        with pytest.raises(ValueError, match="broken"), worker.claim(task.id):
            raise ValueError("broken")

        assert task.state() == "failed"


def test_no_thread_is_left_behind() -> None:
    before = set(threading.enumerate())
    with SyncSpaces.memory() as space, space.agent("a"):
        pass

    assert {thread.name for thread in set(threading.enumerate()) - before} == set()


async def test_a_twin_that_would_wait_for_its_own_loop_says_so(space: Spaces) -> None:
    async with space.agent("a") as core:
        import asyncio  # noqa: PLC0415 - only to name the loop that this test runs on

        twin = Loop(asyncio.get_running_loop()).twin(core)
        with pytest.raises(AgentError, match="without Sync"):
            twin.send("#general", "hello")
        assert isinstance(core, Agent)
