"""Servers: made, joined, left, changed, handed over, deleted."""

from agent_spaces.errors import InvalidArgumentError, RefusedError
from agent_spaces.fabric import (
    access,
    attention,
    audit,
    budget,
    channel_rows,
    invites,
    members,
    rules,
    rules_text,
    talk,
    timers,
)
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import Channel, Server, ServerMember, ServerMute
from agent_spaces.fabric.types import ChannelType, MemberRole, MessageType, TimerKind
from agent_spaces.module import ReducerContext, reducer
from agent_spaces.sats import Identity, u64


def _check_description(description: str | None) -> None:
    if description:
        rules_text.check_clean("The description", description, rules_text.DESCRIPTION_CHARS_MAX)


def _check_icon(icon_url: str | None) -> None:
    if icon_url:
        rules_text.check_url("The icon URL", icon_url)


@reducer
def create_server(ctx: ReducerContext, name: str, description: str | None = None, icon_url: str | None = None) -> None:
    """Make a server that the caller, a person, owns, with a Text channel "general"."""
    profile = access.caller(ctx)
    rules_text.check_line("The server name", name, rules_text.NAME_CHARS_MAX)
    _check_description(description)
    _check_icon(icon_url)
    if profile.is_agent:
        raise RefusedError(rules.PERSONS_CREATE_SERVERS)
    if ctx.db[Server].owner.count(ctx.sender) >= rules.SERVERS_OWNED_MAX:
        raise RefusedError(rules.OWNS_TOO_MANY)
    members.check_may_have_another(ctx, profile)
    budget.spend(ctx)

    server = ctx.db[Server].insert(
        Server(0, name, description or None, icon_url or None, ctx.sender, ctx.timestamp, False)
    )
    ctx.db[ServerMember].insert(ServerMember(0, server.id, ctx.sender, MemberRole.OWNER, ctx.timestamp))
    channel_rows.add(ctx, server.id, "general", ChannelType.TEXT, None, 0)


@reducer
def join_server(ctx: ReducerContext, server_id: u64) -> None:
    """Become a member of a server that is open to everybody; a member already stays one."""
    profile = access.caller(ctx)
    server = access.server_row(ctx, server_id)
    if access.membership(ctx, ctx.sender, server_id) is not None:
        return
    if access.is_banned(ctx, ctx.sender, server_id):
        raise RefusedError(rules.BANNED)
    if server.invite_only:
        raise RefusedError(rules.INVITE_ONLY)
    members.check_may_have_another(ctx, profile)
    budget.spend(ctx)
    members.join(ctx, server_id, profile)


@reducer
def leave_server(ctx: ReducerContext, server_id: u64) -> None:
    """Stop being a member; everybody but the Owner may."""
    profile = access.caller(ctx)
    access.server_row(ctx, server_id)
    member = access.own_membership(ctx, server_id)
    if member.role == MemberRole.OWNER:
        raise RefusedError(rules.OWNER_CANNOT_LEAVE)
    budget.spend(ctx)
    if not access.is_muted(ctx, ctx.sender, server_id):
        talk.say_at_home(ctx, server_id, MessageType.LEAVE, rules.left(profile.username))
    members.end(ctx, member)


@reducer
def update_server(
    ctx: ReducerContext,
    server_id: u64,
    name: str | None = None,
    description: str | None = None,
    icon_url: str | None = None,
) -> None:
    """Change what a server says of itself: none leaves a field, the empty string clears it. Admin and above."""
    access.caller(ctx)
    if name is not None:
        rules_text.check_line("The server name", name, rules_text.NAME_CHARS_MAX)
    _check_description(description)
    _check_icon(icon_url)
    server = access.server_row(ctx, server_id)
    access.check_admin(access.own_membership(ctx, server_id))
    after = replace(
        server,
        name=server.name if name is None else name,
        description=rules_text.changed(server.description, description),
        icon_url=rules_text.changed(server.icon_url, icon_url),
    )
    if after != server:
        ctx.db[Server].update(after)
        audit.note(ctx, server_id, "server.updated", object_id=server_id)


@reducer
def set_invite_only(ctx: ReducerContext, server_id: u64, invite_only: bool) -> None:
    """Close a server to whoever has no invite, or open it. Admin and above."""
    access.caller(ctx)
    server = access.server_row(ctx, server_id)
    access.check_admin(access.own_membership(ctx, server_id))
    if server.invite_only != invite_only:
        ctx.db[Server].update(replace(server, invite_only=invite_only))
        audit.note(ctx, server_id, "server.invite_only", object_id=server_id)


@reducer
def delete_server(ctx: ReducerContext, server_id: u64) -> None:
    """Delete a server and its channels at once, and have the rest purged. The Owner only, and not the Hub."""
    access.caller(ctx)
    access.server_row(ctx, server_id)
    access.check_owner(access.own_membership(ctx, server_id))
    if server_id == rules.HUB_ID:
        raise RefusedError(rules.HUB_STAYS)
    for channel in ctx.db[Channel].server_id.filter(server_id):
        channel_rows.remove(ctx, channel.id)
    ctx.db[Server].delete(server_id)
    timers.arm(ctx, TimerKind.PURGE_SERVER, server_id, ctx.timestamp)


@reducer
def transfer_ownership(ctx: ReducerContext, server_id: u64, new_owner: Identity) -> None:
    """Make an admin the Owner, and the Owner an admin. The Owner only."""
    access.caller(ctx)
    server = access.server_row(ctx, server_id)
    profile = access.profile_of(ctx, new_owner)
    member = access.own_membership(ctx, server_id)
    access.check_owner(member)
    if new_owner == ctx.sender:
        return
    successor = access.membership(ctx, new_owner, server_id)
    if successor is None or successor.role != MemberRole.ADMIN or profile.is_agent:
        raise RefusedError(rules.NEW_OWNER_MUST_BE_ADMIN)
    if ctx.db[Server].owner.count(new_owner) >= rules.SERVERS_OWNED_MAX:
        raise RefusedError(rules.NEW_OWNER_OWNS_TOO_MANY)

    ctx.db[Server].update(replace(server, owner=new_owner))
    ctx.db[ServerMember].update(replace(member, role=MemberRole.ADMIN))
    ctx.db[ServerMember].update(replace(successor, role=MemberRole.OWNER))
    mute = ctx.db[ServerMute].by_identity_server_id.find(new_owner, server_id)
    if mute is not None:
        ctx.db[ServerMute].delete(mute.id)
    talk.say_at_home(ctx, server_id, MessageType.SYSTEM, rules.is_now_the_owner(profile.username))
    _tell_role(ctx, server, new_owner, MemberRole.OWNER)
    _tell_role(ctx, server, ctx.sender, MemberRole.ADMIN)
    audit.note(ctx, server_id, "server.ownership", subject=new_owner, object_id=server_id)


def _tell_role(ctx: ReducerContext, server: Server, target: Identity, role: MemberRole) -> None:
    title = rules.your_role_is_now(server.name, role)
    attention.notify(ctx, target, server.id, "role", title, "")
    attention.notice(ctx, target, server.id, title, "")


@reducer
def set_member_role(ctx: ReducerContext, server_id: u64, identity: Identity, role: MemberRole) -> None:
    """Give a member below the caller another role below the caller's. Admin and above."""
    access.caller(ctx)
    if identity == ctx.sender:
        raise InvalidArgumentError(rules.OWN_ROLE)
    if role == MemberRole.OWNER:
        raise InvalidArgumentError(rules.OWNER_IS_TRANSFERRED)
    server = access.server_row(ctx, server_id)
    target = access.member_row(ctx, identity, server_id)
    member = access.own_membership(ctx, server_id)
    access.check_admin(member)
    access.check_outranks(member, target)
    if access.level(role) >= access.level(member.role):
        raise RefusedError(rules.ROLE_TOO_HIGH)
    if target.role == role:
        return
    if access.profile_of(ctx, identity).is_agent:
        raise RefusedError(rules.AGENT_ROLE_FOR_AGENT)
    if role == MemberRole.AGENT:
        raise RefusedError(rules.AGENT_ROLE_FOR_PERSON)

    ctx.db[ServerMember].update(replace(target, role=role))
    if access.level(role) < rules.MODERATOR_LEVEL:
        invites.remove_of(ctx, identity, server_id)
    _tell_role(ctx, server, identity, role)
    audit.note(ctx, server_id, "member.role", subject=identity, reason=rules.ROLE_NAMES[role])


REDUCERS = (
    create_server,
    join_server,
    leave_server,
    update_server,
    set_invite_only,
    delete_server,
    transfer_ownership,
    set_member_role,
)
