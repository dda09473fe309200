//! What the host runs by itself: the first start, connections that come and go, timers that are due.

use spacetimedb::{reducer, Identity, ReducerContext, Table};

use crate::rules_text::Checked;
use crate::tables::*;
use crate::types::{ChannelType, MemberRole, TimerKind};
use crate::{access, channel_rows, coordination, purge, rules};

/// Founds the deployment: its owner, the identity `system`, and the Hub with its three channels.
#[reducer(init)]
pub fn init(ctx: &ReducerContext) {
    let (owner, system) = (ctx.sender(), ctx.database_identity());
    ctx.db.deployment().insert(Deployment { id: 1, owner, system, import_open: false });
    found_user(ctx, system, "system".into(), true);
    let digits = owner.to_hex();
    found_user(ctx, owner, format!("owner-{}", &digits.as_str()[56..]), false);
    let hub = ctx.db.server().insert(Server {
        id: 0,
        name: "Spaces Hub".into(),
        description: None,
        icon_url: None,
        owner,
        created_at: ctx.timestamp,
        invite_only: false,
    });
    ctx.db.server_member().insert(ServerMember {
        id: 0,
        server_id: hub.id,
        identity: owner,
        role: MemberRole::Owner,
        joined_at: ctx.timestamp,
    });
    channel_rows::add(ctx, hub.id, "general".into(), ChannelType::Text, None, 0);
    channel_rows::add(ctx, hub.id, "agent-logs".into(), ChannelType::AgentLog, None, 1);
    channel_rows::add(ctx, hub.id, "system".into(), ChannelType::Announcement, None, 2);
}

fn found_user(ctx: &ReducerContext, identity: Identity, username: String, is_agent: bool) {
    ctx.db.user_profile().insert(UserProfile {
        identity,
        username: username.clone(),
        display_name: None,
        avatar_url: None,
        bio: None,
        is_agent,
        created_at: ctx.timestamp,
    });
    ctx.db.user_presence().insert(UserPresence {
        identity,
        online: false,
        status_text: None,
        last_seen: ctx.timestamp,
    });
    ctx.db.username_claim().insert(UsernameClaim { username, identity });
}

/// Notes a connection; a registered identity comes online. It never refuses one.
#[reducer(client_connected)]
pub fn client_connected(ctx: &ReducerContext) {
    let connections = ctx.db.user_connection();
    if let Some(connection_id) = ctx.connection_id() {
        if connections.connection_id().find(connection_id).is_none() {
            let (identity, connected_at) = (ctx.sender(), ctx.timestamp);
            connections.insert(UserConnection { connection_id, identity, connected_at });
        }
    }
    if let Some(presence) = ctx.db.user_presence().identity().find(ctx.sender()) {
        if !presence.online && access::check_no_import(ctx).is_ok() {
            ctx.db.user_presence().identity().update(UserPresence { online: true, ..presence });
        }
    }
}

/// Forgets a connection; with its last one an identity goes offline.
#[reducer(client_disconnected)]
pub fn client_disconnected(ctx: &ReducerContext) {
    let connections = ctx.db.user_connection();
    if let Some(connection_id) = ctx.connection_id() {
        connections.connection_id().delete(connection_id);
    }
    if let Some(presence) = ctx.db.user_presence().identity().find(ctx.sender()) {
        if access::check_no_import(ctx).is_ok() {
            let online = presence.online && connections.identity().filter(ctx.sender()).next().is_some();
            ctx.db.user_presence().identity().update(UserPresence { online, last_seen: ctx.timestamp, ..presence });
        }
    }
}

/// Does what a timer is for: end a lease, close a vote, purge a slice. Only the scheduler calls it; it never fails.
#[reducer]
pub fn run_timer(ctx: &ReducerContext, timer: Timer) -> Checked {
    // The owner of a database gets in here on a real host.
    if ctx.sender() != ctx.database_identity() {
        return Err(rules::ONLY_THE_SCHEDULER.into());
    }
    if access::check_no_import(ctx).is_err() {
        return Ok(());
    }
    match timer.kind {
        TimerKind::TaskLease => coordination::run_lease_timer(ctx, timer.ref_id),
        TimerKind::VoteClose => coordination::run_vote_timer(ctx, timer.ref_id),
        TimerKind::PurgeChannel => {
            purge::run_channel_timer(ctx, timer.ref_id);
            Ok(())
        }
        TimerKind::PurgeServer => {
            purge::run_server_timer(ctx, timer.ref_id);
            Ok(())
        }
    }
}
