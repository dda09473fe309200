"""What the host has of a hive: threads, events, tasks and votes. Events count only as far as the rows bear them out."""

import re
from collections.abc import Mapping, Sequence

from agent_spaces.agents.errors import AgentError
from agent_spaces.agents.messages import moment
from agent_spaces.agents.tool_rows import NOTE
from agent_spaces.agents.tools import Toolbox
from agent_spaces.fabric import queries, tables
from agent_spaces.fabric.events import STATE_NAMES
from agent_spaces.fabric.types import TaskState
from agent_spaces.integrations.arcan import hive_rows
from agent_spaces.integrations.arcan.hive_rows import Artifact, Claim, HiveContext, Selection, Skill, event_of
from agent_spaces.peer_text import one_line, visible
from agent_spaces.sats import ZERO_IDENTITY

MESSAGES_MAX = 2000  # of the channel, the newest, are looked through for events
TITLE_CHARS_MAX = 200
GENERATION_MAX = 999_999_999
NONE_OF_THEM = "none of them"
_TASK = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_GENERATION = r"(0|[1-9][0-9]{0,8})"
_CANDIDATE = re.compile(r"artifact ([1-9][0-9]{0,18}) by @\S+")


class HiveError(AgentError):
    """A hive was asked for something that cannot be; the text says what."""

    code = "hive"


class HiveReads:
    """Reads one hive for the identity of a box of tools."""

    def __init__(self, box: Toolbox, channel: int | str, task: str) -> None:
        if _TASK.fullmatch(task) is None:
            raise HiveError(f"{task!r} cannot name a hive's task: take up to 64 letters, digits, dots, dashes and _.")
        self.box, self.session, self.task = box, box.session, task
        self._channel = channel
        self._thread_name = re.compile(rf"hive-{re.escape(task)}-{_GENERATION}")
        self._question = re.compile(rf"hive-{re.escape(task)}-{_GENERATION}: which artifact goes on\?")

    async def channel_id(self) -> int:
        """Return the channel's id."""
        return (await self.session.channel(self._channel)).id

    def name(self, generation: int) -> str:
        """Return the name of a generation's thread."""
        if not 0 <= generation <= GENERATION_MAX:
            raise HiveError(f"A generation is a number from 0 to {GENERATION_MAX}.")
        return f"hive-{self.task}-{generation}"

    def question(self, generation: int) -> str:
        """Return what the vote on a generation asks."""
        return f"{self.name(generation)}: which artifact goes on?"

    async def threads(self) -> dict[int, int]:
        """Return the thread of each generation; where several bear its name the first one is meant."""
        rows = await self.session.rows(f"SELECT * FROM thread WHERE channel_id = {await self.channel_id()}")
        found: dict[int, int] = {}
        for row in sorted(rows, key=lambda row: row.id):
            named = self._thread_name.fullmatch(row.name)
            if named is not None:
                found.setdefault(int(named[1]), row.id)
        return dict(sorted(found.items()))

    async def messages(self) -> tuple[list[tuple[int, tables.Message]], bool]:
        """Return the newest messages of the hive with their generations, oldest first, and whether that is all."""
        channel_id = await self.channel_id()
        generations = {thread_id: generation for generation, thread_id in (await self.threads()).items()}
        [head] = await self.session.rows(queries.head_of(channel_id))
        rows, begin = await self.box.newest(channel_id, MESSAGES_MAX, head.last_seq + 1)
        ours = [(generations[row.thread_id], row) for row in rows if row.thread_id in generations]
        return ours, begin == 1 and len(rows) < MESSAGES_MAX

    async def artifacts(self, rows: Sequence[tuple[int, tables.Message]]) -> list[Artifact]:
        """Return the artifacts that messages speak of."""
        found = []
        for generation, row in rows:
            name, said = event_of(row)
            if name != hive_rows.ARTIFACT:
                continue
            author = str(await self.session.author(row.sender))
            task_id = said.task_id if await self._completed(said.task_id, row) else None
            session, text = one_line(said.session, TITLE_CHARS_MAX), visible(said.summary)
            found.append(Artifact(row.id, generation, author, said.score, text, session, task_id))
        return found

    async def _completed(self, task_id: int | None, row: tables.Message) -> bool:
        """Tell whether the author of a message completed this task of the same thread."""
        if task_id is None or not 0 < task_id < 2**64:
            return False
        tasks = await self.session.rows(f"SELECT * FROM task WHERE id = {task_id}")
        return any(
            task.thread_id == row.thread_id and task.assignee == row.sender and task.state == TaskState.COMPLETED
            for task in tasks
        )

    async def skills(self, rows: Sequence[tuple[int, tables.Message]]) -> list[Skill]:
        """Return the skills that messages speak of."""
        found = []
        for generation, row in rows:
            name, said = event_of(row)
            if name == hive_rows.SKILL:
                author = str(await self.session.author(row.sender))
                skill = one_line(said.name, TITLE_CHARS_MAX)
                found.append(Skill(row.id, generation, author, skill, visible(said.summary)))
        return found

    async def tasks(self, threads: Mapping[int, int]) -> list[tuple[int, tables.Task]]:
        """Return the tasks in these threads with their generations, in the order in which they came."""
        generations = {thread_id: generation for generation, thread_id in threads.items()}
        rows = await self.session.rows(f"SELECT * FROM task WHERE channel_id = {await self.channel_id()}")
        ours = [(generations[row.thread_id], row) for row in rows if row.thread_id in generations]
        return sorted(ours, key=lambda one: one[1].id)

    async def approach(self, thread_id: int, title: str) -> tables.Task | None:
        """Return the task that stands for an approach: the first of its title that was not canceled."""
        tasks = [row for _, row in await self.tasks({0: thread_id})]
        return next((row for row in tasks if row.title == title and row.state != TaskState.CANCELED), None)

    async def claim(self, generation: int, row: tables.Task) -> Claim:
        """Return a task as an approach that somebody works on."""
        holder = None if row.assignee == ZERO_IDENTITY else str(await self.session.author(row.assignee))
        lease = None if row.lease_until is None else moment(row.lease_until).isoformat()
        author, approach = str(await self.session.author(row.creator)), visible(row.title)
        return Claim(row.id, generation, author, approach, STATE_NAMES[row.state], holder, row.attempt, lease)

    async def selections(self) -> list[Selection]:
        """Return the votes on generations that were not canceled, in the order in which they were opened.

        A vote counts only if every option but the first is an artifact of its generation.
        """
        channel_id, threads = await self.channel_id(), await self.threads()
        messages, _ = await self.messages()
        told = {said.vote_id for name, said in (event_of(row) for _, row in messages) if name == hive_rows.SELECTION}
        found = []
        for row in sorted(
            await self.session.rows(f"SELECT * FROM vote WHERE channel_id = {channel_id}"), key=lambda row: row.id
        ):
            asked = self._question.fullmatch(row.question)
            if asked is None or (row.closed and not row.tally) or int(asked[1]) not in threads:
                continue
            choices = await self._choices(row, threads[int(asked[1])])
            if choices is not None:
                found.append(_selection(row, int(asked[1]), choices, announced=row.id in told))
        return found

    async def _choices(self, row: tables.Vote, thread_id: int) -> tuple[int, ...] | None:
        named = [_CANDIDATE.fullmatch(option) for option in row.options[1:]]
        ids = tuple(int(one[1]) for one in named if one is not None)
        if row.options[0] != NONE_OF_THEM or len(ids) != len(named):
            return None
        for message_id in ids:
            message = await self.session.message_row(message_id)
            if message is None or message.thread_id != thread_id or event_of(message)[0] != hive_rows.ARTIFACT:
                return None
        return ids

    async def context(self) -> HiveContext:
        """Return what the hive knows: artifacts and skills as told, claims and selections as the host has them."""
        rows, complete = await self.messages()
        return HiveContext(
            self.task,
            NOTE,
            await self.artifacts(rows),
            [await self.claim(generation, row) for generation, row in await self.tasks(await self.threads())],
            await self.selections(),
            await self.skills(rows),
            complete,
        )


def _selection(row: tables.Vote, generation: int, choices: tuple[int, ...], *, announced: bool) -> Selection:
    won = choices[row.outcome - 1] if row.outcome else None  # option 0 is none of them
    return Selection(
        row.id, generation, row.closed, choices, won, tuple(row.tally), row.ballots, row.electors, announced
    )
