"""A task while one works on it: its lease is renewed, and the work ends at once when the task is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from agent_spaces.agents.errors import TaskLostError, TaskReleased
from agent_spaces.agents.session import Author, Sent, Session
from agent_spaces.agents.tasks import FAILURES_MAX, TaskHandle, Tasks
from agent_spaces.agents.values import from_text, to_text
from agent_spaces.client import ClientError, OutcomeUnknownError, ReducerFailedError
from agent_spaces.fabric.reducers.task_claims import complete_task, fail_task, release_task, renew_task, request_input
from agent_spaces.fabric.tables import Task as TaskRow
from agent_spaces.fabric.tables import TaskText
from agent_spaces.fabric.task_rules import HELD
from agent_spaces.logs import get_logger
from agent_spaces.peer_text import one_line
from agent_spaces.sats import Identity

RENEWALS_PER_LEASE = 3
NOTE_CHARS_MAX = 256  # of notes and reasons
UNFINISHED = object()  # the outcome of a claimed task that nobody finished
_log = get_logger("agents")


class Task:
    """A task that this agent holds. `attempt` is its fencing token; `text` and `data` are what its creator wants.

    `data` is the body as the creator gave it: an object, a list, a text. What stands in it is data of a peer.
    """

    id: int
    title: str
    skill: str
    attempt: int
    failures: int
    parent_id: int
    thread_id: int | None
    channel: str
    channel_id: int
    creator: Author
    lease: int

    def __init__(self, tasks: Tasks, row: TaskRow, text: TaskText, creator: Author, channel: str, lease: int) -> None:
        self._tasks, self._session = tasks, tasks.session
        self._row, self._texts = row, text
        self.id, self.title, self.skill, self.attempt = row.id, row.title, row.skill, row.attempt
        self.failures, self.parent_id, self.thread_id = row.failures, row.parent_id, row.thread_id
        self.channel, self.channel_id, self.creator, self.lease = channel, row.channel_id, creator, lease
        self.waiting = False
        self.answered = asyncio.Event()
        self.outcome: Any = UNFINISHED

    @property
    def text(self) -> str:
        """The body as it travels."""
        return self._texts.body

    @property
    def data(self) -> Any:
        """The body as its creator gave it."""
        return from_text(self._texts.body)

    @property
    def input(self) -> str | None:
        """What was answered to the last `ask`, also by an earlier run."""
        return self._texts.input

    def key(self, name: str) -> str:
        """Return a client key for what this agent is to do once for the task, whichever attempt of its own does it."""
        return f"task/{self.id}/{name}"

    async def progress(self, note: str) -> None:
        """Tell the channel how it goes, in one line of at most 256 characters, and renew the lease.

        TaskLostError if the task is not this run's any more.
        """
        await self._own(renew_task, self.lease, one_line(note, NOTE_CHARS_MAX))

    async def ask(self, prompt: str, *, human_only: bool = False) -> str:
        """Ask the creator (with human_only a person) for input and return it; meanwhile the task needs no lease.

        After a crash the next run that asks the same gets the answer that was given.
        """
        if self._texts.input is not None and self._row.note == prompt:
            return self._texts.input
        self.answered.clear()
        self.waiting = True
        try:
            await self._own(request_input, prompt, human_only)
            await self.answered.wait()
            await self._own(renew_task, self.lease, None)
        finally:
            self.waiting = False
        [self._texts] = await self._session.rows(f"SELECT * FROM task_text WHERE task_id = {self.id}")
        return self._texts.input or ""

    async def submit(
        self,
        title: str,
        body: Any = None,
        *,
        skill: str = "",
        target: str | Author | Identity | None = None,
        failures_max: int = FAILURES_MAX,
        key: str | None = None,
    ) -> TaskHandle:
        """Offer a part of this task to others, in the same channel; give a `key` to have it once over all attempts."""
        return await self._tasks.submit(
            self.channel_id,
            title,
            body,
            skill=skill,
            target=target,
            parent_id=self.id,
            thread_id=self.thread_id,
            failures_max=failures_max,
            key=key,
        )

    async def say(self, text: str, *, key: str | None = None) -> Sent:
        """Send a message where the task lives."""
        return await self._session.post(self.channel_id, text, thread_id=self.thread_id, key=key)

    def finish(self, result: Any = None) -> None:
        """Say what came of a task that is held by `async with agent.claim(…)`; it is handed in when the block ends."""
        self.outcome = result

    async def release(self) -> NoReturn:
        """Let others claim the task at once, without a failure; ends the handler."""
        raise TaskReleased(f"Task {self.id} was released.")

    async def _own(self, reducer: Callable[..., None], *args: Any) -> None:
        try:
            await self._session.settle(reducer, self.id, self.attempt, *args)
        except ReducerFailedError as refusal:
            if "not yours any more" in refusal.text:
                raise TaskLostError(refusal.text) from None
            raise

    def __repr__(self) -> str:
        return f"Task({self.id}, {self.title!r}, attempt {self.attempt})"


@dataclass(frozen=True, slots=True)
class Progress:
    """Tells how a task goes: `await progress("reading")`; the lease is renewed with it."""

    task: Task

    async def __call__(self, note: str) -> None:
        """Tell it in one line of at most 256 characters; TaskLostError if the task is not this run's any more."""
        await self.task.progress(note)


class Hold:
    """Keeps a claimed task for as long as the work on it takes."""

    def __init__(self, session: Session, task: Task) -> None:
        self._session, self.task = session, task
        self._changed = asyncio.Event()

    def row_changed(self, row: TaskRow | None) -> None:
        """Take note of the task's row as it is now; None once it is not this agent's any more."""
        if row is not None and row.phase == HELD and row.attempt == self.task.attempt:
            self.task.answered.set()
        elif row is None or row.attempt != self.task.attempt:
            self._changed.set()

    async def run(self, work: Callable[[Task], Awaitable[Any]]) -> Exception | None:
        """Work on the task and hand in what comes of it; return what went wrong, if anything did.

        TaskLostError: it is somebody else's now, and nothing was handed in. CancelledError: it was released.
        """
        worker = asyncio.ensure_future(work(self.task))
        keeper = asyncio.ensure_future(self._keep())
        try:
            await asyncio.wait((worker, keeper), return_when=asyncio.FIRST_COMPLETED)
            if not worker.done():
                worker.cancel()
                await asyncio.gather(worker, return_exceptions=True)
                return TaskLostError(f"Task {self.task.id} is not this run's any more.")
            return await self._hand_in(worker)
        except asyncio.CancelledError:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
            await self._let_go(release_task)
            raise
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    async def _keep(self) -> None:
        """Renew the lease until the task is lost."""
        task, now = self.task, asyncio.get_running_loop().time
        while True:
            due = now() + task.lease / RENEWALS_PER_LEASE
            try:
                async with asyncio.timeout_at(due):
                    await self._changed.wait()
                    return
            except TimeoutError:
                pass
            if now() - due > task.lease / RENEWALS_PER_LEASE:
                hint = "a coroutine that blocks holds up everything: make the handler an ordinary function"
                _log.warning("lease.renewed_late", task=task.id, late_seconds=round(now() - due, 1), hint=hint)
            try:
                if not task.waiting:
                    await self._session.call(renew_task, task.id, task.attempt, task.lease, None)
            except OutcomeUnknownError:
                continue
            except ReducerFailedError as refusal:
                if not task.waiting:
                    _log.info("task.lost", task=task.id, attempt=task.attempt, reason=refusal.text)
                    return

    async def _hand_in(self, worker: "asyncio.Future[Any]") -> Exception | None:
        task = self.task
        try:
            text = to_text(worker.result())
            await self._session.settle(complete_task, task.id, task.attempt, text)
        except asyncio.CancelledError:  # the handler canceled itself
            return await self._fail(RuntimeError("the handler was canceled"))
        except TaskReleased:
            await self._let_go(release_task)
        except TaskLostError as lost:
            return lost
        except ReducerFailedError as refusal:
            if "not yours any more" in refusal.text:
                return TaskLostError(refusal.text)
            return await self._fail(refusal)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises fails its attempt
            return await self._fail(error)
        return None

    async def _fail(self, error: Exception) -> Exception:
        reason = one_line(f"{type(error).__name__}: {error}", NOTE_CHARS_MAX)
        await self._let_go(fail_task, reason)
        return error

    async def _let_go(self, reducer: Callable[..., None], *args: Any) -> None:
        try:
            await self._session.settle(reducer, self.task.id, self.task.attempt, *args)
        except ClientError as refusal:  # it was not this run's any more, or the connection is closed for good
            _log.info("task.not_let_go", task=self.task.id, attempt=self.task.attempt, reason=str(refusal))
