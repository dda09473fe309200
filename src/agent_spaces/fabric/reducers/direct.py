"""Conversations of two."""

from agent_spaces.errors import InvalidArgumentError, RefusedError
from agent_spaces.fabric import access, budget, keys, rules, rules_text, talk
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import DirectConversation, DirectMessage, Server, ServerMember
from agent_spaces.module import ReducerContext, reducer
from agent_spaces.sats import Identity, u64


def _share_a_server(ctx: ReducerContext, one: Identity, other: Identity) -> bool:
    return any(
        access.membership(ctx, other, member.server_id) is not None
        and ctx.db[Server].find(member.server_id) is not None
        for member in ctx.db[ServerMember].identity.filter(one)
    )


@reducer
def start_dm(ctx: ReducerContext, recipient: Identity) -> None:
    """Open a conversation with somebody of a server that both are in; one that exists stays as it is."""
    access.caller(ctx)
    if recipient == ctx.sender:
        raise InvalidArgumentError(rules.DIRECT_TO_ONESELF)
    access.profile_of(ctx, recipient)
    if access.has_blocked(ctx, recipient, ctx.sender):
        raise RefusedError(rules.BLOCKED)
    conversations = ctx.db[DirectConversation]
    pair = (ctx.sender, recipient) if ctx.sender < recipient else (recipient, ctx.sender)
    if conversations.by_participant_a_participant_b.find(*pair) is not None:
        return
    if not _share_a_server(ctx, ctx.sender, recipient):
        raise RefusedError(rules.NO_SHARED_SERVER)
    if conversations.starter.count(ctx.sender) >= rules.CONVERSATIONS_STARTED_MAX:
        raise RefusedError(rules.TOO_MANY_CONVERSATIONS)
    budget.spend(ctx)
    now = ctx.timestamp
    conversations.insert(DirectConversation(0, *pair, now, now, 0, now, 0, 0, 0, ctx.sender))


@reducer
def send_dm(
    ctx: ReducerContext,
    conversation_id: u64,
    content: str,
    reply_to_id: u64 | None = None,
    client_key: str | None = None,
    meta: str | None = None,
) -> None:
    """Write to the other participant, who must not have blocked the caller."""
    profile = access.caller(ctx)
    rules_text.check_content(content)
    rules_text.check_client_key(client_key)
    rules_text.check_meta_text(meta)
    rules_text.check_meta_object(meta)
    if keys.is_repeat(ctx, client_key):
        return
    conversation = access.conversation_of(ctx, conversation_id)
    if reply_to_id is not None:
        target = ctx.db[DirectMessage].find(reply_to_id)
        if target is None or target.conversation_id != conversation_id:
            raise RefusedError(rules.no_message_in_conversation(reply_to_id))
    is_a = conversation.participant_a == ctx.sender
    recipient = conversation.participant_b if is_a else conversation.participant_a
    if access.has_blocked(ctx, recipient, ctx.sender):
        raise RefusedError(rules.BLOCKED)
    streak, last_text_at = conversation.agent_streak, conversation.last_text_at
    if profile.is_agent:
        talk.check_streak(ctx, streak, rules.AGENT_STREAK_DEFAULT, last_text_at)

    now, seq = ctx.timestamp, conversation.last_seq + 1
    message = ctx.db[DirectMessage].insert(
        DirectMessage(
            0,
            conversation_id,
            ctx.sender,
            content,
            now,
            None,
            False,
            recipient,
            seq,
            reply_to_id,
            rules_text.given(meta),
        )
    )
    ctx.db[DirectConversation].update(
        replace(
            conversation,
            last_message_at=now,
            last_seq=seq,
            last_text_at=now,
            agent_streak=talk.next_streak(ctx, profile.is_agent, streak, last_text_at),
        )
    )
    keys.record(ctx, client_key, message.id)


@reducer
def mark_dm_read(ctx: ReducerContext, conversation_id: u64, up_to_seq: u64 | None = None) -> None:
    """Mark the other's messages as read up to a seq (none = all), 1000 rows a call: call until it is there."""
    access.caller(ctx)
    conversation = access.conversation_of(ctx, conversation_id)
    is_a = conversation.participant_a == ctx.sender
    done = conversation.read_seq_a if is_a else conversation.read_seq_b
    last = conversation.last_seq if up_to_seq is None else min(up_to_seq, conversation.last_seq)
    if last <= done:
        return
    messages = ctx.db[DirectMessage]
    rows = messages.by_conversation_id_seq.range(conversation_id, low=done + 1, high=last)
    if len(rows) >= rules.DIRECT_ROWS_READ_MAX:
        rows = rows[: rules.DIRECT_ROWS_READ_MAX]
        last = rows[-1].seq
    for row in rows:
        if row.sender != ctx.sender and not row.read:
            messages.update(replace(row, read=True))
    after = replace(conversation, read_seq_a=last) if is_a else replace(conversation, read_seq_b=last)
    ctx.db[DirectConversation].update(after)


@reducer
def edit_dm(ctx: ReducerContext, message_id: u64, content: str) -> None:
    """Replace what the caller's own direct message says."""
    access.caller(ctx)
    rules_text.check_content(content)
    message = access.direct_message_of(ctx, message_id)
    if message.sender != ctx.sender:
        raise RefusedError(rules.EDIT_BY_SENDER)
    if message.content != content:
        ctx.db[DirectMessage].update(replace(message, content=content, edited_at=ctx.timestamp))


@reducer
def delete_dm(ctx: ReducerContext, message_id: u64) -> None:
    """Delete the caller's own direct message."""
    access.caller(ctx)
    message = access.direct_message_of(ctx, message_id)
    if message.sender != ctx.sender:
        raise RefusedError(rules.DELETE_BY_SENDER)
    ctx.db[DirectMessage].delete(message_id)


REDUCERS = (start_dm, send_dm, mark_dm_read, edit_dm, delete_dm)
