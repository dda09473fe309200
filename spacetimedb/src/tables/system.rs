//! What the module keeps for itself.

use spacetimedb::{table, Identity, ScheduleAt};

use crate::reducers::lifecycle::run_timer;
use crate::types::TimerKind;

/// What is to be done later, by run_timer.
#[table(
    accessor = timer,
    scheduled(run_timer)
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    #[primary_key]
    #[auto_inc]
    pub scheduled_id: u64,
    pub scheduled_at: ScheduleAt,
    pub kind: TimerKind,
    #[index(btree)]
    pub ref_id: u64,
}

/// Who published, and whether an import is open; the only row has id 1.
#[table(
    accessor = deployment
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    #[primary_key]
    pub id: u32,
    pub owner: Identity,
    pub system: Identity,
    pub import_open: bool,
}
