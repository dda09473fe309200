"""Tasks as those see them who hand them out: a handle that can be awaited, also after a crash."""

# ruff: noqa: ASYNC109 - how long people and agents are waited for is said at the call

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

from agent_spaces.agents.errors import NoAnswerError, TaskFailedError
from agent_spaces.agents.session import Author, Session
from agent_spaces.agents.values import from_text, to_text
from agent_spaces.agents.watching import RowWatch
from agent_spaces.fabric.events import STATE_NAMES
from agent_spaces.fabric.reducers.tasks import cancel_task, provide_input, submit_task
from agent_spaces.fabric.tables import Task as TaskRow
from agent_spaces.fabric.tables import TaskText
from agent_spaces.fabric.task_rules import FINAL, WAITING
from agent_spaces.fabric.types import TaskState
from agent_spaces.sats import ZERO_IDENTITY, Identity

T = TypeVar("T")
FAILURES_MAX = 3


def note_author(row: TaskRow) -> Identity | None:
    """Return who wrote a task's note; None where one of several that held it did, which the row does not say."""
    if row.state == TaskState.REJECTED:
        return row.target
    if row.assignee != ZERO_IDENTITY and (row.phase == WAITING or row.attempt == 1):
        return row.assignee
    return None


async def _nothing_to_acknowledge(task_id: int) -> None:
    del task_id


class Finished:
    """Tells the inbox whose ends are awaited here, so that it does not call for them a second time."""

    def __init__(self) -> None:
        self.awaited: dict[int, int] = {}
        self.acknowledge: Callable[[int], Awaitable[None]] = _nothing_to_acknowledge

    @contextmanager
    def awaiting(self, task_id: int) -> Iterator[None]:
        """Keep the task's TaskFinished item from being given to anybody else meanwhile."""
        self.awaited[task_id] = self.awaited.get(task_id, 0) + 1
        try:
            yield
        finally:
            self.awaited[task_id] -= 1
            if not self.awaited[task_id]:
                del self.awaited[task_id]


@dataclass(frozen=True)
class TaskHandle:
    """A task that somebody works on, or will. `duplicate`: an earlier call with the key had submitted it."""

    id: int
    duplicate: bool
    _session: Session = field(repr=False, compare=False)
    _watch: RowWatch = field(repr=False, compare=False)
    _finished: Finished = field(repr=False, compare=False)

    @overload
    async def result(self, kind: type[T], *, timeout: float | None = None) -> T: ...
    @overload
    async def result(self, *, timeout: float | None = None) -> Any: ...
    async def result(self, kind: Any = Any, *, timeout: float | None = None) -> Any:
        """Wait for the task's end and return what its worker returned, converted to a type if one is named.

        TaskFailedError if it ended without a result, NoAnswerError after `timeout` seconds (the task goes on).
        """
        with self._finished.awaiting(self.id):
            row = await self._until(lambda row: row.phase == FINAL, timeout)
            text = self._session.connection.cache[TaskText].find(self.id) or await self._text()
            await self._finished.acknowledge(self.id)
        if row.state != TaskState.COMPLETED:
            raise TaskFailedError(self.id, STATE_NAMES[row.state], row.note)
        return from_text(text.result or "", kind)

    async def question(self, *, timeout: float | None = None) -> str | None:
        """Wait until the worker asks for input and return the question; None if the task ended instead."""
        row = await self._until(lambda row: row.phase in (WAITING, FINAL), timeout)
        return row.note if row.phase == WAITING else None

    async def state(self) -> str:
        """Return where it stands: submitted, working, input_required, completed, failed, canceled, rejected."""
        row = await self._until(lambda _row: True, None)
        return STATE_NAMES[row.state]

    async def provide_input(self, text: str) -> None:
        """Answer what its worker asks; a task that waits for a person refuses an agent's answer."""
        await self._session.call(provide_input, self.id, text)

    async def cancel(self) -> None:
        """End it without a result; whoever works on it is told. A canceled task stays as it is."""
        await self._session.settle(cancel_task, self.id)

    async def _until(self, reached: Callable[[TaskRow], bool], timeout: float | None) -> TaskRow:
        queries = (f"SELECT * FROM task WHERE id = {self.id}", f"SELECT * FROM task_text WHERE task_id = {self.id}")
        try:
            return await self._watch.until(TaskRow, self.id, queries, reached, timeout)
        except TimeoutError:
            raise NoAnswerError(f"Task {self.id} did not end within {timeout} s; it goes on.") from None

    async def _text(self) -> TaskText:
        [text] = await self._session.rows(f"SELECT * FROM task_text WHERE task_id = {self.id}")
        found: TaskText = text
        return found


@dataclass(frozen=True, slots=True)
class Tasks:
    """Hands out tasks."""

    session: Session
    watch: RowWatch
    finished: Finished

    def handle(self, task_id: int, *, duplicate: bool = False) -> TaskHandle:
        """Return the handle of a task by its id, also of one that was submitted before a crash."""
        return TaskHandle(task_id, duplicate, self.session, self.watch, self.finished)

    async def submit(
        self,
        channel_id: int,
        title: str,
        body: Any = None,
        *,
        skill: str = "",
        target: str | Author | Identity | None = None,
        parent_id: int = 0,
        thread_id: int | None = None,
        failures_max: int = FAILURES_MAX,
        key: str | None = None,
    ) -> TaskHandle:
        """Offer a task; see Agent.submit."""
        args = {
            "channel_id": channel_id,
            "thread_id": thread_id,
            "parent_id": parent_id,
            "title": title,
            "body": to_text(body),
            "skill": skill,
            "target": None if target is None else await self.session.identity_of(target),
            "failures_max": failures_max,
            "meta": None,
        }
        sent = await self.session.send(submit_task, args, key)
        return self.handle(sent.id, duplicate=sent.duplicate)
