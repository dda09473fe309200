"""Threads: side conversations of a channel."""

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import access, attention, audit, budget, keys, rules, rules_text, talk
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import ServerMember, Thread
from agent_spaces.module import ReducerContext, reducer
from agent_spaces.sats import u64


@reducer
def create_thread(
    ctx: ReducerContext,
    channel_id: u64,
    name: str,
    initial_message: str | None = None,
    client_key: str | None = None,
    meta: str | None = None,
) -> None:
    """Open a thread where the caller may post; an initial message is a Text like any other, and has the meta."""
    profile = access.caller(ctx)
    rules_text.check_channel_name("The thread name", name)
    if initial_message:
        rules_text.check_content(initial_message)
    rules_text.check_client_key(client_key)
    rules_text.check_meta_text(meta)
    rules_text.check_meta_object(meta)
    if keys.is_repeat(ctx, client_key):
        return
    channel, member = access.channel_of(ctx, channel_id)
    access.check_not_muted(ctx, channel.server_id)
    talk.check_may_post(channel, member)
    head = access.head_of(ctx, channel_id)
    if initial_message and profile.is_agent:
        talk.check_streak(ctx, head.agent_streak, channel.agent_streak_max, head.last_text_at)
    budget.spend(ctx)

    now = ctx.timestamp
    thread = ctx.db[Thread].insert(Thread(0, channel_id, name, ctx.sender, now, False, now, channel.server_id))
    if initial_message:
        message = talk.post_text(
            ctx, channel, head, profile.is_agent, initial_message, thread, None, rules_text.given(meta)
        )
        attention.call_about_message(ctx, channel, message, None)
    keys.record(ctx, client_key, thread.id)


def _check_creator_or_moderator(thread: Thread, member: ServerMember) -> None:
    if thread.creator != member.identity and not access.is_moderator(member):
        raise RefusedError(rules.THREAD_BY_CREATOR_OR_MODERATOR)


@reducer
def update_thread(ctx: ReducerContext, thread_id: u64, name: str) -> None:
    """Rename a thread; its creator may, and Moderators and above."""
    access.caller(ctx)
    rules_text.check_channel_name("The thread name", name)
    thread, member = access.thread_of(ctx, thread_id)
    access.check_not_muted(ctx, thread.server_id)
    _check_creator_or_moderator(thread, member)
    if thread.name != name:
        ctx.db[Thread].update(replace(thread, name=name))


@reducer
def archive_thread(ctx: ReducerContext, thread_id: u64) -> None:
    """Close a thread to everything but what the module says; its creator may, and Moderators and above."""
    _set_archived(ctx, thread_id, archived=True)


@reducer
def unarchive_thread(ctx: ReducerContext, thread_id: u64) -> None:
    """Open a thread again; its creator may, and Moderators and above."""
    _set_archived(ctx, thread_id, archived=False)


def _set_archived(ctx: ReducerContext, thread_id: int, *, archived: bool) -> None:
    access.caller(ctx)
    thread, member = access.thread_of(ctx, thread_id)
    _check_creator_or_moderator(thread, member)
    if thread.archived == archived:
        return
    ctx.db[Thread].update(replace(thread, archived=archived))
    action = "thread.archived" if archived else "thread.unarchived"
    audit.note(ctx, thread.server_id, action, channel_id=thread.channel_id, object_id=thread_id)


REDUCERS = (create_thread, update_thread, archive_thread, unarchive_thread)
