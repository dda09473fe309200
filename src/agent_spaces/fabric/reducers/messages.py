"""Messages in channels: sent, edited, deleted."""

from agent_spaces.errors import InvalidArgumentError, RefusedError
from agent_spaces.fabric import access, attention, audit, keys, rules, rules_text, talk
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import ChannelPin, InboxItem, Message, MessageEdit, Reaction
from agent_spaces.fabric.types import InboxKind, MessageType
from agent_spaces.module import ReducerContext, reducer
from agent_spaces.sats import u64

_TEXT = MessageType.TEXT


@reducer
def send_message(
    ctx: ReducerContext,
    channel_id: u64,
    content: str,
    message_type: MessageType = MessageType.TEXT,
    thread_id: u64 | None = None,
    reply_to_id: u64 | None = None,
    client_key: str | None = None,
    meta: str | None = None,
) -> None:
    """Send a Text or an AgentEvent to a channel, or to a thread of it."""
    profile = access.caller(ctx)
    rules_text.check_content(content)
    is_text = message_type == _TEXT
    if not is_text and message_type != MessageType.AGENT_EVENT:
        raise InvalidArgumentError(rules.ONLY_THE_SYSTEM_SENDS)
    if client_key:
        rules_text.check_client_key(client_key)
    if meta or not is_text:
        rules_text.check_meta_text(meta)
        if not is_text:
            rules_text.check_event(content)
        rules_text.check_meta_object(meta)
    if client_key and keys.is_repeat(ctx, client_key):
        return
    channel, member = access.channel_of(ctx, channel_id)
    thread = None if thread_id is None else access.thread_in(ctx, channel_id, thread_id)
    target = None if reply_to_id is None else access.message_in(ctx, channel_id, reply_to_id)
    access.check_not_muted(ctx, channel.server_id)
    talk.check_may_post(channel, member)
    if thread is not None and thread.archived:
        raise RefusedError(rules.THREAD_ARCHIVED)
    if is_text:
        head = access.head_of(ctx, channel_id)
        if profile.is_agent:
            talk.check_streak(ctx, head.agent_streak, channel.agent_streak_max, head.last_text_at)
        message = talk.post_text(ctx, channel, head, profile.is_agent, content, thread, reply_to_id, meta or None)
        if target is not None or "@" in content:
            attention.call_about_message(ctx, channel, message, None if target is None else target.sender)
    else:
        message = talk.post(
            ctx,
            channel,
            ctx.sender,
            message_type,
            content,
            thread_id=thread_id,
            reply_to_id=reply_to_id,
            meta=meta or None,
        )
    if client_key:
        keys.record(ctx, client_key, message.id)


def _is_module_made(message: Message) -> bool:
    """Tell whether the module said this; its events are known by their names, which nobody else may use."""
    if message.message_type == MessageType.TEXT:
        return False
    if message.message_type != MessageType.AGENT_EVENT:
        return True
    return rules_text.module_prefix(rules_text.event_name(message.content)) is not None


@reducer
def edit_message(ctx: ReducerContext, message_id: u64, content: str) -> None:
    """Replace what the caller's own message says; what it said before is kept."""
    access.caller(ctx)
    rules_text.check_content(content)
    message, _ = access.message_of(ctx, message_id)
    access.check_not_muted(ctx, message.server_id)
    if message.sender != ctx.sender:
        raise RefusedError(rules.EDIT_BY_SENDER)
    if _is_module_made(message):
        raise RefusedError(rules.NOT_EDITABLE)
    if message.content == content:
        return
    if message.message_type == MessageType.AGENT_EVENT:
        rules_text.check_event(content)
    talk.check_not_archived(ctx, message.thread_id)
    edits = ctx.db[MessageEdit]
    if edits.message_id.count(message_id) >= rules.EDITS_MAX:
        raise RefusedError(rules.TOO_MANY_EDITS)

    edits.insert(MessageEdit(0, message_id, message.channel_id, message.server_id, message.content, ctx.timestamp))
    ctx.db[Message].update(replace(message, content=content, edited_at=ctx.timestamp))


@reducer
def delete_message(ctx: ReducerContext, message_id: u64) -> None:
    """Delete a message with what hangs on it; its sender may, unless the module made it, and Moderators and above."""
    access.caller(ctx)
    message, member = access.message_of(ctx, message_id)
    if not access.is_moderator(member):
        if message.sender != ctx.sender:
            raise RefusedError(rules.DELETE_BY_SENDER_OR_MODERATOR)
        if _is_module_made(message):
            raise RefusedError(rules.DELETE_BY_MODERATOR)
    for reaction in ctx.db[Reaction].message_id.filter(message_id):
        ctx.db[Reaction].delete(reaction.id)
    for edit in ctx.db[MessageEdit].message_id.filter(message_id):
        ctx.db[MessageEdit].delete(edit.id)
    pin = ctx.db[ChannelPin].message_id.find(message_id)
    if pin is not None:
        ctx.db[ChannelPin].delete(pin.id)
    calls = (InboxKind.MENTION, InboxKind.REPLY)
    attention.remove(ctx, [item for item in ctx.db[InboxItem].message_id.filter(message_id) if item.kind in calls])
    ctx.db[Message].delete(message_id)
    audit.note_message(ctx, "message.deleted", message)


REDUCERS = (send_message, edit_message, delete_message)
