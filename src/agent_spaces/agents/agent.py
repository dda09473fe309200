"""An agent: an identity of its own, what it listens to, and all that it can do."""

# ruff: noqa: ASYNC109 - how long people and agents are waited for is said at the call

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from agent_spaces.agents.digest import BUDGET_CHARS
from agent_spaces.agents.dispatch import RETRY_SECONDS
from agent_spaces.agents.enrol import Card, enrol
from agent_spaces.agents.errors import AgentError
from agent_spaces.agents.inbox import Item
from agent_spaces.agents.knowledge import Fact, Kind
from agent_spaces.agents.messages import DirectMessage, Message, message_of
from agent_spaces.agents.registry import LEASE_SECONDS, Handlers
from agent_spaces.agents.runtime import Runtime
from agent_spaces.agents.session import Author, Sent, Session
from agent_spaces.agents.tasks import FAILURES_MAX, TaskHandle
from agent_spaces.agents.votes import Vote, Who
from agent_spaces.agents.work import Task
from agent_spaces.client import CallResult
from agent_spaces.fabric import queries
from agent_spaces.fabric.reducers.channels import create_channel
from agent_spaces.fabric.reducers.servers import join_server
from agent_spaces.fabric.reducers.users import set_presence
from agent_spaces.fabric.types import ChannelType, MessageType
from agent_spaces.sats import Identity

if TYPE_CHECKING:
    from agent_spaces.agents.space import Spaces

Person = str | Author | Identity
HISTORY_MAX = 1000


class Agent(Handlers):
    """A participant with an identity of its own; `async with agent:` connects it, made by `Spaces.agent()`.

    It registers itself and its card, catches up with what called it meanwhile, and comes back by itself after any loss
    of connection. Channels are named `#general` (or by id), people and agents `@carol`.
    """

    def __init__(self, space: "Spaces", card: Card, *, token: str | None = None, drain_seconds: float = 10.0) -> None:
        super().__init__()
        self.space, self.card, self.drain_seconds = space, card, drain_seconds
        self.retry_seconds = RETRY_SECONDS
        self._token = token
        self._runtime: Runtime | None = None

    @property
    def name(self) -> str:
        """The username, without @."""
        return self.card.name

    @property
    def identity(self) -> Identity:
        """Who it is across connections."""
        return self._session.me

    @property
    def _parts(self) -> Runtime:
        if self._runtime is None:
            raise AgentError(f"{self.name} is not connected: use it inside `async with agent:`.")
        return self._runtime

    @property
    def _session(self) -> Session:
        return self._parts.session

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Connect, register, catch up and listen.

        HostUnreachableError if nobody answers; AgentError if it runs already or its name is somebody else's.
        """
        if self.is_running:
            raise AgentError(f"{self.name} is running already.")
        self.is_running = True
        try:
            session = await enrol(self.space, self._card_now(), self._token)
            try:
                self._runtime = Runtime(self, session, self.space.twin)
                await self._runtime.start()
            except BaseException:
                await self._end()
                await session.connection.close()
                await self.space.leave()
                raise
        except BaseException:
            self.is_running = False
            raise

    def _card_now(self) -> Card:
        """Return the card with the skills that task handlers need, so that nobody has to say them twice."""
        needed = [handler.skill for handler in self.handlers if handler.kind == "task" and handler.skill]
        return replace(self.card, skills=tuple(dict.fromkeys([*self.card.skills, *needed])))

    async def _end(self) -> None:
        runtime, self._runtime = self._runtime, None
        if runtime is not None:
            await runtime.stop(0)

    async def stop(self) -> None:
        """Take nothing more, let handlers end (up to drain_seconds, then they are canceled), and disconnect."""
        runtime = self._runtime
        if runtime is None:
            return
        try:
            await runtime.stop(self.drain_seconds)
        finally:
            self._runtime, self.is_running = None, False
            await runtime.session.connection.close()
            await self.space.leave()

    async def run(self) -> None:
        """Serve until canceled: the body of a program that only has handlers.

        Raises what keeps the connection from ever coming back, as ConnectionRefusedByHostError.
        """
        async with self:
            await self._parts.ended.wait()
            raise self._parts.failure

    async def send(
        self,
        channel: str | int,
        text: str,
        *,
        thread: int | None = None,
        reply_to: int | None = None,
        meta: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Sent:
        """Send a message of at most 4000 characters. With a key it is sent once, whatever crashes."""
        place = await self._session.channel(channel)
        return await self._session.post(place.id, text, thread_id=thread, reply_to_id=reply_to, meta=meta, key=key)

    async def reply(self, message: Message | DirectMessage, text: str, *, key: str | None = None) -> Sent:
        """Answer a message where it was said."""
        return await message.reply(text, key=key)

    async def dm(self, person: Person, text: str, *, key: str | None = None) -> Sent:
        """Write to somebody of a server that both are in."""
        conversation = await self._session.conversation_with(person)
        return await self._session.write(conversation.id, text, key=key)

    async def ask(
        self,
        whom: str | int,
        question: str,
        *,
        of: Person | None = None,
        timeout: float | None = None,
        key: str | None = None,
    ) -> Message | DirectMessage:
        """Ask somebody (`@carol`, directly) or a channel (`#general`) and wait for the reply; `of`: whose reply counts.

        In a channel the answer is the first message that replies to the question, in a conversation of two also the
        next message that replies to nothing. With the same key it can be awaited again after a crash, also if the
        answer came meanwhile. NoAnswerError after `timeout` seconds: that is no refusal.
        """
        if isinstance(whom, str) and whom.startswith("@"):
            other = await self._session.identity_of(whom)
            conversation = await self._session.conversation_with(other)
            sent = await self._session.write(conversation.id, question, key=key)
            return await self._parts.asks.direct(sent, other, timeout)
        answerer = None if of is None else await self._session.identity_of(of)
        sent = await self.send(whom, question, key=key)
        return await self._parts.asks.in_channel(sent, answerer, timeout)

    async def vote(
        self,
        channel: str | int,
        question: str,
        options: Sequence[str],
        *,
        quorum: int = 1,
        closes_in: float = 600,
        electorate: Who = "members",
        key: str | None = None,
    ) -> Vote:
        """Open a vote among the members, humans or agents of the channel's server, for `closes_in` seconds.

        `await vote.outcome()` waits for its end: all electors have voted, or the time is over. An option wins with most
        ballots if at least `quorum` were cast and there is no tie.
        """
        place = await self._session.channel(channel)
        return await self._parts.votes.open(
            place.id, question, options, quorum=quorum, closes_in=closes_in, electorate=electorate, key=key
        )

    async def find_vote(self, vote_id: int) -> Vote:
        """Return a vote by its id; AgentError if there is none that this agent can see."""
        rows = await self._session.rows(f"SELECT * FROM vote WHERE id = {vote_id}")
        if not rows:
            raise AgentError(f"There is no vote {vote_id} that this agent can see.")
        return await self._parts.votes.of(rows[0])

    async def submit(
        self,
        channel: str | int,
        title: str,
        body: Any = None,
        *,
        skill: str = "",
        target: Person | None = None,
        thread: int | None = None,
        failures_max: int = FAILURES_MAX,
        key: str | None = None,
    ) -> TaskHandle:
        """Offer a task to whoever has the skill, or to one `target`; `await handle.result()` waits for its end.

        `body` is text or anything that JSON can hold, at most 8000 characters. After `failures_max` failed attempts the
        task has failed.
        """
        place = await self._session.channel(channel)
        return await self._parts.tasks.submit(
            place.id,
            title,
            body,
            skill=skill,
            target=target,
            thread_id=thread,
            failures_max=failures_max,
            key=key,
        )

    def task(self, task_id: int) -> TaskHandle:
        """Return the handle of a task that was submitted before, also before a crash."""
        return self._parts.tasks.handle(task_id)

    @asynccontextmanager
    async def claim(self, task_id: int, *, lease: int = LEASE_SECONDS) -> AsyncIterator[Task]:
        """Claim one task by its id and hold it inside the block; `task.finish(value)` says what came of it.

        ReducerFailedError says who holds it. An exception fails the attempt; without `finish` it is released.
        """
        async with self._parts.claimer.holding(task_id, lease) as task:
            yield task

    async def publish_event(
        self, channel: str | int, event: str, content: dict[str, Any] | None = None, *, key: str | None = None
    ) -> Sent:
        """Send an AgentEvent, at most 4000 characters of JSON; its name is words of a-z, 0-9 and _, joined by dots."""
        place = await self._session.channel(channel)
        text = json.dumps({"event": event, **(content or {})}, ensure_ascii=False)
        return await self._session.post(place.id, text, kind=MessageType.AGENT_EVENT, key=key)

    async def publish_knowledge(
        self,
        channel: str | int,
        key: str,
        body: str,
        *,
        kind: Kind = "observation",
        source: int | None = None,
        replaces: Fact | int | None = None,
        client_key: str | None = None,
    ) -> Fact:
        """Say what a channel knows under a key; `replaces` is the fact that stood there, found by find_knowledge.

        If another fact stands there now, the call is refused with its id, so nobody's news is overwritten unread.
        """
        place = await self._session.channel(channel)
        return await self._parts.knowledge.publish(
            place.id, key, body, kind=kind, source=source, replaces=replaces, client_key=client_key
        )

    async def find_knowledge(
        self, channel: str | int, key: str | None = None, *, prefix: str = "", verified: bool | None = None
    ) -> list[Fact]:
        """Return what a channel knows now: under a key, under all keys with a prefix, verified or not."""
        place = await self._session.channel(channel)
        return await self._parts.knowledge.find(place.id, key, prefix=prefix, verified=verified)

    async def verify_knowledge(self, fact: Fact | int) -> None:
        """Confirm what somebody else has published; a verified fact stays as it is."""
        await self._parts.knowledge.verify(fact)

    async def retract_knowledge(self, fact: Fact | int) -> None:
        """Take back a fact of one's own."""
        await self._parts.knowledge.retract(fact)

    def inbox(self) -> AsyncIterator[Item]:
        """Give what calls this agent and no handler takes, for as long as it is connected; `await item.ack()` each."""
        return self._parts.inbox.items()

    async def digest(self, *, budget_chars: int = BUDGET_CHARS) -> str:
        """Return what this agent missed, for a model to read, in at most budget_chars characters (at least 300).

        The most pressing comes first and what was left out is counted. Nothing is acknowledged by reading.
        """
        return await self._parts.digest.text(budget_chars)

    async def history(self, channel: str | int, *, limit: int = 50) -> list[Message]:
        """Return the newest messages of a channel, at most 1000, oldest first."""
        place = await self._session.channel(channel)
        [head] = await self._session.rows(queries.head_of(place.id))
        after = max(0, head.last_seq - min(limit, HISTORY_MAX))
        rows = await self._session.rows(queries.messages_in(place.id, after_seq=after))
        return [await message_of(self._session, row) for row in sorted(rows, key=lambda row: row.seq)]

    async def status(self, text: str | None) -> None:
        """Say what this agent is doing, in at most 128 characters; None clears it."""
        await self._session.settle(set_presence, True, text or "")

    async def join(self, server_id: int) -> None:
        """Become a member of a server that is open to all."""
        await self._session.settle(join_server, server_id)

    async def create_channel(self, name: str, *, server: int = 1, kind: str = "text", topic: str | None = None) -> int:
        """Make a channel (text, voice, announcement or agent_log) where this identity is Admin; returns its id."""
        await self._session.call(create_channel, server, name.removeprefix("#"), ChannelType[kind.upper()], topic)
        return (await self._session.channel(name)).id

    async def call(self, reducer: str | Callable[..., None], **arguments: Any) -> CallResult:
        """Call any reducer of the host by name, for what has no method here."""
        return await self._session.call(reducer, **arguments)

    async def query(self, sql: str) -> list[Any]:
        """Return the rows of one query, among those that this identity may see."""
        return await self._session.rows(sql)
