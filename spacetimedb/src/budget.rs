//! The call budget: at most 60 calls a minute of the reducers that make lasting rows (contract section 4).

use spacetimedb::{ReducerContext, Table};

use crate::rows::later;
use crate::rules;
use crate::rules_text::Checked;
use crate::tables::*;

/// Counts one call of the caller, or refuses: the last check of step 9.
///
/// A minute is counted from its first call; a clock that went backwards opens a new one.
pub fn spend(ctx: &ReducerContext) -> Checked {
    let states = ctx.db.identity_state();
    let now = ctx.timestamp;
    let Some(state) = states.identity().find(ctx.sender()) else {
        states.insert(IdentityState { identity: ctx.sender(), window_start: now, calls: 1, inbox_items: 0 });
        return Ok(());
    };
    if now < state.window_start || now >= later(state.window_start, rules::CALLS_WINDOW_US) {
        states.identity().update(IdentityState { window_start: now, calls: 1, ..state });
    } else if state.calls >= rules::CALLS_MAX {
        return Err(rules::TOO_MANY_CALLS.into());
    } else {
        states.identity().update(IdentityState { calls: state.calls + 1, ..state });
    }
    Ok(())
}
