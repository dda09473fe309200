"""What is to be done later: at most one timer for each kind and ref_id, not counting the one that is being run."""

from agent_spaces.fabric.tables import Timer
from agent_spaces.fabric.types import TimerKind
from agent_spaces.module import ReducerContext
from agent_spaces.sats import Time, Timestamp


def arm(ctx: ReducerContext, kind: TimerKind, ref_id: int, at: int) -> None:
    """Have run_timer called at `at` (µs) in place of an earlier timer of this kind for this row."""
    disarm(ctx, kind, ref_id)
    rearm(ctx, kind, ref_id, at)


def rearm(ctx: ReducerContext, kind: TimerKind, ref_id: int, at: int) -> None:
    """Have run_timer called at `at` (µs) once more: for a timer that is being run, whose row the host deletes."""
    ctx.db[Timer].insert(Timer(0, Time(Timestamp(at)), kind, ref_id))


def disarm(ctx: ReducerContext, kind: TimerKind, ref_id: int) -> None:
    """Remove the timer of this kind for this row, if there is one."""
    timers = ctx.db[Timer]
    for timer in timers.ref_id.filter(ref_id):
        if timer.kind == kind:
            timers.delete(timer.scheduled_id)
