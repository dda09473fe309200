//! What happens to tasks with all that belongs to it: the row, its event, its timer, the inboxes, the channel's count.

use spacetimedb::{Identity, ReducerContext, Timestamp};

use crate::coordination_access::{announce_in, is_there};
use crate::events::{absent_if_empty, absent_if_zero, event_content, EventValue};
use crate::rows::by_number;
use crate::rules_text::Checked;
use crate::tables::*;
use crate::types::{InboxKind, TimerKind};
use crate::{access, attention, task_rules, timers};

/// Returns an identity as events write it: all zeros mean that there is none.
pub fn absent_if_nobody(identity: Identity) -> Option<Identity> {
    Some(identity).filter(|identity| *identity != Identity::ZERO)
}

/// Sends an event about the task, whose id is its first member, where the task lives.
pub fn announce(
    ctx: &ReducerContext,
    task: &Task,
    sender: Identity,
    event: &str,
    members: Vec<(&str, EventValue)>,
) -> Checked<Message> {
    let mut all = vec![("task", task.id.into())];
    all.extend(members);
    announce_in(ctx, task.channel_id, task.thread_id, sender, event_content(event, &all))
}

/// Puts an item about the task into somebody's inbox, if the event's sender may call them.
pub fn call_about(ctx: &ReducerContext, task: &Task, identity: Identity, kind: InboxKind, message: &Message) {
    if !attention::may_call(ctx, message.sender, identity, task.server_id) {
        return;
    }
    attention::put(
        ctx,
        InboxItem {
            id: 0,
            identity,
            kind,
            server_id: task.server_id,
            channel_id: task.channel_id,
            thread_id: task.thread_id,
            message_id: message.id,
            seq: message.seq,
            ref_id: task.id,
            sender: message.sender,
            title: task.title.clone(),
            body: String::new(),
            created_at: ctx.timestamp,
        },
    );
}

/// Adds to the number of tasks of a channel that are not final.
pub fn count_open_task(ctx: &ReducerContext, channel_id: u64, change: i32) -> Checked {
    let head = access::head_of(ctx, channel_id)?;
    let open_tasks = head.open_tasks.saturating_add_signed(change);
    ctx.db.channel_head().channel_id().update(ChannelHead { open_tasks, ..head });
    Ok(())
}

/// Lets the task's timer follow its lease: none without one.
pub fn set_lease_timer(ctx: &ReducerContext, task: &Task) {
    match task.lease_until {
        None => timers::disarm(ctx, TimerKind::TaskLease, task.id),
        Some(until) => timers::arm(ctx, TimerKind::TaskLease, task.id, until),
    }
}

/// Stores a task that is final now; its creator hears of it.
pub fn finish(ctx: &ReducerContext, task: Task, message: &Message) -> Checked {
    let task = ctx.db.task().id().update(task);
    count_open_task(ctx, task.channel_id, -1)?;
    call_about(ctx, &task, task.creator, InboxKind::TaskFinished, message);
    Ok(())
}

/// Ends a lease that ran out at `until` without a result and returns the task after it; its timer is left alone.
///
/// The event's sender is the system, or whoever claims the task next.
pub fn expire_lease(ctx: &ReducerContext, task: Task, sender: Identity, until: Timestamp) -> Checked<Task> {
    let attempt = task.attempt;
    let after = task_rules::after_failure(task, until, ctx.timestamp);
    let is_final = after.phase == task_rules::FINAL;
    let members = vec![("attempt", attempt.into()), ("final", is_final.into())];
    let message = announce(ctx, &after, sender, "task.lease_expired", members)?;
    if is_final {
        finish(ctx, after.clone(), &message)?;
        return Ok(after);
    }
    Ok(ctx.db.task().id().update(after))
}

/// Ends the task's lease if it is over, or looks again when it will be; what is gone or not held is left alone.
pub fn run_lease_timer(ctx: &ReducerContext, task_id: u64) -> Checked {
    let Some(task) = ctx.db.task().id().find(task_id) else {
        return Ok(());
    };
    if task.phase != task_rules::HELD || !is_there(ctx, task.channel_id, task.server_id) {
        return Ok(());
    }
    if let Some(until) = task.lease_until {
        if !task_rules::has_run_out(&task, ctx.timestamp) {
            timers::rearm(ctx, TimerKind::TaskLease, task_id, until);
            return Ok(());
        }
    }
    let until = task.lease_until.unwrap_or(ctx.timestamp);
    expire_lease(ctx, task, access::deployment(ctx)?.system, until)?;
    Ok(())
}

/// Takes what a former member held or waited for in a server as a lease that runs out now, in id order.
pub fn release_tasks_of(ctx: &ReducerContext, identity: Identity, server_id: u64) -> Checked {
    let by_phase = ctx.db.task().by_assignee_phase();
    let held = by_phase.filter((identity, task_rules::HELD));
    let rows = held.chain(by_phase.filter((identity, task_rules::WAITING)));
    for task in by_number(rows, |task| task.id) {
        if task.server_id == server_id && is_there(ctx, task.channel_id, server_id) {
            let after = expire_lease(ctx, task, access::deployment(ctx)?.system, ctx.timestamp)?;
            set_lease_timer(ctx, &after);
        }
    }
    Ok(())
}

/// Returns whom the task is offered to; nobody if the target is no member any more.
pub fn target_of(ctx: &ReducerContext, task: &Task) -> Option<Identity> {
    absent_if_nobody(task.target).filter(|target| access::membership(ctx, *target, task.server_id).is_some())
}

/// Announces a new task; its target, if there is one, gets an item.
pub fn offer(ctx: &ReducerContext, task: &Task) -> Checked {
    let target = absent_if_nobody(task.target).map(|target| EventValue::Identity(target.to_hex().to_string()));
    let members = vec![
        ("title", (&task.title).into()),
        ("skill", absent_if_empty(&task.skill).into()),
        ("target", target.into()),
        ("parent", absent_if_zero(task.parent_id).into()),
    ];
    let message = announce(ctx, task, task.creator, "task.submitted", members)?;
    call_about(ctx, task, task.target, InboxKind::TaskOffered, &message);
    Ok(())
}

/// Refuses everybody but the task's creator and members who are Moderator or above.
pub fn check_creator_or_moderator(ctx: &ReducerContext, task: &Task, member: &ServerMember) -> Checked {
    if task.creator != ctx.sender() && !access::is_moderator(member) {
        return Err(task_rules::ONLY_CREATOR_OR_MODERATOR.into());
    }
    Ok(())
}
