"""What finish_import derives from the imported rows, because it is private or says what is so now."""

from typing import TYPE_CHECKING, Any

from agent_spaces.fabric import task_rules, timers
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import (
    AuditEntry,
    Channel,
    ChannelPin,
    ChannelReadState,
    IdentityState,
    InboxItem,
    Knowledge,
    Message,
    MessageEdit,
    Reaction,
    Server,
    ServerBan,
    ServerInvite,
    ServerMember,
    ServerMute,
    Task,
    TaskText,
    Thread,
    UserConnection,
    UserPresence,
    Vote,
)
from agent_spaces.fabric.types import TimerKind
from agent_spaces.sats import Timestamp

if TYPE_CHECKING:
    from agent_spaces.module import ReducerContext
    from agent_spaces.sats import Identity

# What a purge of a channel or of a server removes, by the column that names it.
OF_CHANNELS: tuple[type[Any], ...] = (
    Thread,
    ChannelPin,
    Message,
    Reaction,
    MessageEdit,
    ChannelReadState,
    InboxItem,
    Task,
    TaskText,
    Vote,
    Knowledge,
)
OF_SERVERS: tuple[type[Any], ...] = (ServerMember, ServerMute, ServerBan, ServerInvite, InboxItem, AuditEntry)


def derive_presences(ctx: "ReducerContext") -> None:
    """Let everybody be online who is connected to this database, and nobody else."""
    connections, presences = ctx.db[UserConnection], ctx.db[UserPresence]
    for presence in presences:
        online = connections.identity.count(presence.identity) > 0
        presences.update(replace(presence, online=online))


def count_inboxes(ctx: "ReducerContext") -> None:
    """Note down how many items each inbox has; call budgets begin anew."""
    counts: dict[Identity, int] = {}
    for item in ctx.db[InboxItem]:
        counts[item.identity] = counts.get(item.identity, 0) + 1
    states = ctx.db[IdentityState]
    for state in states:
        states.delete(state.identity)
    for identity, count in counts.items():
        states.insert(IdentityState(identity, Timestamp(0), 0, count))


def _gone(ctx: "ReducerContext", row_classes: tuple[type[Any], ...], column: str, parent: type[Any]) -> list[int]:
    """Return the ids of parents that rows still name though they are gone, ascending; 0 names none."""
    named = {getattr(row, column) for row_class in row_classes for row in ctx.db[row_class]}
    return [row_id for row_id in sorted(named) if row_id and ctx.db[parent].find(row_id) is None]


def arm_timers(ctx: "ReducerContext") -> None:
    """Arm what was under way: leases, open votes, purges of what is gone."""
    for task in ctx.db[Task]:
        if task.phase == task_rules.HELD:
            timers.arm(ctx, TimerKind.TASK_LEASE, task.id, task.lease_until or ctx.timestamp)
    for vote in ctx.db[Vote]:
        if not vote.closed:
            timers.arm(ctx, TimerKind.VOTE_CLOSE, vote.id, vote.closes_at)
    for channel_id in _gone(ctx, OF_CHANNELS, "channel_id", Channel):
        timers.arm(ctx, TimerKind.PURGE_CHANNEL, channel_id, ctx.timestamp)
    for server_id in _gone(ctx, OF_SERVERS, "server_id", Server):
        timers.arm(ctx, TimerKind.PURGE_SERVER, server_id, ctx.timestamp)
