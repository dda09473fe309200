"""What the rest of the fabric calls of coordination; all of it sends events with the sender `deployment.system`.

- `run_lease_timer(ctx, task_id)`: run_timer with TimerKind.TASK_LEASE. Does nothing if the task, its channel or its
  server is gone or nobody holds it; arms a new timer if the lease is not over yet; else ends it. Never refuses.
- `run_vote_timer(ctx, vote_id)`: run_timer with TimerKind.VOTE_CLOSE, likewise.
- `release_tasks_of(ctx, identity, server_id)`: a member is gone (the server_member row, too): what it held counts as
  a lease that ran out now.
- `drop_open_ballots(ctx, identity, server_id)`: a member is gone; its ballots in open votes there are, too.
- `drop_ballots_everywhere(ctx, identity)`: a person became an agent; its ballots in all open votes are gone.
- `expire_lease(ctx, task, sender)`, `close_vote(ctx, vote)`: the same without the look at the clock.
"""

from agent_spaces.fabric.task_changes import expire_lease, release_tasks_of, run_lease_timer
from agent_spaces.fabric.vote_changes import close_vote, drop_ballots_everywhere, drop_open_ballots, run_vote_timer

__all__ = [
    "close_vote",
    "drop_ballots_everywhere",
    "drop_open_ballots",
    "expire_lease",
    "release_tasks_of",
    "run_lease_timer",
    "run_vote_timer",
]
