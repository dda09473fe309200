"""Tasks, votes and shared knowledge."""

from typing import Annotated

from agent_spaces.fabric.types import Electorate, KnowledgeKind, TaskState
from agent_spaces.fabric.visibility import MEMBERS
from agent_spaces.module import AutoInc, Index, Own, PrimaryKey, table
from agent_spaces.sats import Identity, Timestamp, u8, u32, u64


@table(
    "task",
    public=True,
    indexes=[Index("skill", "phase"), Index("target", "phase"), Index("assignee", "phase")],
    visible_to=MEMBERS,
)
class Task:
    """A piece of work that at most one identity holds; `attempt` is its fencing token."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    server_id: Annotated[u64, Index()]
    channel_id: Annotated[u64, Index()]
    thread_id: u64 | None
    parent_id: Annotated[u64, Index()]
    title: str
    skill: str
    target: Identity
    creator: Identity
    state: TaskState
    phase: u8
    assignee: Identity
    attempt: u32
    failures: u32
    failures_max: u32
    lease_until: Timestamp | None
    not_before: Timestamp
    human_only: bool
    note: str
    created_at: Timestamp
    updated_at: Timestamp


@table("task_text", public=True, visible_to=MEMBERS)
class TaskText:
    """The long texts of a task, apart so that a renewed lease does not send them again."""

    task_id: Annotated[u64, PrimaryKey()]
    server_id: Annotated[u64, Index()]
    channel_id: Annotated[u64, Index()]
    body: str
    input: str | None
    input_by: Identity | None
    result: str | None
    meta: str | None


@table("vote", public=True, indexes=[Index("channel_id", "closed"), Index("creator", "closed")], visible_to=MEMBERS)
class Vote:
    """A question to the members of a server."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    server_id: Annotated[u64, Index()]
    channel_id: Annotated[u64, Index()]
    creator: Identity
    question: str
    options: list[str]
    electorate: Electorate
    electors: u32
    quorum: u32
    closes_at: Timestamp
    ballots: u32
    closed: bool
    tally: list[u32]
    outcome: u32 | None
    member_id_max: u64
    created_at: Timestamp


@table("ballot", public=True, indexes=[Index("voter", "vote_id", form="pair")], visible_to=Own(("voter",)))
class Ballot:
    """One elector's choice."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    vote_id: Annotated[u64, Index()]
    server_id: Annotated[u64, Index()]
    voter: Annotated[Identity, Index()]
    choice: u32
    cast_at: Timestamp


@table("knowledge", public=True, indexes=[Index("channel_id", "key", "superseded_by", "retracted")], visible_to=MEMBERS)
class Knowledge:
    """A fact of a channel under a key; at most one row a key is current."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    server_id: Annotated[u64, Index()]
    channel_id: Annotated[u64, Index()]
    key: str
    body: str
    kind: KnowledgeKind
    author: Identity
    verified_by: Identity | None
    source_message_id: u64
    supersedes: u64
    superseded_by: u64
    retracted: bool
    created_at: Timestamp
