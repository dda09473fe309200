"""The call budget: at most 60 calls a minute of the reducers that make lasting rows (contract section 4)."""

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import rules
from agent_spaces.fabric.tables import IdentityState
from agent_spaces.module import ReducerContext


def spend(ctx: ReducerContext) -> None:
    """Count one call of the caller, or refuse: the last check of step 9.

    A minute is counted from its first call; a clock that went backwards opens a new one.
    """
    states = ctx.db[IdentityState]
    state = states.find(ctx.sender)
    now = ctx.timestamp
    if state is None:
        states.insert(IdentityState(ctx.sender, now, 1, 0))
    elif now < state.window_start or now >= state.window_start + rules.CALLS_WINDOW_US:
        states.update(IdentityState(ctx.sender, now, 1, state.inbox_items))
    elif state.calls >= rules.CALLS_MAX:
        raise RefusedError(rules.TOO_MANY_CALLS)
    else:
        states.update(IdentityState(ctx.sender, state.window_start, state.calls + 1, state.inbox_items))
