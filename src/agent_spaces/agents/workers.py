"""Finding tasks for one's skills: the board of those that can be claimed, and the workers that claim them."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from agent_spaces.agents.dispatch import Failure, Report, log_failure
from agent_spaces.agents.errors import TaskLostError, TaskReleased
from agent_spaces.agents.keys import running
from agent_spaces.agents.session import Session
from agent_spaces.agents.tasks import Tasks
from agent_spaces.agents.work import UNFINISHED, Hold, Task
from agent_spaces.client import (
    EventContext,
    OutcomeUnknownError,
    ReconnectedEvent,
    ReducerFailedError,
    SubscribeAppliedEvent,
)
from agent_spaces.fabric.queries import quoted
from agent_spaces.fabric.reducers.task_claims import claim_task
from agent_spaces.fabric.tables import Task as TaskRow
from agent_spaces.fabric.task_rules import CLAIMABLE, HELD, WAITING
from agent_spaces.fabric.types import InboxKind
from agent_spaces.logs import get_logger
from agent_spaces.sats import ZERO_IDENTITY

CHOICE_MAX = 32  # among so many of the oldest one is chosen at random, so that workers do not all run for one
PATIENCE_SECONDS, PATIENCE_SECONDS_MAX = 0.005, 0.1  # before a claim, after lost races
REST_SECONDS, REST_SECONDS_MAX = 0.5, 30.0  # after a refused claim, doubled each time
_log = get_logger("agents")


class TaskBoard:
    """The tasks that this agent may claim, by skill, and those that it holds."""

    def __init__(self, session: Session, skills: list[str]) -> None:
        self._session, self.skills = session, skills
        self.open: dict[str, dict[int, TaskRow]] = {}
        self.orphans: dict[int, TaskRow] = {}  # held by this identity, and by no run of this process
        self.holds: dict[int, Hold] = {}
        self.claiming: set[int] = set()
        self.changed = asyncio.Event()
        self._rests: dict[int, tuple[float, float]] = {}  # task -> (until when by the loop's clock, how long)
        table = session.connection.cache[TaskRow]
        table.on_insert(self._came)
        table.on_update(self._changed_row)
        table.on_delete(self._went)

    def queries(self) -> list[str]:
        """What has to be subscribed to."""
        me = f"0x{self._session.me.hex()}"
        skills = [f"SELECT * FROM task WHERE skill = {quoted(skill)} AND phase = {CLAIMABLE}" for skill in self.skills]
        mine = [f"SELECT * FROM task WHERE assignee = {me} AND phase = {phase}" for phase in (HELD, WAITING)]
        return [*skills, *mine, f"SELECT * FROM task WHERE target = {me} AND phase = {CLAIMABLE}"]

    def _came(self, ctx: EventContext, row: TaskRow) -> None:
        if row.phase == CLAIMABLE:
            self._open(row)
        elif row.phase == HELD and row.assignee == self._session.me:
            left = isinstance(ctx.event, SubscribeAppliedEvent | ReconnectedEvent)
            self._held(row, left=left)
        self.changed.set()

    def _changed_row(self, ctx: EventContext, old: TaskRow, row: TaskRow) -> None:
        if row.phase == CLAIMABLE:
            self.orphans.pop(row.id, None)
            self._open(row)
            if row.not_before > row.updated_at:
                self.rest(row.id, (row.not_before - row.updated_at) / 1_000_000)
            self._tell(row.id, None)
        else:
            self.open.get(row.skill, {}).pop(row.id, None)
            mine = row.assignee == self._session.me and row.phase in (HELD, WAITING)
            if mine and row.phase == HELD:  # after a reconnection: by a claim whose answer was lost
                self._held(row, left=old.phase == WAITING or isinstance(ctx.event, ReconnectedEvent))
            self._tell(row.id, row if mine else None)
        self.changed.set()

    def _went(self, ctx: EventContext, row: TaskRow) -> None:
        del ctx
        self.open.get(row.skill, {}).pop(row.id, None)
        self.orphans.pop(row.id, None)
        self._rests.pop(row.id, None)
        self._tell(row.id, None)

    def _open(self, row: TaskRow) -> None:
        if row.target in (ZERO_IDENTITY, self._session.me):
            self.open.setdefault(row.skill, {})[row.id] = row

    def _held(self, row: TaskRow, *, left: bool) -> None:
        if left and row.id not in self.holds and row.id not in self.claiming:
            self.orphans[row.id] = row

    def _tell(self, task_id: int, row: TaskRow | None) -> None:
        hold = self.holds.get(task_id)
        if hold is not None:
            hold.row_changed(row)

    def rest(self, task_id: int, seconds: float | None = None) -> None:
        """Leave a task alone for some seconds; longer each time where none are given."""
        before = self._rests.get(task_id, (0.0, REST_SECONDS / 2))[1]
        length = min(before * 2, REST_SECONDS_MAX) if seconds is None else seconds
        known = REST_SECONDS / 2 if seconds is not None else length
        spread = random.uniform(1.0, 1.2)  # noqa: S311 - so that workers do not all come back at once
        self._rests[task_id] = (asyncio.get_running_loop().time() + length * spread, known)

    def pick(self, skill: str) -> tuple[TaskRow | None, float | None]:
        """Return a task to claim, or else the seconds until one that rests may be tried again."""
        now = asyncio.get_running_loop().time()
        for row in self.orphans.values():
            if row.skill == skill and row.id not in self.claiming and self._rest_of(row.id, now) <= 0:
                return row, None
        ready: list[TaskRow] = []
        wait: float | None = None
        for row in self.open.get(skill, {}).values():
            if row.id in self.claiming or row.id in self.holds:
                continue
            rest = self._rest_of(row.id, now)
            if rest <= 0:
                ready.append(row)
                if len(ready) == CHOICE_MAX:
                    break
            else:
                wait = rest if wait is None else min(wait, rest)
        return (random.choice(ready), None) if ready else (None, wait)  # noqa: S311 - only spreads the workers

    def _rest_of(self, task_id: int, now: float) -> float:
        return self._rests.get(task_id, (now, 0.0))[0] - now


class Claimer:
    """Claims tasks and works on them."""

    def __init__(self, board: TaskBoard, tasks: Tasks) -> None:
        self._board, self._tasks, self._session = board, tasks, tasks.session

    async def claim(self, task_id: int, lease: int) -> Hold:
        """Claim a task; ReducerFailedError says who has it, TaskLostError if it was lost at once."""
        board, session = self._board, self._session
        board.claiming.add(task_id)
        try:
            await session.call(claim_task, task_id, lease)
            board.orphans.pop(task_id, None)
            row = session.connection.cache[TaskRow].find(task_id)
            if row is None or row.phase != HELD or row.assignee != session.me:
                raise TaskLostError(f"Task {task_id} was lost right after it was claimed.")
            [text] = await session.rows(f"SELECT * FROM task_text WHERE task_id = {task_id}")
            creator = await session.author(row.creator)
            channel = (await session.channel(row.channel_id)).name
            hold = Hold(session, Task(self._tasks, row, text, creator, f"#{channel}", lease))
            board.holds[task_id] = hold
            hold.row_changed(session.connection.cache[TaskRow].find(task_id))
            return hold
        finally:
            board.claiming.discard(task_id)

    @asynccontextmanager
    async def holding(self, task_id: int, lease: int) -> AsyncIterator[Task]:
        """Hold a task for a block; what the block finishes it with is handed in, an exception fails the attempt.

        TaskLostError at the end if it was lost meanwhile. Without a `finish` others may claim it at once.
        """
        hold = await self.claim(task_id, lease)
        ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def until_the_end(task: Task) -> Any:
            del task
            return await ended

        working = asyncio.create_task(self.work(hold, until_the_end))
        try:
            with running(f"task/{task_id}/{hold.task.attempt}"):
                yield hold.task
        except Exception as error:
            if not ended.done():
                ended.set_exception(error)
            await working
            raise
        except BaseException:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            raise
        if not ended.done():
            if hold.task.outcome is UNFINISHED:
                ended.set_exception(TaskReleased(f"Task {task_id} was released."))
            else:
                ended.set_result(hold.task.outcome)
        problem = await working
        if problem is not None:
            raise problem

    async def reconnected(self) -> None:
        """Wait until the connection is back."""
        await self._session.connection.wait_connected()

    async def work(self, hold: Hold, work: Callable[[Task], Awaitable[Any]]) -> Exception | None:
        """Work on a claimed task; what is sent meanwhile has the attempt's keys."""
        task = hold.task
        try:
            with running(f"task/{task.id}/{task.attempt}"):
                return await hold.run(work)
        finally:
            self._board.holds.pop(task.id, None)
            self._board.changed.set()


class TaskWorker:
    """Claims tasks of one skill, `concurrency` at a time, and gives them to `work`."""

    def __init__(
        self,
        name: str,
        skill: str,
        lease: int,
        concurrency: int,
        board: TaskBoard,
        claimer: Claimer,
        work: Callable[[Task], Awaitable[Any]],
        report: Report,
        drop: Callable[..., Awaitable[None]],
    ) -> None:
        self.name, self.skill, self.lease, self.concurrency = name, skill, lease, concurrency
        self._board, self._claimer, self._work, self._report = board, claimer, work, report
        self._drop = drop
        self._patience = 0.0  # seconds; grows with races lost, so that a crowd of workers does not all run for one task
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to claim."""
        self._tasks = [asyncio.create_task(self._run(), name=f"worker-{self.name}") for _ in range(self.concurrency)]

    async def stop(self, drain_seconds: float) -> None:
        """Claim nothing more; what runs may take drain_seconds to end, then it is canceled and its task released."""
        self._stopping = True
        self._board.changed.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=drain_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self) -> None:
        board = self._board
        while not self._stopping:
            row, wait = board.pick(self.skill)
            if row is None:
                board.changed.clear()
                try:
                    async with asyncio.timeout(wait):
                        await board.changed.wait()
                except TimeoutError:
                    pass
                continue
            if self._patience and row.id not in board.orphans:
                await asyncio.sleep(random.random() * self._patience)  # noqa: S311 - only spreads the workers
                if row.id not in board.open.get(self.skill, {}) or row.id in board.claiming:
                    continue
            try:
                await self._take(row.id)
            except Exception:  # noqa: BLE001 - a bug of this package must not end the worker
                _log.exception("worker.failed", handler=self.name, task=row.id)
                board.rest(row.id)

    async def _take(self, task_id: int) -> None:
        try:
            hold = await self._claimer.claim(task_id, self.lease)
        except OutcomeUnknownError:
            await self._claimer.reconnected()
            return
        except (ReducerFailedError, TaskLostError) as refusal:
            _log.debug("task.not_claimed", task=task_id, reason=str(refusal))
            self._board.rest(task_id)
            self._patience = min(max(2 * self._patience, PATIENCE_SECONDS), PATIENCE_SECONDS_MAX)
            return
        self._patience = self._patience / 2 if self._patience > PATIENCE_SECONDS / 2 else 0.0
        await self._drop(task_id, InboxKind.TASK_OFFERED, InboxKind.TASK_INPUT_PROVIDED)
        error = await self._claimer.work(hold, self._work)
        if isinstance(error, TaskLostError):
            _log.info("task.lost", handler=self.name, task=task_id, attempt=hold.task.attempt)
        elif error is not None:
            log_failure(error, handler=self.name, item=f"task/{task_id}")
        if error is not None:
            self._report(Failure(self.name, f"task/{task_id}/{hold.task.attempt}", error, 1, None))
