"""The rows of coordination that a call refers to, and where their events go; look-ups as in access.py."""

from typing import TYPE_CHECKING

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import access, rules, talk
from agent_spaces.fabric.tables import Channel, Knowledge, Server, Task, TaskText, Vote
from agent_spaces.fabric.types import MessageType

if TYPE_CHECKING:
    from agent_spaces.fabric.tables import Message, ServerMember, UserProfile
    from agent_spaces.module import ReducerContext
    from agent_spaces.sats import Identity


def is_there(ctx: "ReducerContext", channel_id: int, server_id: int) -> bool:
    """Tell whether channel and server still exist: rows of deleted ones wait for the purge."""
    return ctx.db[Channel].find(channel_id) is not None and ctx.db[Server].find(server_id) is not None


def task_of(ctx: "ReducerContext", task_id: int) -> "tuple[Task, ServerMember]":
    """Return a task with the caller's membership of its server, or refuse: "There is no task 12."."""
    task = ctx.db[Task].find(task_id)
    if task is not None and is_there(ctx, task.channel_id, task.server_id):
        member = access.membership(ctx, ctx.sender, task.server_id)
        if member is not None:
            return task, member
    raise RefusedError(rules.no_row("task", task_id))


def task_in(ctx: "ReducerContext", channel_id: int, task_id: int) -> Task:
    """Return a task of this channel, or refuse."""
    task = ctx.db[Task].find(task_id)
    if task is None or task.channel_id != channel_id:
        raise RefusedError(rules.no_row_in_channel("task", task_id))
    return task


def text_of(ctx: "ReducerContext", task: Task) -> TaskText:
    """Return the long texts of a task."""
    text = ctx.db[TaskText].find(task.id)
    assert text is not None, "a task has its texts"
    return text


def vote_of(ctx: "ReducerContext", vote_id: int) -> "tuple[Vote, ServerMember]":
    """Return a vote with the caller's membership of its server, or refuse: "There is no vote 3."."""
    vote = ctx.db[Vote].find(vote_id)
    if vote is not None and is_there(ctx, vote.channel_id, vote.server_id):
        member = access.membership(ctx, ctx.sender, vote.server_id)
        if member is not None:
            return vote, member
    raise RefusedError(rules.no_row("vote", vote_id))


def knowledge_of(ctx: "ReducerContext", knowledge_id: int) -> "tuple[Knowledge, ServerMember]":
    """Return a row of knowledge with the caller's membership of its server, or refuse."""
    row = ctx.db[Knowledge].find(knowledge_id)
    if row is not None and is_there(ctx, row.channel_id, row.server_id):
        member = access.membership(ctx, ctx.sender, row.server_id)
        if member is not None:
            return row, member
    raise RefusedError(rules.no_row("knowledge", knowledge_id))


def is_moderating_person(profile: "UserProfile", member: "ServerMember") -> bool:
    """Tell whether somebody is a person and Moderator, Admin or Owner."""
    return not profile.is_agent and access.is_moderator(member)


def announce_in(
    ctx: "ReducerContext", channel_id: int, thread_id: int | None, sender: "Identity", content: str
) -> "Message":
    """Send an event of the module into a channel that exists, or into a thread of it."""
    channel = ctx.db[Channel].find(channel_id)
    assert channel is not None, "events are sent where their task, vote or knowledge lives"
    return talk.post(ctx, channel, sender, MessageType.AGENT_EVENT, content, thread_id=thread_id)
