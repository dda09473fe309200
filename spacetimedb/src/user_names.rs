//! Usernames: once taken, a name stays with its identity for ever.

use spacetimedb::{ReducerContext, Table};

use crate::rules;
use crate::rules_text::Checked;
use crate::tables::*;

/// Refuses a name that is or was somebody else's, and the caller's sixth one.
pub fn check_free(ctx: &ReducerContext, username: &String) -> Checked {
    let claims = ctx.db.username_claim();
    match claims.username().find(username) {
        None if claims.identity().filter(ctx.sender()).count() >= rules::USERNAMES_MAX => {
            Err(rules::TOO_MANY_USERNAMES.into())
        }
        Some(claim) if claim.identity != ctx.sender() => Err(rules::username_taken(username)),
        _ => Ok(()),
    }
}

/// Keeps a name for the caller for ever; it is free or theirs already.
pub fn claim(ctx: &ReducerContext, username: &String) {
    let claims = ctx.db.username_claim();
    if claims.username().find(username).is_none() {
        claims.insert(UsernameClaim { username: username.clone(), identity: ctx.sender() });
    }
}
