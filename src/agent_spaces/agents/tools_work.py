"""Function tools to work together: tasks, votes, events, knowledge."""

import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from msgspec import Meta

from agent_spaces.agents.errors import UnknownPlaceError
from agent_spaces.agents.tool_kit import Arguments, ToolArgumentError, Toolset
from agent_spaces.agents.tool_rows import NOTE, bounded, fact_fields, message_fields, task_fields, vote_fields
from agent_spaces.agents.tools_talk import Channel, Key, Thread, thread_of
from agent_spaces.fabric.queries import quoted
from agent_spaces.fabric.reducers import task_claims
from agent_spaces.fabric.reducers.knowledge import publish_knowledge as publish
from agent_spaces.fabric.reducers.tasks import submit_task as submit
from agent_spaces.fabric.reducers.votes import cast_ballot as cast
from agent_spaces.fabric.reducers.votes import open_vote as open_
from agent_spaces.fabric.types import Electorate, KnowledgeKind, MessageType

if TYPE_CHECKING:
    from agent_spaces.agents.tools import Toolbox

WORK = Toolset()
TaskId = Annotated[int, Meta(ge=1)]
Attempt = Annotated[int, Meta(ge=1, description="The attempt that spaces_claim_task gave: it proves that you hold it.")]
Lease = Annotated[int, Meta(ge=1, le=3600, description="How long it is yours without renewing, in seconds.")]


class SubmitTask(Arguments, frozen=True):
    """Hand out a task in a channel, to whoever has the skill or to one target. You are called when it ends."""

    idempotent: ClassVar[bool] = False
    channel_id: Channel
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    body: Annotated[str, Meta(max_length=8000)] = ""
    skill: Annotated[str, Meta(description="Who works on it must have this on their card; empty: anybody.")] = ""
    target: Annotated[str | None, Meta(description="The one who shall do it, by username.")] = None
    thread_id: Thread = None
    parent_id: int | None = None
    failures_max: Annotated[int, Meta(ge=1, le=20)] = 3
    key: Key = None


@WORK.tool(SubmitTask)
async def submit_task(box: "Toolbox", a: SubmitTask) -> dict[str, Any]:
    """Return the task that the call made."""
    place = await box.session.channel(a.channel_id)
    arguments = {
        "channel_id": place.id,
        "thread_id": await thread_of(box, place.id, a.thread_id),
        "parent_id": a.parent_id or 0,
        "title": a.title,
        "body": a.body,
        "skill": a.skill,
        "target": None if a.target is None else await box.session.identity_of(a.target),
        "failures_max": a.failures_max,
        "meta": None,
    }
    sent = await box.session.send(submit, arguments, a.key)
    return {**await task_of(box, sent.id), "duplicate": sent.duplicate}


class ClaimTask(Arguments, frozen=True):
    """Take a task, so that nobody else works on it. Renew before the lease ends; then complete or fail it."""

    idempotent: ClassVar[bool] = False
    task_id: TaskId
    lease_seconds: Lease = 300


@WORK.tool(ClaimTask)
async def claim_task(box: "Toolbox", a: ClaimTask) -> dict[str, Any]:
    """Return the task with its body and the attempt, which later calls need."""
    await box.session.settle(task_claims.claim_task, a.task_id, a.lease_seconds)
    return await task_of(box, a.task_id)


class RenewTask(Arguments, frozen=True):
    """Keep a task that you hold, and say how it stands."""

    task_id: TaskId
    attempt: Attempt
    lease_seconds: Lease = 300
    note: Annotated[str, Meta(max_length=256, description="How it stands, for others to see.")] | None = None


@WORK.tool(RenewTask)
async def renew_task(box: "Toolbox", a: RenewTask) -> dict[str, Any]:
    """Return the task with its new lease."""
    await box.session.settle(task_claims.renew_task, a.task_id, a.attempt, a.lease_seconds, a.note)
    return await task_of(box, a.task_id)


class CompleteTask(Arguments, frozen=True):
    """Hand in the result of a task that you hold. Refused if it is somebody else's by now."""

    task_id: TaskId
    attempt: Attempt
    result: Annotated[str, Meta(max_length=32_000)]


@WORK.tool(CompleteTask)
async def complete_task(box: "Toolbox", a: CompleteTask) -> dict[str, Any]:
    """Return the task as it ended."""
    await box.session.settle(task_claims.complete_task, a.task_id, a.attempt, a.result)
    return await task_of(box, a.task_id)


class FailTask(Arguments, frozen=True):
    """Give up a task that you hold; others may try it again, until it failed too often."""

    destructive: ClassVar[bool] = True
    idempotent: ClassVar[bool] = False
    task_id: TaskId
    attempt: Attempt
    reason: Annotated[str, Meta(min_length=1, max_length=256)]


@WORK.tool(FailTask)
async def fail_task(box: "Toolbox", a: FailTask) -> dict[str, Any]:
    """Return the task as it stands now."""
    await box.session.call(task_claims.fail_task, a.task_id, a.attempt, a.reason)
    return await task_of(box, a.task_id)


class RequestInput(Arguments, frozen=True):
    """Ask for input that a task you hold needs; it waits until somebody answers, and then you are called."""

    idempotent: ClassVar[bool] = False
    task_id: TaskId
    attempt: Attempt
    prompt: Annotated[str, Meta(min_length=1, max_length=2000)]
    human_only: Annotated[bool, Meta(description="Only a person's answer counts, as for an approval.")] = False


@WORK.tool(RequestInput)
async def request_input(box: "Toolbox", a: RequestInput) -> dict[str, Any]:
    """Return the task, which waits."""
    await box.session.call(task_claims.request_input, a.task_id, a.attempt, a.prompt, a.human_only)
    return await task_of(box, a.task_id)


class OpenVote(Arguments, frozen=True):
    """Ask the members of a channel's server to decide. It closes once all have voted, or when the time is over."""

    idempotent: ClassVar[bool] = False
    channel_id: Channel
    question: Annotated[str, Meta(min_length=1, max_length=500)]
    options: Annotated[list[str], Meta(min_length=2, max_length=20)]
    quorum: Annotated[int, Meta(ge=1, description="So many ballots at least decide.")] = 1
    closes_in_seconds: Annotated[int, Meta(ge=1, le=30 * 86_400)] = 600
    electorate: Literal["members", "humans", "agents"] = "members"
    key: Key = None


@WORK.tool(OpenVote)
async def open_vote(box: "Toolbox", a: OpenVote) -> dict[str, Any]:
    """Return the vote that the call opened."""
    place = await box.session.channel(a.channel_id)
    arguments = {
        "channel_id": place.id,
        "question": a.question,
        "options": list(a.options),
        "electorate": Electorate[a.electorate.upper()],
        "quorum": a.quorum,
        "closes_in_seconds": a.closes_in_seconds,
    }
    sent = await box.session.send(open_, arguments, a.key)
    return {**await _vote(box, sent.id), "duplicate": sent.duplicate}


class CastBallot(Arguments, frozen=True):
    """Vote for an option, by its text or its position from 0. A second ballot replaces the first."""

    vote_id: Annotated[int, Meta(ge=1)]
    choice: int | str


@WORK.tool(CastBallot)
async def cast_ballot(box: "Toolbox", a: CastBallot) -> dict[str, Any]:
    """Return the vote as it stands now."""
    found = await box.session.rows(f"SELECT * FROM vote WHERE id = {a.vote_id}")
    if not found:
        raise UnknownPlaceError(f"There is no vote {a.vote_id} that you can see.")
    options = list(found[0].options)
    choice = options.index(a.choice) if isinstance(a.choice, str) and a.choice in options else a.choice
    if isinstance(choice, str):
        if not (choice.isascii() and choice.isdigit()):
            raise ToolArgumentError(f"Vote {a.vote_id} has no option {choice!r}; give its text or its position from 0.")
        choice = int(choice)
    await box.session.settle(cast, a.vote_id, choice)
    return await _vote(box, a.vote_id)


class PublishEvent(Arguments, frozen=True):
    """Post a fact for programs: an event with a dotted name (build.finished) and members of your own, as JSON."""

    idempotent: ClassVar[bool] = False
    channel_id: Channel
    event: Annotated[str, Meta(min_length=1, max_length=64)]
    data: Annotated[
        dict[str, Any] | None, Meta(description="Members of the event; all of it at most 4000 characters.")
    ] = None
    key: Key = None


@WORK.tool(PublishEvent)
async def publish_event(box: "Toolbox", a: PublishEvent) -> dict[str, Any]:
    """Return the message that holds the event."""
    place = await box.session.channel(a.channel_id)
    content = json.dumps({**(a.data or {}), "event": a.event}, ensure_ascii=False)
    sent = await box.session.post(place.id, content, kind=MessageType.AGENT_EVENT, key=a.key)
    row = await box.session.message_row(sent.id)
    if row is None:
        raise UnknownPlaceError(f"Event {sent.id} was published, and is deleted already.")
    return {"message": await message_fields(box.session, row), "duplicate": sent.duplicate}


class PublishKnowledge(Arguments, frozen=True):
    """Say what a channel knows under a key (build/command). To change a fact, name the one that it replaces."""

    idempotent: ClassVar[bool] = False
    channel_id: Channel
    key: Annotated[str, Meta(min_length=1, max_length=128)]
    body: Annotated[str, Meta(min_length=1, max_length=8000)]
    kind: Literal["observation", "inference", "directive"] = "observation"
    replaces: Annotated[int | None, Meta(description="The knowledge_id that stands under the key now.")] = None
    source_message_id: Annotated[int | None, Meta(description="The message of the channel that it comes from.")] = None
    client_key: Key = None


@WORK.tool(PublishKnowledge)
async def publish_knowledge(box: "Toolbox", a: PublishKnowledge) -> dict[str, Any]:
    """Return the fact that the call made."""
    place = await box.session.channel(a.channel_id)
    arguments = {
        "channel_id": place.id,
        "key": a.key,
        "body": a.body,
        "kind": KnowledgeKind[a.kind.upper()],
        "source_message_id": a.source_message_id or 0,
        "supersedes": a.replaces or 0,
    }
    sent = await box.session.send(publish, arguments, a.client_key)
    [row] = await box.session.rows(f"SELECT * FROM knowledge WHERE id = {sent.id}")
    return {"knowledge": await fact_fields(box.session, row), "duplicate": sent.duplicate}


class FindKnowledge(Arguments, frozen=True):
    """Read what a channel knows now: under one key, or under all keys that begin alike."""

    read_only: ClassVar[bool] = True
    channel_id: Channel
    key: str | None = None
    prefix: str = ""


@WORK.tool(FindKnowledge)
async def find_knowledge(box: "Toolbox", a: FindKnowledge) -> dict[str, Any]:
    """Return the facts that stand, by key."""
    place = await box.session.channel(a.channel_id)
    named = "" if a.key is None else f" AND key = {quoted(a.key)}"
    current = f"channel_id = {place.id}{named} AND superseded_by = 0 AND retracted = false"
    rows = await box.session.rows(f"SELECT * FROM knowledge WHERE {current}")
    found = sorted((row for row in rows if row.key.startswith(a.prefix)), key=lambda row: row.key)
    kept, left = bounded([await fact_fields(box.session, row) for row in found])
    return {"note": NOTE, "knowledge": kept, "left_out": left}


async def task_of(box: "Toolbox", task_id: int) -> dict[str, Any]:
    """Return a task with its long texts; UnknownPlaceError if there is none that this identity can see."""
    rows = await box.session.rows(f"SELECT * FROM task WHERE id = {task_id}")
    if not rows:
        raise UnknownPlaceError(f"There is no task {task_id} that you can see.")
    texts = await box.session.rows(f"SELECT * FROM task_text WHERE task_id = {task_id}")
    return {"note": NOTE, "task": await task_fields(box.session, rows[0], texts[0] if texts else None)}


async def _vote(box: "Toolbox", vote_id: int) -> dict[str, Any]:
    [row] = await box.session.rows(f"SELECT * FROM vote WHERE id = {vote_id}")
    return {"note": NOTE, "vote": await vote_fields(box.session, row)}
