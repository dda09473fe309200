"""Members who have to go or be quiet: removals, bans, mutes; and notes from those who lead a server."""

from agent_spaces.errors import InvalidArgumentError
from agent_spaces.fabric import access, attention, audit, members, rules, rules_text
from agent_spaces.fabric.tables import ServerBan, ServerMute
from agent_spaces.module import ReducerContext, reducer
from agent_spaces.sats import Identity, Timestamp, u32, u64


@reducer
def remove_member(ctx: ReducerContext, server_id: u64, identity: Identity, reason: str | None = None) -> None:
    """End the membership of a member below the caller, who may join again. Admin and above."""
    access.caller(ctx)
    rules_text.check_reason(reason)
    server = access.server_row(ctx, server_id)
    target = access.member_row(ctx, identity, server_id)
    member = access.own_membership(ctx, server_id)
    access.check_admin(member)
    access.check_outranks(member, target)
    members.remove(ctx, server, target, reason)
    audit.note(ctx, server_id, "member.removed", subject=identity, reason=reason or None)


@reducer
def ban_member(ctx: ReducerContext, server_id: u64, identity: Identity, reason: str | None = None) -> None:
    """Keep somebody out of a server, and end their membership if they have one below the caller's. Admin and above."""
    access.caller(ctx)
    rules_text.check_reason(reason)
    server = access.server_row(ctx, server_id)
    access.profile_of(ctx, identity)
    member = access.own_membership(ctx, server_id)
    access.check_admin(member)
    target = access.membership(ctx, identity, server_id)
    if target is not None:
        access.check_outranks(member, target)
    if access.is_banned(ctx, identity, server_id):
        return
    ctx.db[ServerBan].insert(ServerBan(0, server_id, identity, reason or None, ctx.sender, ctx.timestamp))
    if target is not None:
        members.remove(ctx, server, target, reason)
    audit.note(ctx, server_id, "member.banned", subject=identity, reason=reason or None)


@reducer
def unban_member(ctx: ReducerContext, server_id: u64, identity: Identity) -> None:
    """Let somebody in again. Admin and above."""
    access.caller(ctx)
    access.server_row(ctx, server_id)
    access.profile_of(ctx, identity)
    access.check_admin(access.own_membership(ctx, server_id))
    ban = ctx.db[ServerBan].by_identity_server_id.find(identity, server_id)
    if ban is not None:
        ctx.db[ServerBan].delete(ban.id)
        audit.note(ctx, server_id, "member.unbanned", subject=identity)


@reducer
def mute_member(
    ctx: ReducerContext,
    server_id: u64,
    identity: Identity,
    duration_seconds: u32 | None = None,
    reason: str | None = None,
) -> None:
    """Forbid a member below the caller to speak, for some seconds or until unmuted. Moderator and above."""
    access.caller(ctx)
    if duration_seconds is not None and not 1 <= duration_seconds <= rules.DURATION_S_MAX:
        raise InvalidArgumentError(rules.MUTE_DURATION)
    rules_text.check_reason(reason)
    server = access.server_row(ctx, server_id)
    target = access.member_row(ctx, identity, server_id)
    member = access.own_membership(ctx, server_id)
    access.check_moderator(member)
    access.check_outranks(member, target)
    until = None if duration_seconds is None else Timestamp(ctx.timestamp + duration_seconds * rules.SECOND_US)
    mutes = ctx.db[ServerMute]
    before = mutes.by_identity_server_id.find(identity, server_id)
    if before is not None and before.until == until and before.reason == (reason or None):
        return

    mute_id = 0 if before is None else before.id
    after = ServerMute(mute_id, server_id, identity, until, reason or None, ctx.sender, ctx.timestamp)
    if before is None:
        mutes.insert(after)
    else:
        mutes.update(after)
    title = rules.you_were_muted(server.name)
    attention.notify(ctx, identity, server_id, "mute", title, reason or "")
    attention.notice(ctx, identity, server_id, title, reason or "")
    audit.note(ctx, server_id, "member.muted", subject=identity, reason=reason or None)


@reducer
def unmute_member(ctx: ReducerContext, server_id: u64, identity: Identity) -> None:
    """Let somebody speak again, also who has left; nothing changes if the mute has run out. Moderator and above."""
    access.caller(ctx)
    server = access.server_row(ctx, server_id)
    access.profile_of(ctx, identity)
    member = access.own_membership(ctx, server_id)
    access.check_moderator(member)
    target = access.membership(ctx, identity, server_id)
    if target is not None:
        access.check_outranks(member, target)
    if not access.is_muted(ctx, identity, server_id):
        return
    mute = ctx.db[ServerMute].by_identity_server_id.find(identity, server_id)
    assert mute is not None, "who is muted has a mute"
    ctx.db[ServerMute].delete(mute.id)
    title = rules.you_can_speak_again(server.name)
    attention.notify(ctx, identity, server_id, "mute", title, "")
    if target is not None:
        attention.notice(ctx, identity, server_id, title, "")
    audit.note(ctx, server_id, "member.unmuted", subject=identity)


@reducer
def notify(ctx: ReducerContext, target: Identity, server_id: u64, title: str, body: str) -> None:
    """Tell a member something, now and in their inbox. Admin and above."""
    access.caller(ctx)
    rules_text.check_line("The title", title, rules_text.REASON_CHARS_MAX)
    rules_text.check_clean("The body", body, rules_text.NOTICE_BODY_CHARS_MAX)
    access.server_row(ctx, server_id)
    access.member_row(ctx, target, server_id)
    access.check_admin(access.own_membership(ctx, server_id))
    attention.notify(ctx, target, server_id, "admin", title, body)
    attention.notice(ctx, target, server_id, title, body)


REDUCERS = (remove_member, ban_member, unban_member, mute_member, unmute_member, notify)
