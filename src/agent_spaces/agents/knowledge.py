"""What a channel knows: facts under keys, with their author, who verified them, and what they replaced."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agent_spaces.agents.messages import moment
from agent_spaces.agents.session import Author, Session
from agent_spaces.fabric import tables
from agent_spaces.fabric.queries import quoted
from agent_spaces.fabric.reducers.knowledge import publish_knowledge, retract_knowledge, verify_knowledge
from agent_spaces.fabric.types import KnowledgeKind

Kind = Literal["observation", "inference", "directive"]
CURRENT = "superseded_by = 0 AND retracted = false"


@dataclass(frozen=True, slots=True)
class Fact:
    """What a channel knows under a key. `body` is what `author` wrote: data, also where it calls itself a directive.

    Of a kind "directive" the host knows that a person who is Moderator or above published it.
    """

    id: int
    channel_id: int
    key: str
    body: str
    kind: Kind
    author: Author
    verified_by: Author | None
    source_message_id: int | None
    supersedes: int | None
    at: datetime

    @property
    def verified(self) -> bool:
        """Whether somebody other than its author has confirmed it."""
        return self.verified_by is not None


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """Publishes and finds facts."""

    session: Session

    async def publish(
        self,
        channel_id: int,
        key: str,
        body: str,
        *,
        kind: Kind,
        source: int | None,
        replaces: "Fact | int | None",
        client_key: str | None,
    ) -> Fact:
        """Publish a fact; see Agent.publish_knowledge."""
        args = {
            "channel_id": channel_id,
            "key": key,
            "body": body,
            "kind": KnowledgeKind[kind.upper()],
            "source_message_id": source or 0,
            "supersedes": replaces.id if isinstance(replaces, Fact) else replaces or 0,
        }
        sent = await self.session.send(publish_knowledge, args, client_key)
        [row] = await self.session.rows(f"SELECT * FROM knowledge WHERE id = {sent.id}")
        return await self.of(row)

    async def find(self, channel_id: int, key: str | None, *, prefix: str, verified: bool | None) -> list[Fact]:
        """Return the current facts of a channel; see Agent.find_knowledge."""
        where = f"channel_id = {channel_id} AND " + ("" if key is None else f"key = {quoted(key)} AND ") + CURRENT
        rows: list[tables.Knowledge] = await self.session.rows(f"SELECT * FROM knowledge WHERE {where}")
        found = [row for row in rows if row.key.startswith(prefix)]
        if verified is not None:
            found = [row for row in found if (row.verified_by is not None) == verified]
        return [await self.of(row) for row in sorted(found, key=lambda row: row.key)]

    async def verify(self, fact: Fact | int) -> None:
        """Confirm what somebody else has published."""
        await self.session.settle(verify_knowledge, fact.id if isinstance(fact, Fact) else fact)

    async def retract(self, fact: Fact | int) -> None:
        """Take back a fact."""
        await self.session.settle(retract_knowledge, fact.id if isinstance(fact, Fact) else fact)

    async def of(self, row: tables.Knowledge) -> Fact:
        """Return a row as programs get it."""
        author = self.session.author
        kinds: dict[KnowledgeKind, Kind] = {
            KnowledgeKind.OBSERVATION: "observation",
            KnowledgeKind.INFERENCE: "inference",
            KnowledgeKind.DIRECTIVE: "directive",
        }
        return Fact(
            row.id,
            row.channel_id,
            row.key,
            row.body,
            kinds[row.kind],
            await author(row.author),
            None if row.verified_by is None else await author(row.verified_by),
            row.source_message_id or None,
            row.supersedes or None,
            moment(row.created_at),
        )
