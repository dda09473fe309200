"""Tasks: claimed once, renewed while somebody works, lost and found again; who hands them out can wait and ask."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent_spaces.agents import (
    Agent,
    AgentError,
    NoAnswerError,
    Progress,
    Spaces,
    Task,
    TaskFailedError,
    TaskLostError,
)
from agent_spaces.agents.sync import SyncTask
from agent_spaces.client import ReducerFailedError
from agent_spaces.config import HostConfig
from agent_spaces.fabric.tables import Task as TaskRow
from agent_spaces.fabric.types import TaskState
from agent_spaces.testing.proxy import FlakyNetwork


@dataclass
class Order:
    pull_request: int
    urgent: bool = False


async def test_what_a_worker_returns_is_the_result_and_data_has_the_type_it_asks_for(space: Spaces) -> None:
    worker = space.agent("reviewer", skills=["review"])

    @worker.on_task("review")
    async def review(task: Task, progress: Progress, data: Order) -> dict[str, Any]:
        await progress("reading\nit")
        return {"merge": data.pull_request == 12, "by": task.creator.name}

    async with worker, space.agent("boss") as boss:
        handle = await boss.submit("#general", "Review 12", {"pull_request": 12}, skill="review")
        result = await handle.result(timeout=30)
        [row] = await boss.query("SELECT * FROM task")
        left = await boss.query("SELECT * FROM inbox_item")

    assert result == {"merge": True, "by": "boss"}
    assert (row.state, row.note, row.attempt) == (TaskState.COMPLETED, "reading it", 1)
    assert left == []


@pytest.mark.parametrize("value", [None, "text", "12", 12, "", [1, "a"], {"k": "\u200b"}, True, "null"])
async def test_any_value_comes_out_as_it_went_in(space: Spaces, value: Any) -> None:
    worker = space.agent("echo", skills=["echo"])

    @worker.on_task("echo")
    async def echo(data: Any) -> Any:
        return data

    async with worker, space.agent("boss") as boss:
        handle = await boss.submit("#general", "Echo", value, skill="echo")

        assert await handle.result(timeout=30) == value


async def test_an_exception_fails_the_attempt_and_the_last_one_the_task(space: Spaces) -> None:
    worker = space.agent("broken", skills=["x"])

    @worker.on_task("x")
    async def work() -> None:
        raise ValueError("no such\nfile")

    async with worker, space.agent("boss") as boss:
        handle = await boss.submit("#general", "Do it", skill="x", failures_max=1)
        with pytest.raises(TaskFailedError, match="failed: ValueError: no such file") as failure:
            await handle.result(timeout=30)

    assert (failure.value.state, failure.value.task_id) == ("failed", handle.id)


async def test_a_body_of_another_shape_fails_with_where_it_is_wrong(space: Spaces) -> None:
    worker = space.agent("reviewer", skills=["review"])

    @worker.on_task("review")
    async def review(data: Order) -> None: ...

    async with worker, space.agent("boss") as boss:
        handle = await boss.submit("#general", "Review", {"pull_request": "x"}, skill="review", failures_max=1)
        with pytest.raises(TaskFailedError, match=r"pull_request"):
            await handle.result(timeout=30)


async def test_many_workers_share_many_tasks_and_each_runs_once(space: Spaces) -> None:
    ran: list[int] = []
    workers = [space.agent(f"worker-{number}", skills=["x"]) for number in range(5)]
    for worker in workers:

        @worker.on_task("x", concurrency=2)
        async def work(task: Task) -> int:
            ran.append(task.id)
            await asyncio.sleep(0.005)
            return task.data * 2

    async with space.agent("boss") as boss:
        for worker in workers:
            await worker.start()
        handles = [await boss.submit("#general", f"Task {n}", n, skill="x") for n in range(40)]
        results = await asyncio.gather(*(handle.result(int, timeout=60) for handle in handles))
        for worker in workers:
            await worker.stop()

    assert results == [n * 2 for n in range(40)]
    assert sorted(ran) == sorted(handle.id for handle in handles)


async def test_a_function_that_blocks_holds_up_neither_its_lease_nor_others(space: Spaces) -> None:
    worker = space.agent("slow", skills=["slow"])

    @worker.on_task("slow", lease=1)
    def work(task: SyncTask) -> int:
        time.sleep(2.2)
        return task.attempt

    async with worker, space.agent("boss") as boss:
        handle = await boss.submit("#general", "Slow", skill="slow")

        assert await handle.result(timeout=60) == 1


async def test_a_canceled_task_cancels_its_handler(space: Spaces) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()
    worker = space.agent("worker", skills=["x"])

    @worker.on_task("x")
    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with worker, space.agent("boss") as boss:
        handle = await boss.submit("#general", "Endless", skill="x")
        await asyncio.wait_for(begun.wait(), 30)
        await handle.cancel()
        await asyncio.wait_for(ended.wait(), 30)

        assert await handle.state() == "canceled"


async def test_an_agent_that_leaves_gives_its_task_to_the_next_one(space: Spaces) -> None:
    def make(name: str, *, endless: bool) -> Agent:
        worker = space.agent(name, skills=["x"])
        worker.drain_seconds = 0.01

        @worker.on_task("x")
        async def work(task: Task) -> str:
            begun.set()
            if endless:
                await asyncio.Event().wait()
            return f"{name}, attempt {task.attempt}, failures {task.failures}"

        return worker

    begun = asyncio.Event()
    async with space.agent("boss") as boss:
        handle = await boss.submit("#general", "Do it", skill="x")
        async with make("first", endless=True):
            await asyncio.wait_for(begun.wait(), 30)
        async with make("second", endless=False):
            assert await handle.result(timeout=30) == "second, attempt 2, failures 0"


async def test_a_worker_that_was_cut_off_takes_up_its_own_task_at_its_next_start(space: Spaces) -> None:
    """The process ended without a word: the same identity claims again, which fences out the former run."""
    first = space.agent("worker", skills=["x"])
    async with space.agent("boss") as boss:
        handle = await boss.submit("#general", "Do it", skill="x")
        async with first:
            await first.call("claim_task", task_id=handle.id, lease_seconds=600)
        second = space.agent("worker", skills=["x"])

        @second.on_task("x")
        async def work(task: Task) -> int:
            return task.attempt

        async with second:
            assert await handle.result(timeout=30) == 2


async def test_a_claim_whose_answer_was_lost_is_taken_up_when_the_connection_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host holds the task for the worker, who never heard so: nobody waits for the end of the lease."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with Spaces.memory(settings=HostConfig(listen_port=0)) as space, FlakyNetwork(space.address.base) as network:
        worker = Spaces.connect(network.url).agent("worker")

        @worker.on_task("x", lease=600)
        async def work(task: Task) -> int:
            return task.attempt

        async with worker, space.agent("boss") as boss:
            worker._parts.session.connection.cache[TaskRow].on_insert(lambda *_: network.hold_answers())
            handle = await boss.submit("#general", "Do it", skill="x")
            while await handle.state() != "working":
                await asyncio.sleep(0.02)
            network.cut()
            network.release_answers()

            assert await handle.result(timeout=60) == 2


async def test_a_run_that_lost_its_task_hands_in_nothing(space: Spaces) -> None:
    worker = space.agent("worker", skills=["x"])
    begun, ended = asyncio.Event(), asyncio.Event()
    attempts: list[int] = []

    @worker.on_task("x", lease=600)
    async def work(task: Task) -> str:
        attempts.append(task.attempt)
        begun.set()
        try:
            if task.attempt == 1:
                await asyncio.Event().wait()
        finally:
            ended.set()
        return f"attempt {task.attempt}"

    async with worker, space.agent("boss") as boss:
        handle = await boss.submit("#general", "Do it", skill="x")
        await asyncio.wait_for(begun.wait(), 30)
        await boss.call("release_task", task_id=handle.id, attempt=1)
        await asyncio.wait_for(ended.wait(), 30)

        assert await handle.result(timeout=30) == "attempt 2"


async def test_a_worker_asks_and_waits_without_a_lease(space: Spaces) -> None:
    worker = space.agent("worker", skills=["deploy"])

    @worker.on_task("deploy", lease=1)
    async def deploy(task: Task) -> str:
        return await task.ask("Deploy to production?", human_only=True)

    async with worker, space.person("carol") as carol:
        handle = await carol.submit("#general", "Deploy", skill="deploy")
        question = await handle.question(timeout=30)
        await asyncio.sleep(1.2)
        state = await handle.state()
        await handle.provide_input("yes")
        result = await handle.result(timeout=30)

    assert (question, state, result) == ("Deploy to production?", "input_required", "yes")


async def test_an_answer_that_came_while_the_worker_was_away_is_not_asked_for_again(space: Spaces) -> None:
    asked: list[int] = []

    def make() -> Agent:
        worker = space.agent("worker", skills=["deploy"])
        worker.drain_seconds = 0.01

        @worker.on_task("deploy")
        async def deploy(task: Task) -> str:
            asked.append(task.attempt)
            return await task.ask("Deploy?")

        return worker

    async with space.person("carol") as carol:
        handle = await carol.submit("#general", "Deploy", skill="deploy")
        first = make()
        await first.start()
        await handle.question(timeout=30)
        await first._parts.session.connection.close()  # as a crash: nothing is released
        await first.stop()
        await handle.provide_input("yes")
        async with make():
            assert await handle.result(timeout=30) == "yes"

    assert asked == [1, 2]


async def test_a_task_is_claimed_by_hand_for_a_block(space: Spaces) -> None:
    async with space.agent("boss") as boss, space.agent("worker") as worker:
        handle = await boss.submit("#general", "Count", [1, 2, 3])
        async with worker.claim(handle.id) as task:
            with pytest.raises(ReducerFailedError, match=r"held by worker \(attempt 1\)"):
                async with boss.claim(handle.id):
                    pass
            task.finish(sum(task.data))

        assert await handle.result(timeout=30) == 6


async def test_a_block_without_an_outcome_releases_and_one_that_raises_fails(space: Spaces) -> None:
    async with space.agent("boss") as boss, space.agent("worker") as worker:
        handle = await boss.submit("#general", "Count", failures_max=1)
        async with worker.claim(handle.id):
            pass
        released = await handle.state()
        with pytest.raises(ValueError, match="broken"):
            async with worker.claim(handle.id):
                raise ValueError("broken")

        assert (released, await handle.state()) == ("submitted", "failed")


async def test_a_lost_block_says_so_at_its_end(space: Spaces) -> None:
    async with space.agent("boss") as boss, space.agent("worker") as worker:
        handle = await boss.submit("#general", "Count")
        with pytest.raises(TaskLostError):  # noqa: PT012 - it is raised by the end of the block
            async with worker.claim(handle.id) as task:
                await handle.cancel()
                task.finish(1)

        assert await handle.state() == "canceled"


async def test_waiting_too_long_for_a_task_leaves_it_as_it_is(space: Spaces) -> None:
    async with space.agent("boss") as boss:
        handle = await boss.submit("#general", "Nobody can", skill="magic")
        with pytest.raises(NoAnswerError, match="goes on"):
            await handle.result(timeout=0.05)

        assert await handle.state() == "submitted"


async def test_a_lease_has_bounds(space: Spaces) -> None:
    with pytest.raises(AgentError, match="1 to 3600"):
        space.agent("worker").on_task("x", lease=3601)
