//! Memberships that begin and end, with all that follows (contract sections 4.3 and 4.7).

use spacetimedb::{ReducerContext, Table};

use crate::rows::by_number;
use crate::rules_text::Checked;
use crate::tables::*;
use crate::types::{MemberRole, MessageType};
use crate::{access, attention, coordination, invites, rules, talk};

/// Refuses who is a member of 200 servers; those that are gone and not purged yet do not count.
pub fn check_may_have_another(ctx: &ReducerContext, profile: &UserProfile) -> Checked {
    let rows: Vec<ServerMember> = ctx.db.server_member().identity().filter(profile.identity).collect();
    if rows.len() < rules::MEMBERSHIPS_MAX {
        return Ok(());
    }
    let is_there = |row: &&ServerMember| ctx.db.server().id().find(row.server_id).is_some();
    if rows.iter().filter(is_there).count() >= rules::MEMBERSHIPS_MAX {
        return Err(rules::TOO_MANY_MEMBERSHIPS.into());
    }
    Ok(())
}

/// Makes the caller a member, Agent or Member; the Join message unless they are muted there.
pub fn join(ctx: &ReducerContext, server_id: u64, profile: &UserProfile) -> Checked {
    let role = if profile.is_agent { MemberRole::Agent } else { MemberRole::Member };
    let identity = ctx.sender();
    ctx.db.server_member().insert(ServerMember { id: 0, server_id, identity, role, joined_at: ctx.timestamp });
    if !access::is_muted(ctx, identity, server_id) {
        talk::say_at_home(ctx, server_id, MessageType::Join, rules::joined(&profile.username))?;
    }
    Ok(())
}

/// Ends a membership: inbox items, invites and open ballots there go, what was held counts as run out.
///
/// The Leave message is posted before, a Notice after.
pub fn end(ctx: &ReducerContext, member: &ServerMember) -> Checked {
    let (identity, server_id) = (member.identity, member.server_id);
    ctx.db.server_member().id().delete(member.id);
    let items = ctx.db.inbox_item().by_identity_server_id().filter((identity, server_id));
    attention::remove(ctx, by_number(items, |item| item.id));
    invites::remove_of(ctx, identity, server_id);
    coordination::drop_open_ballots(ctx, identity, server_id);
    coordination::release_tasks_of(ctx, identity, server_id)
}

/// Ends somebody else's membership, and tells everybody and them.
pub fn remove(ctx: &ReducerContext, server: &Server, member: &ServerMember, reason: &Option<String>) -> Checked {
    let profile = access::profile_of(ctx, member.identity)?;
    talk::say_at_home(ctx, server.id, MessageType::Leave, rules::was_removed(&profile.username))?;
    end(ctx, member)?;
    let title = rules::you_were_removed(&server.name);
    let body = reason.as_deref().unwrap_or("");
    attention::notify(ctx, member.identity, server.id, "removed", &title, body);
    attention::notice(ctx, member.identity, server.id, &title, body);
    Ok(())
}
