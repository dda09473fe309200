//! Invites that end other than by being used: run out, or with the power of who made them.

use spacetimedb::{Identity, ReducerContext};

use crate::rows::by_number;
use crate::tables::*;

/// Tells whether an invite's time is over.
pub fn has_expired(ctx: &ReducerContext, invite: &ServerInvite) -> bool {
    invite.expires_at.is_some_and(|expires_at| ctx.timestamp >= expires_at)
}

/// Removes the invites of a server whose time is over.
pub fn remove_expired(ctx: &ReducerContext, server_id: u64) {
    for invite in ctx.db.server_invite().server_id().filter(server_id) {
        if has_expired(ctx, &invite) {
            ctx.db.server_invite().id().delete(invite.id);
        }
    }
}

/// Returns the invites that somebody made for a server, in id order.
pub fn of(ctx: &ReducerContext, creator: Identity, server_id: u64) -> Vec<ServerInvite> {
    let rows = ctx.db.server_invite().creator().filter(creator);
    by_number(rows.filter(|invite| invite.server_id == server_id), |invite| invite.id)
}

/// Removes the invites that somebody made for a server.
pub fn remove_of(ctx: &ReducerContext, creator: Identity, server_id: u64) {
    for invite in of(ctx, creator, server_id) {
        ctx.db.server_invite().id().delete(invite.id);
    }
}

/// Removes the invites that somebody made anywhere.
pub fn remove_all_of(ctx: &ReducerContext, creator: Identity) {
    for invite in ctx.db.server_invite().creator().filter(creator) {
        ctx.db.server_invite().id().delete(invite.id);
    }
}
