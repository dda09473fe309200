//! What hung on a channel or server that is gone is removed bit by bit, so that no call has to wait for it.

use spacetimedb::ReducerContext;

use crate::rows::{by_number, later};
use crate::tables::*;
use crate::types::TimerKind;
use crate::{attention, rules, timers};

// Windows of seqs double after so many that are empty, so that seqs far apart are come to.
const EMPTY_WINDOWS_MAX: u32 = 16;

type Step = fn(&mut Slice, u64);

/// How many rows may still be removed in this call.
struct Slice<'a> {
    ctx: &'a ReducerContext,
    left: usize,
}

impl Slice<'_> {
    /// Returns as many of the rows as may go, and counts them.
    fn take<Row>(&mut self, rows: impl Iterator<Item = Row>, number: fn(&Row) -> u64) -> Vec<Row> {
        let mut rows = by_number(rows, number);
        rows.truncate(self.left);
        self.left -= rows.len();
        rows
    }
}

/// Makes a step that removes rows of a table by the column that names the channel or server.
macro_rules! rows_of {
    ($column:ident, $table:ident, $key:ident) => {
        |part: &mut Slice, ref_id: u64| {
            let ctx = part.ctx;
            for row in part.take(ctx.db.$table().$column().filter(ref_id), |row| row.$key) {
                ctx.db.$table().$key().delete(row.$key);
            }
        }
    };
}

macro_rules! inbox_of {
    ($column:ident) => {
        |part: &mut Slice, ref_id: u64| {
            let ctx = part.ctx;
            let items = part.take(ctx.db.inbox_item().$column().filter(ref_id), |item| item.id);
            attention::remove(ctx, items);
        }
    };
}

const CHANNEL_STEPS: [Step; 11] = [
    messages,
    tasks,
    votes,
    inbox_of!(channel_id),
    rows_of!(channel_id, thread, id),
    rows_of!(channel_id, channel_pin, id),
    rows_of!(channel_id, channel_read_state, id),
    rows_of!(channel_id, task_text, task_id),
    rows_of!(channel_id, knowledge, id),
    // Of messages that were removed with them there are none left; of imported rows there may be.
    rows_of!(channel_id, reaction, id),
    rows_of!(channel_id, message_edit, id),
];
const SERVER_STEPS: [Step; 6] = [
    inbox_of!(server_id),
    rows_of!(server_id, server_member, id),
    rows_of!(server_id, server_mute, id),
    rows_of!(server_id, server_ban, id),
    rows_of!(server_id, server_invite, id),
    rows_of!(server_id, audit_entry, id),
];

/// Removes the next slice of a channel that is gone; nothing if it is there.
pub fn run_channel_timer(ctx: &ReducerContext, channel_id: u64) {
    if ctx.db.channel().id().find(channel_id).is_none() {
        run(ctx, TimerKind::PurgeChannel, channel_id, &CHANNEL_STEPS);
    }
}

/// Removes the next slice of a server that is gone; nothing if it is there.
pub fn run_server_timer(ctx: &ReducerContext, server_id: u64) {
    if ctx.db.server().id().find(server_id).is_none() {
        run(ctx, TimerKind::PurgeServer, server_id, &SERVER_STEPS);
    }
}

fn run(ctx: &ReducerContext, kind: TimerKind, ref_id: u64, steps: &[Step]) {
    let mut part = Slice { ctx, left: rules::PURGE_ROWS_MAX };
    for step in steps {
        step(&mut part, ref_id);
        if part.left == 0 {
            timers::rearm(ctx, kind, ref_id, later(ctx.timestamp, rules::PURGE_PAUSE_US));
            return;
        }
    }
}

/// Removes messages from the lowest seq upwards, each after what hangs on it.
///
/// Windows of seqs, because a host copies all rows that a scan finds: a channel of a million messages would take too
/// long for each slice.
fn messages(part: &mut Slice, channel_id: u64) {
    let ctx = part.ctx;
    let (mut low, mut width, mut empty) = (0u64, rules::PURGE_ROWS_MAX as u64, 0);
    loop {
        let high = low.saturating_add(width - 1);
        let rows = by_number(ctx.db.message().by_channel_id_seq().filter((channel_id, low..=high)), |row| row.seq);
        empty = if rows.is_empty() { empty + 1 } else { 0 };
        for message in rows {
            rows_of!(message_id, reaction, id)(part, message.id);
            rows_of!(message_id, message_edit, id)(part, message.id);
            if part.left == 0 {
                return;
            }
            ctx.db.message().id().delete(message.id);
            part.left -= 1;
            if part.left == 0 {
                return;
            }
        }
        if high == u64::MAX {
            return;
        }
        low = high + 1;
        if empty == EMPTY_WINDOWS_MAX {
            (width, empty) = (width.saturating_mul(2), 0);
        }
    }
}

fn tasks(part: &mut Slice, channel_id: u64) {
    let ctx = part.ctx;
    for task in part.take(ctx.db.task().channel_id().filter(channel_id), |task| task.id) {
        timers::disarm(ctx, TimerKind::TaskLease, task.id);
        ctx.db.task().id().delete(task.id);
    }
}

fn votes(part: &mut Slice, channel_id: u64) {
    let ctx = part.ctx;
    for vote in by_number(ctx.db.vote().channel_id().filter(channel_id), |vote| vote.id) {
        rows_of!(vote_id, ballot, id)(part, vote.id);
        if part.left == 0 {
            return;
        }
        part.left -= 1;
        timers::disarm(ctx, TimerKind::VoteClose, vote.id);
        ctx.db.vote().id().delete(vote.id);
    }
}
