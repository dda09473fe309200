"""A channel and its head are made together and go together."""

from agent_spaces.fabric import rules, timers
from agent_spaces.fabric.tables import Channel, ChannelHead
from agent_spaces.fabric.types import ChannelType, TimerKind
from agent_spaces.module import ReducerContext


def add(
    ctx: ReducerContext, server_id: int, name: str, channel_type: ChannelType, topic: str | None, position: int
) -> Channel:
    """Make a channel with its head; agents in a row are limited everywhere but in AgentLog channels."""
    now = ctx.timestamp
    streak_max = 0 if channel_type == ChannelType.AGENT_LOG else rules.AGENT_STREAK_DEFAULT
    channel = ctx.db[Channel].insert(Channel(0, server_id, name, topic, channel_type, position, now, streak_max))
    ctx.db[ChannelHead].insert(ChannelHead(channel.id, server_id, 0, 0, 0, now, now, 0, 0))
    return channel


def remove(ctx: ReducerContext, channel_id: int) -> None:
    """Remove a channel with its head at once, and have the rest purged."""
    ctx.db[Channel].delete(channel_id)
    ctx.db[ChannelHead].delete(channel_id)
    timers.arm(ctx, TimerKind.PURGE_CHANNEL, channel_id, ctx.timestamp)
