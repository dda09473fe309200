"""Memberships that begin and end, with all that follows (contract sections 4.3 and 4.7)."""

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import access, attention, coordination, invites, rules, talk
from agent_spaces.fabric.tables import InboxItem, Server, ServerMember, UserProfile
from agent_spaces.fabric.types import MemberRole, MessageType
from agent_spaces.module import ReducerContext


def check_may_have_another(ctx: ReducerContext, profile: UserProfile) -> None:
    """Refuse who is a member of 200 servers; those that are gone and not purged yet do not count."""
    rows = ctx.db[ServerMember].identity.filter(profile.identity)
    if len(rows) < rules.MEMBERSHIPS_MAX:
        return
    servers = ctx.db[Server]
    if sum(1 for row in rows if servers.find(row.server_id) is not None) >= rules.MEMBERSHIPS_MAX:
        raise RefusedError(rules.TOO_MANY_MEMBERSHIPS)


def join(ctx: ReducerContext, server_id: int, profile: UserProfile) -> None:
    """Make the caller a member, Agent or Member; the Join message unless they are muted there."""
    role = MemberRole.AGENT if profile.is_agent else MemberRole.MEMBER
    ctx.db[ServerMember].insert(ServerMember(0, server_id, ctx.sender, role, ctx.timestamp))
    if not access.is_muted(ctx, ctx.sender, server_id):
        talk.say_at_home(ctx, server_id, MessageType.JOIN, rules.joined(profile.username))


def end(ctx: ReducerContext, member: ServerMember) -> None:
    """End a membership: inbox items, invites and open ballots there go, what was held counts as run out.

    The Leave message is posted before, a Notice after.
    """
    identity, server_id = member.identity, member.server_id
    ctx.db[ServerMember].delete(member.id)
    attention.remove(ctx, ctx.db[InboxItem].by_identity_server_id.filter(identity, server_id))
    invites.remove_of(ctx, identity, server_id)
    coordination.drop_open_ballots(ctx, identity, server_id)
    coordination.release_tasks_of(ctx, identity, server_id)


def remove(ctx: ReducerContext, server: Server, member: ServerMember, reason: str | None) -> None:
    """End somebody else's membership, and tell everybody and them."""
    profile = access.profile_of(ctx, member.identity)
    talk.say_at_home(ctx, server.id, MessageType.LEAVE, rules.was_removed(profile.username))
    end(ctx, member)
    title = rules.you_were_removed(server.name)
    attention.notify(ctx, member.identity, server.id, "removed", title, reason or "")
    attention.notice(ctx, member.identity, server.id, title, reason or "")
