//! The pure part of tasks: limits, what a state allows, what a failure leads to, and the texts (contract section 7).

use crate::rules::SECOND_US;
use crate::rules_text::Checked;

pub const LEASE_SECONDS_MAX: u32 = 3600;
pub const INPUT_LEASE_SECONDS: u32 = 300; // what a holder gets when the input that it waited for is there
pub const FAILURES_MAX: u32 = 20;
pub const WAIT_SECONDS_MAX: i64 = 300;
pub const TASKS_HELD_MAX: usize = 32; // by one identity, in phase 1
pub const OPEN_TASKS_MAX: u32 = 5000; // not final, in one channel

// task.phase
pub const CLAIMABLE: u8 = 0;
pub const HELD: u8 = 1;
pub const WAITING: u8 = 2;
pub const FINAL: u8 = 3;

pub const ONLY_CREATOR_OR_MODERATOR: &str = "Only its creator, moderators, admins and the owner may do this to a task.";
pub const ONLY_TARGET_REJECTS: &str = "Only whom a task is offered to may reject it.";
pub const ONLY_PERSONS_PROVIDE: &str = "This task waits for a person's input.";
pub const NOT_YOUR_OWN_INPUT: &str = "You cannot provide the input that you asked for.";
pub const TOO_MANY_HELD: &str = "You hold 32 tasks already.";
pub const TOO_MANY_OPEN_TASKS: &str = "This channel has 5000 open tasks already.";

/// Refuses a lease that is not 1 to LEASE_SECONDS_MAX seconds.
pub fn check_lease_seconds(lease_seconds: u32) -> Checked {
    if !(1..=LEASE_SECONDS_MAX).contains(&lease_seconds) {
        return Err(format!("A lease must last 1 to {LEASE_SECONDS_MAX} seconds."));
    }
    Ok(())
}

/// Refuses a task that may not fail 1 to FAILURES_MAX times.
pub fn check_failures_max(failures_max: u32) -> Checked {
    if !(1..=FAILURES_MAX).contains(&failures_max) {
        return Err(format!("The failures_max must be 1 to {FAILURES_MAX}."));
    }
    Ok(())
}

/// Returns how many µs a task rests after this many failures: min(2^failures, WAIT_SECONDS_MAX) seconds.
pub fn wait_us(failures: u32) -> i64 {
    1i64.checked_shl(failures.min(62)).unwrap_or(i64::MAX).min(WAIT_SECONDS_MAX) * SECOND_US
}

/// Returns how many seconds there are from `now` to `later`, both in µs, rounded up.
pub fn seconds_until(now: i64, later: i64) -> i128 {
    -(i128::from(now) - i128::from(later)).div_euclid(SECOND_US.into())
}

/// Returns the refusal for who claims a task that rests after a failure.
pub fn rests(task_id: u64, seconds: i128) -> String {
    format!("Task {task_id} can be claimed in {seconds} s.")
}

/// Returns the refusal for an agent whose card lacks the task's skill.
pub fn skill_missing(skill: &str) -> String {
    format!("Your card does not have the skill {skill}.")
}

#[cfg(feature = "module")]
pub use of_rows::*;

#[cfg(feature = "module")]
mod of_rows {
    use spacetimedb::{Identity, Timestamp};

    use super::*;
    use crate::events::state_name;
    use crate::rows::{later, micros};
    use crate::tables::{Task, TaskText};
    use crate::types::TaskState;

    /// Tells whether the task is held by a lease that is over; a lease is over from its last microsecond on.
    pub fn has_run_out(task: &Task, now: Timestamp) -> bool {
        task.phase == HELD && task.lease_until.is_some_and(|until| now >= until)
    }

    /// Tells whether the caller is somebody else than the run that the task was last claimed by.
    pub fn is_fenced_out(task: &Task, caller: Identity, attempt: u32) -> bool {
        task.assignee != caller || task.attempt != attempt
    }

    /// Returns the refusal for who does not hold the task.
    pub fn not_yours(task: &Task) -> String {
        format!("Task {} is not yours any more ({}, attempt {}).", task.id, state_name(task.state), task.attempt)
    }

    /// Returns the refusal for what the task's state does not allow.
    pub fn in_state(task: &Task) -> String {
        format!("Task {} is {}.", task.id, state_name(task.state))
    }

    /// Refuses who does not hold the task with this attempt, or whose lease is over.
    pub fn check_held(task: &Task, caller: Identity, attempt: u32, now: Timestamp) -> Checked {
        if task.phase != HELD || is_fenced_out(task, caller, attempt) || has_run_out(task, now) {
            return Err(not_yours(task));
        }
        Ok(())
    }

    /// Refuses who neither holds the task nor waits for input to it, with this attempt.
    pub fn check_held_or_waiting(task: &Task, caller: Identity, attempt: u32, now: Timestamp) -> Checked {
        if task.phase != WAITING || is_fenced_out(task, caller, attempt) {
            return check_held(task, caller, attempt, now);
        }
        Ok(())
    }

    /// Refuses who did not claim the task last; its lease may have run out since.
    pub fn check_may_complete(task: &Task, caller: Identity, attempt: u32) -> Checked {
        if !matches!(task.phase, CLAIMABLE | HELD) || is_fenced_out(task, caller, attempt) {
            return Err(not_yours(task));
        }
        Ok(())
    }

    /// Tells whether the caller has completed the task with this very result.
    pub fn is_completed_with(task: &Task, text: &TaskText, caller: Identity, attempt: u32, result: &str) -> bool {
        task.state == TaskState::Completed
            && !is_fenced_out(task, caller, attempt)
            && text.result.as_deref() == Some(result)
    }

    /// Returns the task after its lease ended at `until` without a result.
    ///
    /// It is Failed after failures_max failures; else claimable wait_us after `until`. The assignee stays written, so
    /// that a late result is taken until somebody else claims the task.
    pub fn after_failure(task: Task, until: Timestamp, now: Timestamp) -> Task {
        let failures = task.failures.saturating_add(1);
        let is_final = failures >= task.failures_max;
        Task {
            state: if is_final { TaskState::Failed } else { TaskState::Submitted },
            phase: if is_final { FINAL } else { CLAIMABLE },
            failures,
            lease_until: None,
            not_before: if is_final { task.not_before } else { later(until, wait_us(failures)) },
            updated_at: now,
            ..task
        }
    }

    /// Returns the task in a final state.
    pub fn as_finished(task: Task, state: TaskState, now: Timestamp) -> Task {
        Task { state, phase: FINAL, lease_until: None, updated_at: now, ..task }
    }

    /// Returns the task as anybody may claim it at once, without a failure.
    pub fn as_released(task: Task, now: Timestamp) -> Task {
        Task {
            state: TaskState::Submitted,
            phase: CLAIMABLE,
            assignee: Identity::ZERO,
            lease_until: None,
            not_before: now,
            updated_at: now,
            ..task
        }
    }

    /// Returns the task as held by the caller; the next attempt fences out whoever held it before.
    pub fn as_claimed(task: Task, caller: Identity, lease_seconds: u32, now: Timestamp) -> Task {
        Task {
            state: TaskState::Working,
            phase: HELD,
            assignee: caller,
            attempt: task.attempt.saturating_add(1),
            lease_until: Some(lease_end(now, lease_seconds)),
            updated_at: now,
            ..task
        }
    }

    /// Returns when a lease that begins now is over.
    pub fn lease_end(now: Timestamp, lease_seconds: u32) -> Timestamp {
        later(now, i64::from(lease_seconds) * SECOND_US)
    }

    /// Refuses a claimable task that rests after a failure; the seconds are rounded up.
    pub fn check_wait_is_over(task: &Task, now: Timestamp) -> Checked {
        if now < task.not_before {
            return Err(rests(task.id, seconds_until(micros(now), micros(task.not_before))));
        }
        Ok(())
    }

    /// Returns the refusal for who comes second.
    pub fn held_by(task: &Task, username: &str) -> String {
        format!("Task {} is held by {username} (attempt {}).", task.id, task.attempt)
    }

    /// Returns the refusal for who is not the task's target.
    pub fn offered_to(task: &Task, username: &str) -> String {
        format!("Task {} is offered to {username}.", task.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        assert_eq!(
            [1, 2, 8, 9, 63, 64, u32::MAX].map(|failures| wait_us(failures) / SECOND_US),
            [2, 4, 256, 300, 300, 300, 300]
        );
    }

    #[test]
    fn seconds_are_rounded_up() {
        assert_eq!(seconds_until(0, 1), 1);
        assert_eq!(seconds_until(0, SECOND_US), 1);
        assert_eq!(seconds_until(0, SECOND_US + 1), 2);
        assert_eq!(seconds_until(i64::MIN, i64::MAX), 18_446_744_073_710);
    }
}
