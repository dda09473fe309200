//! The ways into a server that is invite_only.

use spacetimedb::{reducer, Identity, ReducerContext, Table};

use crate::audit::About;
use crate::rows::later;
use crate::keys::keyed;
use crate::rules_text::Checked;
use crate::tables::*;
use crate::{access, audit, budget, invites, keys, members, rules, rules_text};

/// Makes an invite with a code that the caller drew at random. Moderator and above.
#[reducer]
pub fn create_invite(
    ctx: &ReducerContext,
    server_id: u64,
    code: String,
    uses: u32,
    expires_in_seconds: Option<u32>,
    client_key: Option<String>,
) -> Checked {
    access::caller(ctx)?;
    rules_text::check_invite_code(&code)?;
    if !(1..=rules::INVITE_USES_MAX).contains(&uses) {
        return Err(rules::INVITE_USES.into());
    }
    if expires_in_seconds.is_some_and(|seconds| !(1..=rules::DURATION_S_MAX).contains(&seconds)) {
        return Err(rules::INVITE_DURATION.into());
    }
    rules_text::check_client_key(&client_key)?;
    let call = keyed!(create_invite, client_key; server_id, code, uses, expires_in_seconds, client_key);
    if keys::is_repeat(ctx, &call)? {
        return Ok(());
    }
    access::server_row(ctx, server_id)?;
    access::check_moderator(&access::own_membership(ctx, server_id)?)?;
    let table = ctx.db.server_invite();
    invites::remove_expired(ctx, server_id);
    if table.code().find(&code).is_some() {
        return Err(rules::INVITE_CODE_TAKEN.into());
    }
    if table.server_id().filter(server_id).count() >= rules::INVITES_MAX {
        return Err(rules::TOO_MANY_INVITES.into());
    }

    let invite = table.insert(ServerInvite {
        id: 0,
        server_id,
        code,
        creator: ctx.sender(),
        uses_left: uses,
        expires_at: expires_in_seconds.map(|seconds| later(ctx.timestamp, i64::from(seconds) * rules::SECOND_US)),
        created_at: ctx.timestamp,
    });
    audit::note(ctx, server_id, "invite.created", About { object_id: invite.id, ..About::default() });
    keys::record(ctx, call, invite.id);
    Ok(())
}

/// Removes an invite that the caller made.
#[reducer]
pub fn revoke_invite(ctx: &ReducerContext, code: String) -> Checked {
    access::caller(ctx)?;
    let invite = ctx
        .db
        .server_invite()
        .code()
        .find(&code)
        .filter(|invite| {
            invite.creator == ctx.sender()
                && ctx.db.server().id().find(invite.server_id).is_some()
                && access::membership(ctx, ctx.sender(), invite.server_id).is_some()
        })
        .ok_or(rules::NO_SUCH_INVITE)?;
    ctx.db.server_invite().id().delete(invite.id);
    audit::note(ctx, invite.server_id, "invite.revoked", About { object_id: invite.id, ..About::default() });
    Ok(())
}

/// Removes all invites that somebody made for a server. Admin and above.
#[reducer]
pub fn revoke_invites(ctx: &ReducerContext, server_id: u64, creator: Identity) -> Checked {
    access::caller(ctx)?;
    access::server_row(ctx, server_id)?;
    access::check_admin(&access::own_membership(ctx, server_id)?)?;
    for invite in invites::of(ctx, creator, server_id) {
        ctx.db.server_invite().id().delete(invite.id);
        audit::note(ctx, server_id, "invite.revoked", About { object_id: invite.id, ..About::default() });
    }
    Ok(())
}

/// Becomes a member by an invite; a member already stays one, and no use is taken.
#[reducer]
pub fn redeem_invite(ctx: &ReducerContext, code: String) -> Checked {
    let profile = access::caller(ctx)?;
    let invite = ctx
        .db
        .server_invite()
        .code()
        .find(&code)
        .filter(|invite| {
            invite.uses_left > 0
                && !invites::has_expired(ctx, invite)
                && ctx.db.server().id().find(invite.server_id).is_some()
                && !access::is_banned(ctx, ctx.sender(), invite.server_id)
        })
        .ok_or(rules::INVITE_NOT_VALID)?;
    let server_id = invite.server_id;
    if access::membership(ctx, ctx.sender(), server_id).is_some() {
        return Ok(());
    }
    members::check_may_have_another(ctx, &profile)?;
    budget::spend(ctx)?;
    if invite.uses_left == 1 {
        ctx.db.server_invite().id().delete(invite.id);
    } else {
        ctx.db.server_invite().id().update(ServerInvite { uses_left: invite.uses_left - 1, ..invite });
    }
    members::join(ctx, server_id, &profile)
}
