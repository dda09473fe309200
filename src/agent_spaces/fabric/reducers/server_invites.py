"""The ways into a server that is invite_only."""

from agent_spaces.errors import InvalidArgumentError, RefusedError
from agent_spaces.fabric import access, audit, budget, invites, keys, members, rules, rules_text
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import Server, ServerInvite
from agent_spaces.module import ReducerContext, reducer
from agent_spaces.sats import Identity, Timestamp, u32, u64


@reducer
def create_invite(
    ctx: ReducerContext,
    server_id: u64,
    code: str,
    uses: u32,
    expires_in_seconds: u32 | None = None,
    client_key: str | None = None,
) -> None:
    """Make an invite with a code that the caller drew at random. Moderator and above."""
    access.caller(ctx)
    rules_text.check_invite_code(code)
    if not 1 <= uses <= rules.INVITE_USES_MAX:
        raise InvalidArgumentError(rules.INVITE_USES)
    if expires_in_seconds is not None and not 1 <= expires_in_seconds <= rules.DURATION_S_MAX:
        raise InvalidArgumentError(rules.INVITE_DURATION)
    rules_text.check_client_key(client_key)
    if keys.is_repeat(ctx, client_key):
        return
    access.server_row(ctx, server_id)
    access.check_moderator(access.own_membership(ctx, server_id))
    table = ctx.db[ServerInvite]
    invites.remove_expired(ctx, server_id)
    if table.code.find(code) is not None:
        raise RefusedError(rules.INVITE_CODE_TAKEN)
    if table.server_id.count(server_id) >= rules.INVITES_MAX:
        raise RefusedError(rules.TOO_MANY_INVITES)

    expires_at = None
    if expires_in_seconds is not None:
        expires_at = Timestamp(ctx.timestamp + expires_in_seconds * rules.SECOND_US)
    invite = table.insert(ServerInvite(0, server_id, code, ctx.sender, uses, expires_at, ctx.timestamp))
    audit.note(ctx, server_id, "invite.created", object_id=invite.id)
    keys.record(ctx, client_key, invite.id)


@reducer
def revoke_invite(ctx: ReducerContext, code: str) -> None:
    """Remove an invite that the caller made."""
    access.caller(ctx)
    invite = ctx.db[ServerInvite].code.find(code)
    if (
        invite is None
        or invite.creator != ctx.sender
        or ctx.db[Server].find(invite.server_id) is None
        or access.membership(ctx, ctx.sender, invite.server_id) is None
    ):
        raise RefusedError(rules.NO_SUCH_INVITE)
    ctx.db[ServerInvite].delete(invite.id)
    audit.note(ctx, invite.server_id, "invite.revoked", object_id=invite.id)


@reducer
def revoke_invites(ctx: ReducerContext, server_id: u64, creator: Identity) -> None:
    """Remove all invites that somebody made for a server. Admin and above."""
    access.caller(ctx)
    access.server_row(ctx, server_id)
    access.check_admin(access.own_membership(ctx, server_id))
    for invite in invites.of(ctx, creator, server_id):
        ctx.db[ServerInvite].delete(invite.id)
        audit.note(ctx, server_id, "invite.revoked", object_id=invite.id)


@reducer
def redeem_invite(ctx: ReducerContext, code: str) -> None:
    """Become a member by an invite; a member already stays one, and no use is taken."""
    profile = access.caller(ctx)
    invite = ctx.db[ServerInvite].code.find(code)
    if (
        invite is None
        or invite.uses_left == 0
        or invites.has_expired(ctx, invite)
        or ctx.db[Server].find(invite.server_id) is None
        or access.is_banned(ctx, ctx.sender, invite.server_id)
    ):
        raise RefusedError(rules.INVITE_NOT_VALID)
    if access.membership(ctx, ctx.sender, invite.server_id) is not None:
        return
    members.check_may_have_another(ctx, profile)
    budget.spend(ctx)
    if invite.uses_left == 1:
        ctx.db[ServerInvite].delete(invite.id)
    else:
        ctx.db[ServerInvite].update(replace(invite, uses_left=invite.uses_left - 1))
    members.join(ctx, invite.server_id, profile)


REDUCERS = (create_invite, revoke_invite, revoke_invites, redeem_invite)
