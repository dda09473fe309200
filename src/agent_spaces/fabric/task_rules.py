"""The pure part of tasks: limits, what a state allows, what a failure leads to, and the texts (contract section 7)."""

from typing import TYPE_CHECKING

from agent_spaces.errors import InvalidArgumentError, RefusedError
from agent_spaces.fabric.events import STATE_NAMES
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.rules import SECOND_US
from agent_spaces.fabric.types import TaskState
from agent_spaces.sats import ZERO_IDENTITY, Timestamp

if TYPE_CHECKING:
    from agent_spaces.fabric.tables import Task, TaskText
    from agent_spaces.sats import Identity

LEASE_SECONDS_MAX = 3600
INPUT_LEASE_SECONDS = 300  # what a holder gets when the input that it waited for is there
FAILURES_MAX = 20
WAIT_SECONDS_MAX = 300
TASKS_HELD_MAX = 32  # by one identity, in phase 1
OPEN_TASKS_MAX = 5000  # not final, in one channel

CLAIMABLE, HELD, WAITING, FINAL = 0, 1, 2, 3  # task.phase

ONLY_CREATOR_OR_MODERATOR = "Only its creator, moderators, admins and the owner may do this to a task."
ONLY_TARGET_REJECTS = "Only whom a task is offered to may reject it."
ONLY_PERSONS_PROVIDE = "This task waits for a person's input."
NOT_YOUR_OWN_INPUT = "You cannot provide the input that you asked for."
TOO_MANY_HELD = f"You hold {TASKS_HELD_MAX} tasks already."
TOO_MANY_OPEN_TASKS = f"This channel has {OPEN_TASKS_MAX} open tasks already."


def check_lease_seconds(lease_seconds: int) -> None:
    """Raise InvalidArgumentError unless a lease is 1 to LEASE_SECONDS_MAX seconds."""
    if not 1 <= lease_seconds <= LEASE_SECONDS_MAX:
        raise InvalidArgumentError(f"A lease must last 1 to {LEASE_SECONDS_MAX} seconds.")


def check_failures_max(failures_max: int) -> None:
    """Raise InvalidArgumentError unless a task may fail 1 to FAILURES_MAX times."""
    if not 1 <= failures_max <= FAILURES_MAX:
        raise InvalidArgumentError(f"The failures_max must be 1 to {FAILURES_MAX}.")


def has_run_out(task: "Task", now: int) -> bool:
    """Tell whether the task is held by a lease that is over; a lease is over from its last microsecond on."""
    return task.phase == HELD and task.lease_until is not None and now >= task.lease_until


def is_fenced_out(task: "Task", caller: "Identity", attempt: int) -> bool:
    """Tell whether the caller is somebody else than the run that the task was last claimed by."""
    return task.assignee != caller or task.attempt != attempt


def not_yours(task: "Task") -> RefusedError:
    """Return the refusal for who does not hold the task."""
    return RefusedError(f"Task {task.id} is not yours any more ({STATE_NAMES[task.state]}, attempt {task.attempt}).")


def in_state(task: "Task") -> RefusedError:
    """Return the refusal for what the task's state does not allow."""
    return RefusedError(f"Task {task.id} is {STATE_NAMES[task.state]}.")


def check_held(task: "Task", caller: "Identity", attempt: int, now: int) -> None:
    """Raise RefusedError unless the caller holds the task with this attempt and its lease is not over."""
    if task.phase != HELD or is_fenced_out(task, caller, attempt) or has_run_out(task, now):
        raise not_yours(task)


def check_held_or_waiting(task: "Task", caller: "Identity", attempt: int, now: int) -> None:
    """Raise RefusedError unless the caller holds the task, or waits for input to it, with this attempt."""
    if task.phase != WAITING or is_fenced_out(task, caller, attempt):
        check_held(task, caller, attempt, now)


def check_may_complete(task: "Task", caller: "Identity", attempt: int) -> None:
    """Raise RefusedError unless the caller claimed the task last; its lease may have run out since."""
    if task.phase not in {CLAIMABLE, HELD} or is_fenced_out(task, caller, attempt):
        raise not_yours(task)


def is_completed_with(task: "Task", text: "TaskText", caller: "Identity", attempt: int, result: str) -> bool:
    """Tell whether the caller has completed the task with this very result."""
    return task.state == TaskState.COMPLETED and not is_fenced_out(task, caller, attempt) and text.result == result


def after_failure(task: "Task", until: int, now: Timestamp) -> "Task":
    """Return the task after its lease ended at `until` without a result.

    It is Failed after failures_max failures; else claimable min(2^failures, WAIT_SECONDS_MAX) seconds after `until`.
    The assignee stays written, so that a late result is taken until somebody else claims the task.
    """
    failures = task.failures + 1
    is_final = failures >= task.failures_max
    # Imported counts may be so great that the power would take all memory.
    wait_seconds = min(2 ** min(failures, FAILURES_MAX), WAIT_SECONDS_MAX)
    not_before = Timestamp(until + wait_seconds * SECOND_US)
    return replace(
        task,
        state=TaskState.FAILED if is_final else TaskState.SUBMITTED,
        phase=FINAL if is_final else CLAIMABLE,
        failures=failures,
        lease_until=None,
        not_before=task.not_before if is_final else not_before,
        updated_at=now,
    )


def as_finished(task: "Task", state: TaskState, now: Timestamp) -> "Task":
    """Return the task in a final state."""
    return replace(task, state=state, phase=FINAL, lease_until=None, updated_at=now)


def as_released(task: "Task", now: Timestamp) -> "Task":
    """Return the task as anybody may claim it at once, without a failure."""
    return replace(
        task,
        state=TaskState.SUBMITTED,
        phase=CLAIMABLE,
        assignee=ZERO_IDENTITY,
        lease_until=None,
        not_before=now,
        updated_at=now,
    )


def as_claimed(task: "Task", caller: "Identity", lease_seconds: int, now: Timestamp) -> "Task":
    """Return the task as held by the caller; the next attempt fences out whoever held it before."""
    return replace(
        task,
        state=TaskState.WORKING,
        phase=HELD,
        assignee=caller,
        attempt=task.attempt + 1,
        lease_until=lease_end(now, lease_seconds),
        updated_at=now,
    )


def lease_end(now: int, lease_seconds: int) -> Timestamp:
    """Return when a lease that begins now is over."""
    return Timestamp(now + lease_seconds * SECOND_US)


def check_wait_is_over(task: "Task", now: int) -> None:
    """Raise RefusedError while a claimable task waits after a failure; the seconds are rounded up."""
    if now < task.not_before:
        seconds = -((now - task.not_before) // SECOND_US)
        raise RefusedError(f"Task {task.id} can be claimed in {seconds} s.")


def held_by(task: "Task", username: str) -> RefusedError:
    """Return the refusal for who comes second."""
    return RefusedError(f"Task {task.id} is held by {username} (attempt {task.attempt}).")


def offered_to(task: "Task", username: str) -> RefusedError:
    """Return the refusal for who is not the task's target."""
    return RefusedError(f"Task {task.id} is offered to {username}.")


def skill_missing(skill: str) -> RefusedError:
    """Return the refusal for an agent whose card lacks the task's skill."""
    return RefusedError(f"Your card does not have the skill {skill}.")
