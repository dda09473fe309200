"""Somebody who sees everything that anybody could ever see, and takes note of what must never be seen."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from agent_spaces.agents.session import open_connection
from agent_spaces.client import Address, DbConnection, EventContext
from agent_spaces.fabric.tables import Message, Task, TaskText, Vote
from agent_spaces.fabric.task_rules import FINAL, HELD
from agent_spaces.fabric.types import MessageType, TaskState
from agent_spaces.testing.host import HostProcess


class Witness:
    """Watches tasks, votes and messages as the database's owner; `wrong` is what was seen and must not be."""

    def __init__(self, connection: DbConnection) -> None:
        self._cache = connection.cache
        self.wrong: list[str] = []
        self.said: Counter[tuple[object, str]] = Counter()
        self._cache[Task].on_insert(lambda _ctx, row: self._judge(row.id))
        self._cache[Task].on_update(self._task_changed)
        self._cache[TaskText].on_insert(lambda _ctx, row: self._judge(row.task_id))
        self._cache[TaskText].on_update(self._text_changed)
        self._cache[Message].on_insert(self._heard)
        self._cache[Vote].on_update(self._vote_changed)

    @classmethod
    @asynccontextmanager
    async def of(cls, host: HostProcess) -> AsyncIterator[Self]:
        """Give a witness that comes back by itself when the host does."""
        async with await open_connection(Address(host.url, "spaces"), host.owner_token) as connection:
            witness = cls(connection)
            await connection.subscribe(*(f"SELECT * FROM {name}" for name in ("task", "task_text", "message", "vote")))
            yield witness

    def open_work(self) -> tuple[int, int]:
        """Return how many tasks are held and how many votes are open."""
        held = sum(row.phase == HELD for row in self._cache[Task])
        return held, sum(not row.closed for row in self._cache[Vote])

    def _judge(self, task_id: int) -> None:
        task, text = self._cache[Task].find(task_id), self._cache[TaskText].find(task_id)
        if task is None or text is None:
            self.wrong.append(f"task {task_id} was seen without its text, or the other way round")
        elif (text.result is not None) != (task.state == TaskState.COMPLETED):
            self.wrong.append(f"{task} was seen with result {text.result}")
        elif text.result is not None and json.loads(text.result)["attempt"] != task.attempt:
            self.wrong.append(f"{task} was seen with a superseded attempt's result {text.result}")

    def _task_changed(self, ctx: EventContext, old: Task, row: Task) -> None:
        del ctx
        if old.phase == FINAL or row.attempt < old.attempt:
            self.wrong.append(f"{old} became {row}")
        self._judge(row.id)

    def _text_changed(self, ctx: EventContext, old: TaskText, row: TaskText) -> None:
        del ctx
        if old.result is not None:
            self.wrong.append(f"a result was replaced: {old} became {row}")
        self._judge(row.task_id)

    def _vote_changed(self, ctx: EventContext, old: Vote, row: Vote) -> None:
        del ctx
        if old.closed or row.ballots < old.ballots:
            self.wrong.append(f"{old} became {row}")

    def _heard(self, ctx: EventContext, row: Message) -> None:
        del ctx
        if row.message_type == MessageType.TEXT:
            self.said[row.sender, row.content] += 1
            if self.said[row.sender, row.content] > 1:
                self.wrong.append(f"said twice: {row}")
