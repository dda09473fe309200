//! What finish_import derives from the imported rows, because it is private or says what is so now.

use std::collections::{BTreeMap, BTreeSet};

use spacetimedb::{Identity, ReducerContext, Table, Timestamp};

use crate::rows::by_number;
use crate::tables::*;
use crate::types::TimerKind;
use crate::{task_rules, timers};

/// Lets everybody be online who is connected to this database, and nobody else.
pub fn derive_presences(ctx: &ReducerContext) {
    for presence in ctx.db.user_presence().iter() {
        let online = ctx.db.user_connection().identity().filter(presence.identity).next().is_some();
        ctx.db.user_presence().identity().update(UserPresence { online, ..presence });
    }
}

/// Notes down how many items each inbox has; call budgets begin anew.
pub fn count_inboxes(ctx: &ReducerContext) {
    let mut counts: BTreeMap<Identity, u32> = BTreeMap::new();
    for item in ctx.db.inbox_item().iter() {
        *counts.entry(item.identity).or_default() += 1;
    }
    let states = ctx.db.identity_state();
    for state in states.iter() {
        states.identity().delete(state.identity);
    }
    for (identity, inbox_items) in counts {
        let window_start = Timestamp::UNIX_EPOCH;
        states.insert(IdentityState { identity, window_start, calls: 0, inbox_items });
    }
}

/// Makes the set of ids that rows of tables name in a column.
macro_rules! named {
    ($ctx:expr, $column:ident: $($table:ident),+) => {{
        let mut ids: BTreeSet<u64> = BTreeSet::new();
        $(ids.extend($ctx.db.$table().iter().map(|row| row.$column));)+
        ids.remove(&0); // names none
        ids
    }};
}

/// Arms what was under way: leases, open votes, purges of what is gone.
pub fn arm_timers(ctx: &ReducerContext) {
    for task in by_number(ctx.db.task().iter(), |task| task.id) {
        if task.phase == task_rules::HELD {
            timers::arm(ctx, TimerKind::TaskLease, task.id, task.lease_until.unwrap_or(ctx.timestamp));
        }
    }
    for vote in by_number(ctx.db.vote().iter(), |vote| vote.id) {
        if !vote.closed {
            timers::arm(ctx, TimerKind::VoteClose, vote.id, vote.closes_at);
        }
    }
    // What a purge of a channel or of a server removes.
    let channels = named!(
        ctx,
        channel_id: thread, channel_pin, message, reaction, message_edit, channel_read_state, inbox_item, task,
        task_text, vote, knowledge
    );
    for channel_id in channels {
        if ctx.db.channel().id().find(channel_id).is_none() {
            timers::arm(ctx, TimerKind::PurgeChannel, channel_id, ctx.timestamp);
        }
    }
    let servers = named!(
        ctx,
        server_id: server_member, server_mute, server_ban, server_invite, inbox_item, audit_entry
    );
    for server_id in servers {
        if ctx.db.server().id().find(server_id).is_none() {
            timers::arm(ctx, TimerKind::PurgeServer, server_id, ctx.timestamp);
        }
    }
}
