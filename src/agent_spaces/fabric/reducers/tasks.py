"""Tasks as those see them who hand them out: submit, answer, reject, cancel (contract section 7)."""

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import access, keys, rules, rules_coordination, rules_text, talk, task_changes, task_rules
from agent_spaces.fabric.coordination_access import task_in, task_of, text_of
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import Task, TaskText
from agent_spaces.fabric.types import InboxKind, TaskState
from agent_spaces.module import ReducerContext, reducer
from agent_spaces.sats import ZERO_IDENTITY, Identity, u32, u64


@reducer
def submit_task(
    ctx: ReducerContext,
    channel_id: u64,
    thread_id: u64 | None,
    parent_id: u64,
    title: str,
    body: str,
    skill: str,
    target: Identity | None,
    failures_max: u32,
    client_key: str | None = None,
    meta: str | None = None,
) -> None:
    """Offer a piece of work, to one member or to whoever has the skill; who may post Text in the channel may."""
    access.caller(ctx)
    rules_coordination.check_title(title)
    rules_coordination.check_task_body(body)
    rules_coordination.check_task_skill(skill)
    task_rules.check_failures_max(failures_max)
    rules_text.check_client_key(client_key)
    rules_text.check_meta_text(meta)
    rules_text.check_meta_object(meta)
    if keys.is_repeat(ctx, client_key):
        return
    channel, member = access.channel_of(ctx, channel_id)
    thread = None if thread_id is None else access.thread_in(ctx, channel_id, thread_id)
    parent = None if parent_id == 0 else task_in(ctx, channel_id, parent_id)
    if target is not None:
        access.member_row(ctx, target, channel.server_id)
    access.check_not_muted(ctx, channel.server_id)
    talk.check_may_post(channel, member)
    if thread is not None and thread.archived:
        raise RefusedError(rules.THREAD_ARCHIVED)
    if parent is not None and parent.phase == task_rules.FINAL:
        raise task_rules.in_state(parent)
    if access.head_of(ctx, channel_id).open_tasks >= task_rules.OPEN_TASKS_MAX:
        raise RefusedError(task_rules.TOO_MANY_OPEN_TASKS)

    now, server_id = ctx.timestamp, channel.server_id
    task = ctx.db[Task].insert(
        Task(
            id=0,
            server_id=server_id,
            channel_id=channel_id,
            thread_id=thread_id,
            parent_id=parent_id,
            title=title,
            skill=skill,
            target=target or ZERO_IDENTITY,
            creator=ctx.sender,
            state=TaskState.SUBMITTED,
            phase=task_rules.CLAIMABLE,
            assignee=ZERO_IDENTITY,
            attempt=0,
            failures=0,
            failures_max=failures_max,
            lease_until=None,
            not_before=now,
            human_only=False,
            note="",
            created_at=now,
            updated_at=now,
        )
    )
    ctx.db[TaskText].insert(TaskText(task.id, server_id, channel_id, body, None, None, None, rules_text.given(meta)))
    task_changes.count_open_task(ctx, channel_id, 1)
    task_changes.offer(ctx, task)
    keys.record(ctx, client_key, task.id)


@reducer
def provide_input(ctx: ReducerContext, task_id: u64, text: str) -> None:
    """Answer what a task waits for; its creator and Moderators and above may, with human_only only persons."""
    caller = access.caller(ctx)
    rules_coordination.check_input(text)
    task, member = task_of(ctx, task_id)
    access.check_not_muted(ctx, task.server_id)
    task_changes.check_creator_or_moderator(ctx, task, member)
    if task.human_only and caller.is_agent:
        raise RefusedError(task_rules.ONLY_PERSONS_PROVIDE)
    if task.assignee == ctx.sender:
        raise RefusedError(task_rules.NOT_YOUR_OWN_INPUT)
    if task.state != TaskState.INPUT_REQUIRED:
        raise task_rules.in_state(task)

    now = ctx.timestamp
    resumed = replace(
        task,
        state=TaskState.WORKING,
        phase=task_rules.HELD,
        lease_until=task_rules.lease_end(now, task_rules.INPUT_LEASE_SECONDS),
        updated_at=now,
    )
    ctx.db[Task].update(resumed)
    ctx.db[TaskText].update(replace(text_of(ctx, task), input=text, input_by=ctx.sender))
    task_changes.set_lease_timer(ctx, resumed)
    message = task_changes.announce(ctx, resumed, ctx.sender, "task.input_provided", attempt=task.attempt)
    task_changes.call_about(ctx, resumed, task.assignee, InboxKind.TASK_INPUT_PROVIDED, message)


@reducer
def reject_task(ctx: ReducerContext, task_id: u64, reason: str) -> None:
    """Turn down a task that is offered to the caller; repeated with the same reason it changes nothing."""
    access.caller(ctx)
    rules_coordination.check_task_reason(reason)
    task, _ = task_of(ctx, task_id)
    if task.target != ctx.sender:
        raise RefusedError(task_rules.ONLY_TARGET_REJECTS)
    if task.state == TaskState.REJECTED and task.note == reason:
        return
    if task.phase != task_rules.CLAIMABLE:
        raise task_rules.in_state(task)

    rejected = replace(task_rules.as_finished(task, TaskState.REJECTED, ctx.timestamp), note=reason)
    message = task_changes.announce(ctx, rejected, ctx.sender, "task.rejected", reason=reason)
    task_changes.finish(ctx, rejected, message)


@reducer
def cancel_task(ctx: ReducerContext, task_id: u64) -> None:
    """End a task that is not final; its creator and Moderators and above may. A canceled one stays as it is."""
    access.caller(ctx)
    task, member = task_of(ctx, task_id)
    task_changes.check_creator_or_moderator(ctx, task, member)
    if task.state == TaskState.CANCELED:
        return
    if task.phase == task_rules.FINAL:
        raise task_rules.in_state(task)

    canceled = task_rules.as_finished(task, TaskState.CANCELED, ctx.timestamp)
    message = task_changes.announce(ctx, canceled, ctx.sender, "task.canceled")
    if task.phase in {task_rules.HELD, task_rules.WAITING}:
        task_changes.call_about(ctx, canceled, task.assignee, InboxKind.TASK_CANCELED, message)
    task_changes.set_lease_timer(ctx, canceled)
    task_changes.finish(ctx, canceled, message)


REDUCERS = (submit_task, provide_input, reject_task, cancel_task)
