//! Tasks as those see them who hand them out: submit, answer, reject, cancel (contract section 7).

use spacetimedb::{reducer, Identity, ReducerContext, Table};

use crate::coordination_access::{task_in, task_of, text_of};
use crate::keys::keyed;
use crate::rules_text::{given, Checked};
use crate::tables::*;
use crate::types::{InboxKind, TaskState};
use crate::{access, keys, rules, rules_coordination, rules_text, talk, task_changes, task_rules};

/// Offers a piece of work, to one member or to whoever has the skill; who may post Text in the channel may.
#[reducer]
#[allow(clippy::too_many_arguments)] // the contract's
pub fn submit_task(
    ctx: &ReducerContext,
    channel_id: u64,
    thread_id: Option<u64>,
    parent_id: u64,
    title: String,
    body: String,
    skill: String,
    target: Option<Identity>,
    failures_max: u32,
    client_key: Option<String>,
    meta: Option<String>,
) -> Checked {
    access::caller(ctx)?;
    rules_coordination::check_title(&title)?;
    rules_coordination::check_task_body(&body)?;
    rules_coordination::check_task_skill(&skill)?;
    task_rules::check_failures_max(failures_max)?;
    rules_text::check_client_key(&client_key)?;
    rules_text::check_meta_text(&meta)?;
    rules_text::check_meta_object(&meta)?;
    let call = keyed!(
        submit_task, client_key;
        channel_id, thread_id, parent_id, title, body, skill, target, failures_max, client_key, meta
    );
    if keys::is_repeat(ctx, &call)? {
        return Ok(());
    }
    let (channel, member) = access::channel_of(ctx, channel_id)?;
    let server_id = channel.server_id;
    let thread = thread_id.map(|thread_id| access::thread_in(ctx, channel_id, thread_id)).transpose()?;
    let parent = if parent_id == 0 { None } else { Some(task_in(ctx, channel_id, parent_id)?) };
    if let Some(target) = target {
        access::member_row(ctx, target, server_id)?;
    }
    access::check_not_muted(ctx, server_id)?;
    talk::check_may_post(&channel, &member)?;
    if thread.is_some_and(|thread| thread.archived) {
        return Err(rules::THREAD_ARCHIVED.into());
    }
    if let Some(parent) = parent.filter(|parent| parent.phase == task_rules::FINAL) {
        return Err(task_rules::in_state(&parent));
    }
    if access::head_of(ctx, channel_id)?.open_tasks >= task_rules::OPEN_TASKS_MAX {
        return Err(task_rules::TOO_MANY_OPEN_TASKS.into());
    }

    let task = ctx.db.task().insert(Task {
        id: 0,
        server_id,
        channel_id,
        thread_id,
        parent_id,
        title,
        skill,
        target: target.unwrap_or(Identity::ZERO),
        creator: ctx.sender(),
        state: TaskState::Submitted,
        phase: task_rules::CLAIMABLE,
        assignee: Identity::ZERO,
        attempt: 0,
        failures: 0,
        failures_max,
        lease_until: None,
        not_before: ctx.timestamp,
        human_only: false,
        note: String::new(),
        created_at: ctx.timestamp,
        updated_at: ctx.timestamp,
    });
    ctx.db.task_text().insert(TaskText {
        task_id: task.id,
        server_id,
        channel_id,
        body,
        input: None,
        input_by: None,
        result: None,
        meta: given(meta),
    });
    task_changes::count_open_task(ctx, channel_id, 1)?;
    task_changes::offer(ctx, &task)?;
    keys::record(ctx, call, task.id);
    Ok(())
}

/// Answers what a task waits for; its creator and Moderators and above may, with human_only only persons.
#[reducer]
pub fn provide_input(ctx: &ReducerContext, task_id: u64, text: String) -> Checked {
    let caller = access::caller(ctx)?;
    rules_coordination::check_input(&text)?;
    let (task, member) = task_of(ctx, task_id)?;
    access::check_not_muted(ctx, task.server_id)?;
    task_changes::check_creator_or_moderator(ctx, &task, &member)?;
    if task.human_only && caller.is_agent {
        return Err(task_rules::ONLY_PERSONS_PROVIDE.into());
    }
    if task.assignee == ctx.sender() {
        return Err(task_rules::NOT_YOUR_OWN_INPUT.into());
    }
    if task.state != TaskState::InputRequired {
        return Err(task_rules::in_state(&task));
    }

    let resumed = ctx.db.task().id().update(Task {
        state: TaskState::Working,
        phase: task_rules::HELD,
        lease_until: Some(task_rules::lease_end(ctx.timestamp, task_rules::INPUT_LEASE_SECONDS)),
        updated_at: ctx.timestamp,
        ..task
    });
    let texts = text_of(ctx, &resumed)?;
    ctx.db.task_text().task_id().update(TaskText { input: Some(text), input_by: Some(ctx.sender()), ..texts });
    task_changes::set_lease_timer(ctx, &resumed);
    let members = vec![("attempt", resumed.attempt.into())];
    let message = task_changes::announce(ctx, &resumed, ctx.sender(), "task.input_provided", members)?;
    task_changes::call_about(ctx, &resumed, resumed.assignee, InboxKind::TaskInputProvided, &message);
    Ok(())
}

/// Turns down a task that is offered to the caller; repeated with the same reason it changes nothing.
#[reducer]
pub fn reject_task(ctx: &ReducerContext, task_id: u64, reason: String) -> Checked {
    access::caller(ctx)?;
    rules_coordination::check_task_reason(&reason)?;
    let (task, _) = task_of(ctx, task_id)?;
    if task.target != ctx.sender() {
        return Err(task_rules::ONLY_TARGET_REJECTS.into());
    }
    if task.state == TaskState::Rejected && task.note == reason {
        return Ok(());
    }
    if task.phase != task_rules::CLAIMABLE {
        return Err(task_rules::in_state(&task));
    }

    let finished = task_rules::as_finished(task, TaskState::Rejected, ctx.timestamp);
    let rejected = Task { note: reason.clone(), ..finished };
    let members = vec![("reason", (&reason).into())];
    let message = task_changes::announce(ctx, &rejected, ctx.sender(), "task.rejected", members)?;
    task_changes::finish(ctx, rejected, &message)
}

/// Ends a task that is not final; its creator and Moderators and above may. A canceled one stays as it is.
#[reducer]
pub fn cancel_task(ctx: &ReducerContext, task_id: u64) -> Checked {
    access::caller(ctx)?;
    let (task, member) = task_of(ctx, task_id)?;
    task_changes::check_creator_or_moderator(ctx, &task, &member)?;
    if task.state == TaskState::Canceled {
        return Ok(());
    }
    if task.phase == task_rules::FINAL {
        return Err(task_rules::in_state(&task));
    }

    let is_taken = matches!(task.phase, task_rules::HELD | task_rules::WAITING);
    let canceled = task_rules::as_finished(task, TaskState::Canceled, ctx.timestamp);
    let message = task_changes::announce(ctx, &canceled, ctx.sender(), "task.canceled", vec![])?;
    if is_taken {
        task_changes::call_about(ctx, &canceled, canceled.assignee, InboxKind::TaskCanceled, &message);
    }
    task_changes::set_lease_timer(ctx, &canceled);
    task_changes::finish(ctx, canceled, &message)
}
