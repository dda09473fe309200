//! What is to be done later: at most one timer for each kind and ref_id, not counting the one that is being run.

use spacetimedb::{ReducerContext, ScheduleAt, Table, Timestamp};

use crate::tables::*;
use crate::types::TimerKind;

/// Has run_timer called at `at` in place of an earlier timer of this kind for this row.
pub fn arm(ctx: &ReducerContext, kind: TimerKind, ref_id: u64, at: Timestamp) {
    disarm(ctx, kind, ref_id);
    rearm(ctx, kind, ref_id, at);
}

/// Has run_timer called at `at` once more: for a timer that is being run, whose row the host deletes.
pub fn rearm(ctx: &ReducerContext, kind: TimerKind, ref_id: u64, at: Timestamp) {
    ctx.db.timer().insert(Timer { scheduled_id: 0, scheduled_at: ScheduleAt::Time(at), kind, ref_id });
}

/// Removes the timer of this kind for this row, if there is one.
pub fn disarm(ctx: &ReducerContext, kind: TimerKind, ref_id: u64) {
    for timer in ctx.db.timer().ref_id().filter(ref_id) {
        if timer.kind == kind {
            ctx.db.timer().scheduled_id().delete(timer.scheduled_id);
        }
    }
}
