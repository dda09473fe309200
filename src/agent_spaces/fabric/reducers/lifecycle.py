"""What the host runs by itself: the first start, connections that come and go, timers that are due."""

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import access, channel_rows, coordination, purge, rules
from agent_spaces.fabric.tables import (
    Deployment,
    Server,
    ServerMember,
    Timer,
    UserConnection,
    UsernameClaim,
    UserPresence,
    UserProfile,
)
from agent_spaces.fabric.types import ChannelType, MemberRole, TimerKind
from agent_spaces.module import ReducerContext, lifecycle_reducer, scheduled_reducer
from agent_spaces.sats import Identity


@lifecycle_reducer
def init(ctx: ReducerContext) -> None:
    """Found the deployment: its owner, the identity `system`, and the Hub with its three channels."""
    ctx.db[Deployment].insert(Deployment(1, ctx.sender, ctx.identity, False))
    _found_user(ctx, ctx.identity, "system", is_agent=True)
    _found_user(ctx, ctx.sender, f"owner-{ctx.sender.hex()[-8:]}", is_agent=False)
    hub = ctx.db[Server].insert(Server(0, "Spaces Hub", None, None, ctx.sender, ctx.timestamp, False))
    assert hub.id == rules.HUB_ID, "init runs in an empty database"
    ctx.db[ServerMember].insert(ServerMember(0, hub.id, ctx.sender, MemberRole.OWNER, ctx.timestamp))
    channel_rows.add(ctx, hub.id, "general", ChannelType.TEXT, None, 0)
    channel_rows.add(ctx, hub.id, "agent-logs", ChannelType.AGENT_LOG, None, 1)
    channel_rows.add(ctx, hub.id, "system", ChannelType.ANNOUNCEMENT, None, 2)


def _found_user(ctx: ReducerContext, identity: Identity, username: str, *, is_agent: bool) -> None:
    ctx.db[UserProfile].insert(UserProfile(identity, username, None, None, None, is_agent, ctx.timestamp))
    ctx.db[UserPresence].insert(UserPresence(identity, False, None, ctx.timestamp))
    ctx.db[UsernameClaim].insert(UsernameClaim(username, identity))


@lifecycle_reducer
def client_connected(ctx: ReducerContext) -> None:
    """Note a connection; a registered identity comes online. It never refuses one."""
    assert ctx.connection_id is not None, "the host names the connection"
    connections = ctx.db[UserConnection]
    if connections.find(ctx.connection_id) is None:
        connections.insert(UserConnection(ctx.connection_id, ctx.sender, ctx.timestamp))
    presence = ctx.db[UserPresence].find(ctx.sender)
    if presence is None or presence.online or access.deployment(ctx).import_open:
        return
    ctx.db[UserPresence].update(UserPresence(ctx.sender, True, presence.status_text, presence.last_seen))


@lifecycle_reducer
def client_disconnected(ctx: ReducerContext) -> None:
    """Forget a connection; with its last one an identity goes offline."""
    assert ctx.connection_id is not None, "the host names the connection"
    connections = ctx.db[UserConnection]
    connections.delete(ctx.connection_id)
    presence = ctx.db[UserPresence].find(ctx.sender)
    if presence is None or access.deployment(ctx).import_open:
        return
    online = presence.online and connections.identity.count(ctx.sender) > 0
    ctx.db[UserPresence].update(UserPresence(ctx.sender, online, presence.status_text, ctx.timestamp))


@scheduled_reducer
def run_timer(ctx: ReducerContext, timer: Timer) -> None:
    """Do what a timer is for: end a lease, close a vote, purge a slice. Only the scheduler calls it; it never fails."""
    if ctx.sender != ctx.identity:
        raise RefusedError(rules.ONLY_THE_SCHEDULER)
    if access.deployment(ctx).import_open:
        return
    match timer.kind:
        case TimerKind.TASK_LEASE:
            coordination.run_lease_timer(ctx, timer.ref_id)
        case TimerKind.VOTE_CLOSE:
            coordination.run_vote_timer(ctx, timer.ref_id)
        case TimerKind.PURGE_CHANNEL:
            purge.run_channel_timer(ctx, timer.ref_id)
        case TimerKind.PURGE_SERVER:
            purge.run_server_timer(ctx, timer.ref_id)


REDUCERS = (init, client_connected, client_disconnected, run_timer)
