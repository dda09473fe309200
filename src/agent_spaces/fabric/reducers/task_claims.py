"""Tasks as those see them who work on them: claim, renew, complete, fail, release, ask (contract section 7)."""

from typing import TYPE_CHECKING

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import access, rules_coordination, task_changes, task_rules
from agent_spaces.fabric.coordination_access import task_of, text_of
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import AgentCard, Task, TaskText
from agent_spaces.fabric.types import InboxKind, TaskState
from agent_spaces.module import ReducerContext, reducer
from agent_spaces.sats import ZERO_IDENTITY, u32, u64

if TYPE_CHECKING:
    from agent_spaces.fabric.tables import UserProfile


def _check_may_claim(ctx: ReducerContext, task: Task, profile: "UserProfile") -> None:
    """Refuse who is not the target of a task that is free, and an agent whose card lacks the skill."""
    target = task_changes.target_of(ctx, task)
    if task.phase == task_rules.CLAIMABLE and target is not None and target != ctx.sender:
        raise task_rules.offered_to(task, access.profile_of(ctx, target).username)
    if profile.is_agent and task.skill:
        card = ctx.db[AgentCard].find(ctx.sender)
        if card is None or task.skill not in card.skills:
            raise RefusedError(task_rules.skill_missing(task.skill))


def _check_is_free(ctx: ReducerContext, task: Task) -> None:
    """Refuse a task that is held, waits for input or is final, one that rests after a failure, and a 33rd one."""
    if task.phase == task_rules.HELD:
        raise task_rules.held_by(task, access.profile_of(ctx, task.assignee).username)
    if task.phase != task_rules.CLAIMABLE:
        raise task_rules.in_state(task)
    task_rules.check_wait_is_over(task, ctx.timestamp)
    if ctx.db[Task].by_assignee_phase.count(ctx.sender, task_rules.HELD) >= task_rules.TASKS_HELD_MAX:
        raise RefusedError(task_rules.TOO_MANY_HELD)


@reducer
def claim_task(ctx: ReducerContext, task_id: u64, lease_seconds: u32) -> None:
    """Take a free task for some seconds; attempt grows by 1 and fences out whoever held it before.

    Who holds it already may claim it again, in one go and without a failure. A lease of somebody else that has run
    out is ended here if its timer has not come to it yet: the task is judged as it is after that.
    """
    caller = access.caller(ctx)
    task_rules.check_lease_seconds(lease_seconds)
    task, _ = task_of(ctx, task_id)
    access.check_not_muted(ctx, task.server_id)
    is_own = task.phase == task_rules.HELD and task.assignee == ctx.sender
    lease_until = None if is_own or not task_rules.has_run_out(task, ctx.timestamp) else task.lease_until
    judged = task if lease_until is None else task_rules.after_failure(task, lease_until, ctx.timestamp)
    _check_may_claim(ctx, judged, caller)
    if not is_own:
        _check_is_free(ctx, judged)

    if lease_until is not None:
        task = task_changes.expire_lease(ctx, task, ctx.sender, lease_until)
    claimed = task_rules.as_claimed(task, ctx.sender, lease_seconds, ctx.timestamp)
    ctx.db[Task].update(claimed)
    task_changes.set_lease_timer(ctx, claimed)
    task_changes.announce(ctx, claimed, ctx.sender, "task.claimed", attempt=claimed.attempt)


@reducer
def renew_task(ctx: ReducerContext, task_id: u64, attempt: u32, lease_seconds: u32, note: str | None = None) -> None:
    """Hold a task for some seconds from now; a note says how it goes, and stays until the next one."""
    access.caller(ctx)
    task_rules.check_lease_seconds(lease_seconds)
    rules_coordination.check_note(note)
    task, _ = task_of(ctx, task_id)
    task_rules.check_held(task, ctx.sender, attempt, ctx.timestamp)

    now = ctx.timestamp
    renewed = replace(
        task, lease_until=task_rules.lease_end(now, lease_seconds), note=note or task.note, updated_at=now
    )
    ctx.db[Task].update(renewed)
    task_changes.set_lease_timer(ctx, renewed)
    if note:
        task_changes.announce(ctx, renewed, ctx.sender, "task.progressed", attempt=attempt, note=note)


@reducer
def complete_task(ctx: ReducerContext, task_id: u64, attempt: u32, result: str) -> None:
    """Hand in the result; taken even after the lease as long as nobody else has claimed the task.

    Repeated with the same attempt and result it changes nothing.
    """
    access.caller(ctx)
    rules_coordination.check_result(result)
    task, _ = task_of(ctx, task_id)
    text = text_of(ctx, task)
    if task_rules.is_completed_with(task, text, ctx.sender, attempt, result):
        return
    task_rules.check_may_complete(task, ctx.sender, attempt)

    completed = task_rules.as_finished(task, TaskState.COMPLETED, ctx.timestamp)
    ctx.db[TaskText].update(replace(text, result=result))
    task_changes.set_lease_timer(ctx, completed)
    message = task_changes.announce(ctx, completed, ctx.sender, "task.completed", attempt=attempt)
    task_changes.finish(ctx, completed, message)


@reducer
def fail_task(ctx: ReducerContext, task_id: u64, attempt: u32, reason: str) -> None:
    """Give a task up as failed: others may try after a wait, until failures_max is reached."""
    access.caller(ctx)
    rules_coordination.check_task_reason(reason)
    task, _ = task_of(ctx, task_id)
    task_rules.check_held_or_waiting(task, ctx.sender, attempt, ctx.timestamp)

    now = ctx.timestamp
    failed = replace(task_rules.after_failure(task, now, now), assignee=ZERO_IDENTITY, note=reason)
    is_final = failed.phase == task_rules.FINAL
    task_changes.set_lease_timer(ctx, failed)
    message = task_changes.announce(
        ctx, failed, ctx.sender, "task.failed", attempt=attempt, reason=reason, final=is_final
    )
    if is_final:
        task_changes.finish(ctx, failed, message)
    else:
        ctx.db[Task].update(failed)


@reducer
def release_task(ctx: ReducerContext, task_id: u64, attempt: u32) -> None:
    """Let others claim a task at once, without a failure; its creator and Moderators and above may, too."""
    access.caller(ctx)
    task, member = task_of(ctx, task_id)
    if task.creator != ctx.sender and not access.is_moderator(member):
        task_rules.check_held_or_waiting(task, ctx.sender, attempt, ctx.timestamp)
    elif task.phase not in {task_rules.HELD, task_rules.WAITING} or task.attempt != attempt:
        raise task_rules.not_yours(task)

    released = task_rules.as_released(task, ctx.timestamp)
    ctx.db[Task].update(released)
    task_changes.set_lease_timer(ctx, released)
    task_changes.announce(ctx, released, ctx.sender, "task.released", attempt=attempt)


@reducer
def request_input(ctx: ReducerContext, task_id: u64, attempt: u32, prompt: str, human_only: bool) -> None:
    """Ask the creator for something; the task waits without a lease until it is there."""
    access.caller(ctx)
    rules_coordination.check_prompt(prompt)
    task, _ = task_of(ctx, task_id)
    task_rules.check_held(task, ctx.sender, attempt, ctx.timestamp)

    waiting = replace(
        task,
        state=TaskState.INPUT_REQUIRED,
        phase=task_rules.WAITING,
        lease_until=None,
        human_only=human_only,
        note=prompt,
        updated_at=ctx.timestamp,
    )
    ctx.db[Task].update(waiting)
    ctx.db[TaskText].update(replace(text_of(ctx, task), input=None, input_by=None))
    task_changes.set_lease_timer(ctx, waiting)
    message = task_changes.announce(ctx, waiting, ctx.sender, "task.input_required", attempt=attempt, prompt=prompt)
    task_changes.call_about(ctx, waiting, task.creator, InboxKind.TASK_INPUT_REQUIRED, message)


REDUCERS = (claim_task, renew_task, complete_task, fail_task, release_task, request_input)
