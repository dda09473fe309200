//! What the rest of the module calls of coordination; all of it sends events with the sender `deployment.system`.

pub use crate::task_changes::{release_tasks_of, run_lease_timer};
pub use crate::vote_changes::{drop_ballots_everywhere, drop_open_ballots, run_vote_timer};
