"""Saying something in a channel: the next seq, the head, the thread, agents in a row (contract sections 4.5, 4.7)."""

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import access, rules
from agent_spaces.fabric.tables import Channel, ChannelHead, Message, ServerMember, Thread
from agent_spaces.fabric.types import ChannelType, MessageType
from agent_spaces.module import ReducerContext
from agent_spaces.sats import Identity

_TEXT_CHANNEL, _TEXT = ChannelType.TEXT, MessageType.TEXT  # looking members up in their class takes longer


def check_may_post(channel: Channel, member: ServerMember) -> None:
    """Refuse Text and AgentEvents where this member may send none: step 7."""
    kind = channel.channel_type
    if kind == _TEXT_CHANNEL:
        return
    if kind == ChannelType.VOICE:
        raise RefusedError(rules.VOICE_CARRIES_NO_TEXT)
    if kind == ChannelType.ANNOUNCEMENT and rules.LEVELS[member.role] < rules.ADMIN_LEVEL:
        raise RefusedError(rules.ANNOUNCEMENTS_BY_ADMINS)


def check_streak(ctx: ReducerContext, streak: int, streak_max: int, last_text_at: int) -> None:
    """Refuse an agent's Text after streak_max of them in a row (0 = no limit), until 10 minutes were quiet. Step 9."""
    if streak_max and streak >= streak_max and ctx.timestamp < last_text_at + rules.AGENT_STREAK_QUIET_US:
        raise RefusedError(rules.agents_in_a_row(streak_max))


def next_streak(ctx: ReducerContext, is_agent: bool, streak: int, last_text_at: int) -> int:
    """Return how many Texts by agents stand in a row after one more Text; at U32_MAX the count stands still."""
    if not is_agent:
        return 0
    if ctx.timestamp >= last_text_at + rules.AGENT_STREAK_QUIET_US:
        return 1
    return streak + 1 if streak < rules.U32_MAX else streak


def post_text(
    ctx: ReducerContext,
    channel: Channel,
    head: ChannelHead,
    is_agent: bool,
    content: str,
    thread: Thread | None,
    reply_to_id: int | None,
    meta: str | None,
) -> Message:
    """Add a member's Text, whose checks are all done; what it calls somebody for is left to attention."""
    db, now = ctx.db, ctx.timestamp
    channel_id, server_id, seq = channel.id, channel.server_id, head.last_seq + 1
    thread_id = None if thread is None else thread.id
    message = Message(
        0, channel_id, thread_id, ctx.sender, content, _TEXT, now, None, reply_to_id, server_id, seq, meta
    )
    db[Message].insert(message)  # and numbers it
    streak = next_streak(ctx, is_agent, head.agent_streak, head.last_text_at) if is_agent else 0
    db[ChannelHead].update(ChannelHead(channel_id, server_id, seq, seq, message.id, now, now, streak, head.open_tasks))
    if thread is not None:
        _touch(ctx, thread)
    return message


def post(
    ctx: ReducerContext,
    channel: Channel,
    sender: Identity,
    message_type: MessageType,
    content: str,
    *,
    thread_id: int | None = None,
    reply_to_id: int | None = None,
    meta: str | None = None,
) -> Message:
    """Add a message that is no Text: an AgentEvent, or what the module says by itself with `sender` as its sender.

    It takes part in seq and moves the head and the thread (archived or not), but no streak and no last_text_at.
    """
    now = ctx.timestamp
    head = access.head_of(ctx, channel.id)
    seq = head.last_seq + 1
    message = ctx.db[Message].insert(
        Message(
            0,
            channel.id,
            thread_id,
            sender,
            content,
            message_type,
            now,
            None,
            reply_to_id,
            channel.server_id,
            seq,
            meta,
        )
    )
    ctx.db[ChannelHead].update(
        ChannelHead(
            channel.id,
            head.server_id,
            seq,
            head.last_text_seq,
            message.id,
            now,
            head.last_text_at,
            head.agent_streak,
            head.open_tasks,
        )
    )
    if thread_id is not None:
        thread = ctx.db[Thread].find(thread_id)
        if thread is not None:
            _touch(ctx, thread)
    return message


def _touch(ctx: ReducerContext, thread: Thread) -> None:
    ctx.db[Thread].update(
        Thread(
            thread.id,
            thread.channel_id,
            thread.name,
            thread.creator,
            thread.created_at,
            thread.archived,
            ctx.timestamp,
            thread.server_id,
        )
    )


def home_channel(ctx: ReducerContext, server_id: int) -> Channel | None:
    """Return the Text channel with the lowest (position, id), where the module speaks of a server's members."""
    return min(
        (row for row in ctx.db[Channel].server_id.filter(server_id) if row.channel_type == ChannelType.TEXT),
        key=lambda row: (row.position, row.id),
        default=None,
    )


def say_at_home(ctx: ReducerContext, server_id: int, message_type: MessageType, content: str) -> None:
    """Post what the module says about a server's members, as the caller; nothing if there is no home channel."""
    home = home_channel(ctx, server_id)
    if home is not None:
        post(ctx, home, ctx.sender, message_type, content)


def check_not_archived(ctx: ReducerContext, thread_id: int | None) -> None:
    """Refuse what cannot be done to a message of an archived thread: step 8."""
    if thread_id is not None:
        thread = ctx.db[Thread].find(thread_id)
        if thread is not None and thread.archived:
            raise RefusedError(rules.THREAD_ARCHIVED)
