//! Tasks as those see them who work on them: claim, renew, complete, fail, release, ask (contract section 7).

use spacetimedb::{reducer, Identity, ReducerContext};

use crate::coordination_access::{task_of, text_of};
use crate::rules_text::{given, Checked};
use crate::tables::*;
use crate::types::{InboxKind, TaskState};
use crate::{access, rules_coordination, task_changes, task_rules};

/// Refuses who is not the target of a task that is free, and an agent whose card lacks the skill.
fn check_may_claim(ctx: &ReducerContext, task: &Task, profile: &UserProfile) -> Checked {
    if let Some(target) = task_changes::target_of(ctx, task) {
        if task.phase == task_rules::CLAIMABLE && target != ctx.sender() {
            return Err(task_rules::offered_to(task, &access::profile_of(ctx, target)?.username));
        }
    }
    if profile.is_agent && !task.skill.is_empty() {
        let card = ctx.db.agent_card().identity().find(ctx.sender());
        if card.is_none_or(|card| !card.skills.contains(&task.skill)) {
            return Err(task_rules::skill_missing(&task.skill));
        }
    }
    Ok(())
}

/// Refuses a task that is held, waits for input or is final, one that rests after a failure, and a 33rd one.
fn check_is_free(ctx: &ReducerContext, task: &Task) -> Checked {
    if task.phase == task_rules::HELD {
        return Err(task_rules::held_by(task, &access::profile_of(ctx, task.assignee)?.username));
    }
    if task.phase != task_rules::CLAIMABLE {
        return Err(task_rules::in_state(task));
    }
    task_rules::check_wait_is_over(task, ctx.timestamp)?;
    let held = ctx.db.task().by_assignee_phase().filter((ctx.sender(), task_rules::HELD));
    if held.count() >= task_rules::TASKS_HELD_MAX {
        return Err(task_rules::TOO_MANY_HELD.into());
    }
    Ok(())
}

/// Takes a free task for some seconds; attempt grows by 1 and fences out whoever held it before.
///
/// Who holds it already may claim it again, in one go and without a failure. A lease of somebody else that has run
/// out is ended here if its timer has not come to it yet: the task is judged as it is after that.
#[reducer]
pub fn claim_task(ctx: &ReducerContext, task_id: u64, lease_seconds: u32) -> Checked {
    let caller = access::caller(ctx)?;
    task_rules::check_lease_seconds(lease_seconds)?;
    let (mut task, _) = task_of(ctx, task_id)?;
    access::check_not_muted(ctx, task.server_id)?;
    let is_own = task.phase == task_rules::HELD && task.assignee == ctx.sender();
    let lease_until = task.lease_until.filter(|_| !is_own && task_rules::has_run_out(&task, ctx.timestamp));
    let judged = match lease_until {
        None => task.clone(),
        Some(until) => task_rules::after_failure(task.clone(), until, ctx.timestamp),
    };
    check_may_claim(ctx, &judged, &caller)?;
    if !is_own {
        check_is_free(ctx, &judged)?;
    }

    if let Some(until) = lease_until {
        task = task_changes::expire_lease(ctx, task, ctx.sender(), until)?;
    }
    let claimed = task_rules::as_claimed(task, ctx.sender(), lease_seconds, ctx.timestamp);
    let claimed = ctx.db.task().id().update(claimed);
    task_changes::set_lease_timer(ctx, &claimed);
    let members = vec![("attempt", claimed.attempt.into())];
    task_changes::announce(ctx, &claimed, ctx.sender(), "task.claimed", members)?;
    Ok(())
}

/// Holds a task for some seconds from now; a note says how it goes, and stays until the next one.
#[reducer]
pub fn renew_task(
    ctx: &ReducerContext,
    task_id: u64,
    attempt: u32,
    lease_seconds: u32,
    note: Option<String>,
) -> Checked {
    access::caller(ctx)?;
    task_rules::check_lease_seconds(lease_seconds)?;
    rules_coordination::check_note(&note)?;
    let (task, _) = task_of(ctx, task_id)?;
    task_rules::check_held(&task, ctx.sender(), attempt, ctx.timestamp)?;

    let note = given(note);
    let renewed = ctx.db.task().id().update(Task {
        lease_until: Some(task_rules::lease_end(ctx.timestamp, lease_seconds)),
        note: note.clone().unwrap_or(task.note),
        updated_at: ctx.timestamp,
        ..task
    });
    task_changes::set_lease_timer(ctx, &renewed);
    if let Some(note) = &note {
        let members = vec![("attempt", attempt.into()), ("note", note.into())];
        task_changes::announce(ctx, &renewed, ctx.sender(), "task.progressed", members)?;
    }
    Ok(())
}

/// Hands in the result; taken even after the lease as long as nobody else has claimed the task.
///
/// Repeated with the same attempt and result it changes nothing.
#[reducer]
pub fn complete_task(ctx: &ReducerContext, task_id: u64, attempt: u32, result: String) -> Checked {
    access::caller(ctx)?;
    rules_coordination::check_result(&result)?;
    let (task, _) = task_of(ctx, task_id)?;
    let text = text_of(ctx, &task)?;
    if task_rules::is_completed_with(&task, &text, ctx.sender(), attempt, &result) {
        return Ok(());
    }
    task_rules::check_may_complete(&task, ctx.sender(), attempt)?;

    let completed = task_rules::as_finished(task, TaskState::Completed, ctx.timestamp);
    ctx.db.task_text().task_id().update(TaskText { result: Some(result), ..text });
    task_changes::set_lease_timer(ctx, &completed);
    let members = vec![("attempt", attempt.into())];
    let message = task_changes::announce(ctx, &completed, ctx.sender(), "task.completed", members)?;
    task_changes::finish(ctx, completed, &message)
}

/// Gives a task up as failed: others may try after a wait, until failures_max is reached.
#[reducer]
pub fn fail_task(ctx: &ReducerContext, task_id: u64, attempt: u32, reason: String) -> Checked {
    access::caller(ctx)?;
    rules_coordination::check_task_reason(&reason)?;
    let (task, _) = task_of(ctx, task_id)?;
    task_rules::check_held_or_waiting(&task, ctx.sender(), attempt, ctx.timestamp)?;

    let after = task_rules::after_failure(task, ctx.timestamp, ctx.timestamp);
    let failed = Task { assignee: Identity::ZERO, note: reason.clone(), ..after };
    let is_final = failed.phase == task_rules::FINAL;
    task_changes::set_lease_timer(ctx, &failed);
    let members = vec![("attempt", attempt.into()), ("reason", (&reason).into()), ("final", is_final.into())];
    let message = task_changes::announce(ctx, &failed, ctx.sender(), "task.failed", members)?;
    if is_final {
        return task_changes::finish(ctx, failed, &message);
    }
    ctx.db.task().id().update(failed);
    Ok(())
}

/// Lets others claim a task at once, without a failure; its creator and Moderators and above may take it back, too.
#[reducer]
pub fn release_task(ctx: &ReducerContext, task_id: u64, attempt: u32) -> Checked {
    access::caller(ctx)?;
    let (task, member) = task_of(ctx, task_id)?;
    if task.creator != ctx.sender() && !access::is_moderator(&member) {
        task_rules::check_held_or_waiting(&task, ctx.sender(), attempt, ctx.timestamp)?;
    } else if !matches!(task.phase, task_rules::HELD | task_rules::WAITING) || task.attempt != attempt {
        return Err(task_rules::not_yours(&task));
    }

    let released = ctx.db.task().id().update(task_rules::as_released(task, ctx.timestamp));
    task_changes::set_lease_timer(ctx, &released);
    let members = vec![("attempt", attempt.into())];
    task_changes::announce(ctx, &released, ctx.sender(), "task.released", members)?;
    Ok(())
}

/// Asks the creator for something; the task waits without a lease until it is there.
#[reducer]
pub fn request_input(ctx: &ReducerContext, task_id: u64, attempt: u32, prompt: String, human_only: bool) -> Checked {
    access::caller(ctx)?;
    rules_coordination::check_prompt(&prompt)?;
    let (task, _) = task_of(ctx, task_id)?;
    task_rules::check_held(&task, ctx.sender(), attempt, ctx.timestamp)?;

    let waiting = ctx.db.task().id().update(Task {
        state: TaskState::InputRequired,
        phase: task_rules::WAITING,
        lease_until: None,
        human_only,
        note: prompt.clone(),
        updated_at: ctx.timestamp,
        ..task
    });
    let texts = text_of(ctx, &waiting)?;
    ctx.db.task_text().task_id().update(TaskText { input: None, input_by: None, ..texts });
    task_changes::set_lease_timer(ctx, &waiting);
    let members = vec![("attempt", attempt.into()), ("prompt", (&prompt).into())];
    let message = task_changes::announce(ctx, &waiting, ctx.sender(), "task.input_required", members)?;
    task_changes::call_about(ctx, &waiting, waiting.creator, InboxKind::TaskInputRequired, &message);
    Ok(())
}
