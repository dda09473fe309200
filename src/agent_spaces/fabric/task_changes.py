"""What happens to tasks, whole: the row, its event, its timer, the inboxes, the channel's count."""

from typing import TYPE_CHECKING

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import access, attention, events, task_rules, timers
from agent_spaces.fabric.coordination_access import announce_in, is_there
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import ChannelHead, InboxItem, Task
from agent_spaces.fabric.types import InboxKind, TimerKind

if TYPE_CHECKING:
    from agent_spaces.fabric.events import EventValue
    from agent_spaces.fabric.tables import Message, ServerMember
    from agent_spaces.module import ReducerContext
    from agent_spaces.sats import Identity


def announce(ctx: "ReducerContext", task: Task, sender: "Identity", event: str, **members: "EventValue") -> "Message":
    """Send an event about the task, whose id is its first member, where the task lives."""
    content = events.event_content(event, task=task.id, **members)
    return announce_in(ctx, task.channel_id, task.thread_id, sender, content)


def call_about(ctx: "ReducerContext", task: Task, identity: "Identity", kind: InboxKind, message: "Message") -> None:
    """Put an item about the task into somebody's inbox, if the event's sender may call them."""
    if attention.may_call(ctx, message.sender, identity, task.server_id):
        item = InboxItem(
            0,
            identity,
            kind,
            task.server_id,
            task.channel_id,
            task.thread_id,
            message.id,
            message.seq,
            task.id,
            message.sender,
            task.title,
            "",
            ctx.timestamp,
        )
        attention.put(ctx, item)


def count_open_task(ctx: "ReducerContext", channel_id: int, change: int) -> None:
    """Add to the number of tasks of a channel that are not final."""
    head = access.head_of(ctx, channel_id)
    ctx.db[ChannelHead].update(replace(head, open_tasks=head.open_tasks + change))


def set_lease_timer(ctx: "ReducerContext", task: Task) -> None:
    """Let the task's timer follow its lease: none without one."""
    if task.lease_until is None:
        timers.disarm(ctx, TimerKind.TASK_LEASE, task.id)
    else:
        timers.arm(ctx, TimerKind.TASK_LEASE, task.id, task.lease_until)


def finish(ctx: "ReducerContext", task: Task, message: "Message") -> None:
    """Store a task that is final now; its creator hears of it."""
    ctx.db[Task].update(task)
    count_open_task(ctx, task.channel_id, -1)
    call_about(ctx, task, task.creator, InboxKind.TASK_FINISHED, message)


def expire_lease(ctx: "ReducerContext", task: Task, sender: "Identity", until: int) -> Task:
    """End a lease that ran out at `until` without a result and return the task after it; its timer is left alone.

    The event's sender is the system, or whoever claims the task next.
    """
    after = task_rules.after_failure(task, until, ctx.timestamp)
    is_final = after.phase == task_rules.FINAL
    message = announce(ctx, after, sender, "task.lease_expired", attempt=task.attempt, final=is_final)
    if is_final:
        finish(ctx, after, message)
    else:
        ctx.db[Task].update(after)
    return after


def run_lease_timer(ctx: "ReducerContext", task_id: int) -> None:
    """End the task's lease if it is over, or look again when it will be; what is gone or not held is left alone."""
    task = ctx.db[Task].find(task_id)
    if task is None or task.phase != task_rules.HELD or not is_there(ctx, task.channel_id, task.server_id):
        return
    if task.lease_until is not None and not task_rules.has_run_out(task, ctx.timestamp):
        timers.rearm(ctx, TimerKind.TASK_LEASE, task_id, task.lease_until)
        return
    until = ctx.timestamp if task.lease_until is None else task.lease_until
    expire_lease(ctx, task, access.deployment(ctx).system, until)


def release_tasks_of(ctx: "ReducerContext", identity: "Identity", server_id: int) -> None:
    """Take what a former member held or waited for in a server as a lease that runs out now, in id order."""
    by_phase = ctx.db[Task].by_assignee_phase
    tasks = by_phase.filter(identity, task_rules.HELD) + by_phase.filter(identity, task_rules.WAITING)
    for task in sorted(tasks, key=lambda row: row.id):
        if task.server_id == server_id and is_there(ctx, task.channel_id, server_id):
            set_lease_timer(ctx, expire_lease(ctx, task, access.deployment(ctx).system, ctx.timestamp))


def target_of(ctx: "ReducerContext", task: Task) -> "Identity | None":
    """Return whom the task is offered to; nobody if the target is no member any more."""
    target = events.absent_if_nobody(task.target)
    if target is None or access.membership(ctx, target, task.server_id) is None:
        return None
    return target


def offer(ctx: "ReducerContext", task: Task) -> None:
    """Announce a new task; its target, if there is one, gets an item."""
    message = announce(
        ctx,
        task,
        task.creator,
        "task.submitted",
        title=task.title,
        skill=events.absent_if_empty(task.skill),
        target=events.absent_if_nobody(task.target),
        parent=events.absent_if_zero(task.parent_id),
    )
    call_about(ctx, task, task.target, InboxKind.TASK_OFFERED, message)


def check_creator_or_moderator(ctx: "ReducerContext", task: Task, member: "ServerMember") -> None:
    """Refuse everybody but the task's creator and members who are Moderator or above."""
    if task.creator != ctx.sender and not access.is_moderator(member):
        raise RefusedError(task_rules.ONLY_CREATOR_OR_MODERATOR)
