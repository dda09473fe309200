"""Reactions and pins: what members do to a message without saying anything."""

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import access, audit, rules, rules_text, talk
from agent_spaces.fabric.tables import Channel, ChannelPin, Reaction
from agent_spaces.fabric.types import MessageType
from agent_spaces.module import ReducerContext, reducer
from agent_spaces.sats import Identity, u64


def _own_reaction(ctx: ReducerContext, message_id: int, identity: Identity, emoji: str) -> Reaction | None:
    rows = ctx.db[Reaction].by_message_id_identity.filter(message_id, identity)
    return next((row for row in rows if row.emoji == emoji), None)


def _check_emoji(emoji: str) -> None:
    rules_text.check_line("The emoji", emoji, rules_text.EMOJI_CHARS_MAX)


@reducer
def add_reaction(ctx: ReducerContext, message_id: u64, emoji: str) -> None:
    """React to a message."""
    access.caller(ctx)
    _check_emoji(emoji)
    message, _ = access.message_of(ctx, message_id)
    access.check_not_muted(ctx, message.server_id)
    if _own_reaction(ctx, message_id, ctx.sender, emoji) is not None:
        return
    talk.check_not_archived(ctx, message.thread_id)
    reactions = ctx.db[Reaction]
    if reactions.message_id.count(message_id) >= rules.REACTIONS_MAX:
        raise RefusedError(rules.TOO_MANY_REACTIONS)
    if reactions.by_message_id_emoji.count(message_id, emoji) == 0:
        kinds = {reaction.emoji for reaction in reactions.message_id.filter(message_id)}
        if len(kinds) >= rules.EMOJI_KINDS_MAX:
            raise RefusedError(rules.TOO_MANY_EMOJI)
    reactions.insert(Reaction(0, message_id, ctx.sender, emoji, message.channel_id, message.server_id))


@reducer
def remove_reaction(ctx: ReducerContext, message_id: u64, emoji: str) -> None:
    """Take back the caller's own reaction."""
    access.caller(ctx)
    _check_emoji(emoji)
    access.message_of(ctx, message_id)
    reaction = _own_reaction(ctx, message_id, ctx.sender, emoji)
    if reaction is not None:
        ctx.db[Reaction].delete(reaction.id)


@reducer
def pin_message(ctx: ReducerContext, message_id: u64) -> None:
    """Pin a message, and say so in its channel. Moderator and above."""
    profile = access.caller(ctx)
    message, member = access.message_of(ctx, message_id)
    access.check_moderator(member)
    pins = ctx.db[ChannelPin]
    if pins.message_id.find(message_id) is not None:
        return
    if pins.channel_id.count(message.channel_id) >= rules.PINS_MAX:
        raise RefusedError(rules.TOO_MANY_PINS)
    pins.insert(ChannelPin(0, message.channel_id, message.server_id, message_id, ctx.sender, ctx.timestamp))
    channel = ctx.db[Channel].find(message.channel_id)
    assert channel is not None, "access.message_of looked"
    text = rules.pinned(profile.username)
    talk.post(ctx, channel, ctx.sender, MessageType.SYSTEM, text, reply_to_id=message_id)
    audit.note_message(ctx, "message.pinned", message)


@reducer
def unpin_message(ctx: ReducerContext, message_id: u64) -> None:
    """Take a pin off. Moderator and above."""
    access.caller(ctx)
    message, member = access.message_of(ctx, message_id)
    access.check_moderator(member)
    pin = ctx.db[ChannelPin].message_id.find(message_id)
    if pin is not None:
        ctx.db[ChannelPin].delete(pin.id)
        audit.note_message(ctx, "message.unpinned", message)


REDUCERS = (add_reaction, remove_reaction, pin_message, unpin_message)
