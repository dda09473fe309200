"""Channels: made, changed, deleted, read; and who is typing there."""

from agent_spaces.errors import InvalidArgumentError, RefusedError
from agent_spaces.fabric import access, audit, channel_rows, rules, rules_text
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import Channel, ChannelReadState, TypingIndicator
from agent_spaces.fabric.types import ChannelType
from agent_spaces.module import ReducerContext, reducer
from agent_spaces.sats import u32, u64

_FOLD = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})  # ASCII only


def _check_name_free(channels: list[Channel], name: str, own_id: int = 0) -> None:
    folded = name.translate(_FOLD)
    if any(channel.name.translate(_FOLD) == folded and channel.id != own_id for channel in channels):
        raise RefusedError(rules.CHANNEL_NAME_TAKEN)


@reducer
def create_channel(
    ctx: ReducerContext, server_id: u64, name: str, channel_type: ChannelType, topic: str | None = None
) -> None:
    """Make a channel behind all others. Admin and above."""
    access.caller(ctx)
    rules_text.check_channel_name("The channel name", name)
    if topic:
        rules_text.check_clean("The topic", topic, rules_text.DESCRIPTION_CHARS_MAX)
    access.server_row(ctx, server_id)
    access.check_admin(access.own_membership(ctx, server_id))
    channels = ctx.db[Channel].server_id.filter(server_id)
    _check_name_free(channels, name)
    if len(channels) >= rules.CHANNELS_MAX:
        raise RefusedError(rules.TOO_MANY_CHANNELS)

    highest = max((channel.position for channel in channels), default=-1)
    position = min(highest + 1, rules.POSITION_MAX)
    channel = channel_rows.add(ctx, server_id, name, channel_type, topic or None, position)
    audit.note(ctx, server_id, "channel.created", channel_id=channel.id, object_id=channel.id)


@reducer
def update_channel(
    ctx: ReducerContext,
    channel_id: u64,
    name: str | None = None,
    topic: str | None = None,
    position: u32 | None = None,
    agent_streak_max: u32 | None = None,
) -> None:
    """Change a channel: none leaves a field, an empty topic clears it. Moderator and above."""
    access.caller(ctx)
    if name is not None:
        rules_text.check_channel_name("The channel name", name)
    if topic:
        rules_text.check_clean("The topic", topic, rules_text.DESCRIPTION_CHARS_MAX)
    if position is not None and position > rules.POSITION_MAX:
        raise InvalidArgumentError(rules.POSITION_TOO_HIGH)
    if agent_streak_max is not None and agent_streak_max > rules.AGENT_STREAK_LIMIT_MAX:
        raise InvalidArgumentError(rules.AGENT_STREAK_MAX_TOO_HIGH)
    channel, member = access.channel_of(ctx, channel_id)
    access.check_moderator(member)
    after = replace(
        channel,
        name=channel.name if name is None else name,
        topic=rules_text.changed(channel.topic, topic),
        position=channel.position if position is None else position,
        agent_streak_max=channel.agent_streak_max if agent_streak_max is None else agent_streak_max,
    )
    if after == channel:
        return
    if after.name != channel.name:
        _check_name_free(ctx.db[Channel].server_id.filter(channel.server_id), after.name, channel_id)
    ctx.db[Channel].update(after)
    audit.note(ctx, channel.server_id, "channel.updated", channel_id=channel_id, object_id=channel_id)


@reducer
def delete_channel(ctx: ReducerContext, channel_id: u64) -> None:
    """Delete a channel at once, and have what hung on it purged. Admin and above."""
    access.caller(ctx)
    channel, member = access.channel_of(ctx, channel_id)
    access.check_admin(member)
    channel_rows.remove(ctx, channel_id)
    audit.note(ctx, channel.server_id, "channel.deleted", channel_id=channel_id, object_id=channel_id)


@reducer
def start_typing(ctx: ReducerContext, channel_id: u64) -> None:
    """Show who looks at the channel now that the caller is typing."""
    access.caller(ctx)
    channel, _ = access.channel_of(ctx, channel_id)
    access.check_not_muted(ctx, channel.server_id)
    ctx.db[TypingIndicator].insert(TypingIndicator(0, channel_id, ctx.sender, channel.server_id))


@reducer
def mark_channel_read(ctx: ReducerContext, channel_id: u64, message_id: u64) -> None:
    """Note how far the caller has read, never backwards; message 0 means all that there is."""
    access.caller(ctx)
    access.channel_of(ctx, channel_id)
    if message_id:
        seq = access.message_in(ctx, channel_id, message_id).seq
    else:
        head = access.head_of(ctx, channel_id)
        message_id, seq = head.last_message_id, head.last_seq
    states = ctx.db[ChannelReadState]
    state = states.by_identity_channel_id.find(ctx.sender, channel_id)
    if seq <= (0 if state is None else state.last_read_seq):
        return
    if state is None:
        states.insert(ChannelReadState(0, ctx.sender, channel_id, message_id, seq))
    else:
        states.update(ChannelReadState(state.id, ctx.sender, channel_id, message_id, seq))


REDUCERS = (create_channel, update_channel, delete_channel, start_typing, mark_channel_read)
