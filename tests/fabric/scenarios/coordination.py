"""States of tasks and votes that scenarios start from, and the scenarios of coordination in reducers of others."""

from typing import Any

from agent_spaces.fabric.reducers import task_claims, tasks, users, votes
from agent_spaces.fabric.reducers.channels import delete_channel
from agent_spaces.fabric.tables import Ballot, Task, Timer
from agent_spaces.fabric.types import Electorate, TaskState, TimerKind
from agent_spaces.sats import ZERO_IDENTITY, Time, Timestamp
from fabric.scenarios.case import Scenarios, identity
from fabric.worlds import CLUB, GENERAL, NOON

SECOND = 1_000_000
BEFORE = NOON - 1  # when the calls of `before` are made

PLAIN = (GENERAL, None, 0, "Paint it", "All of it.", "", None, 3, None, None)
OFFERED = ("bob", tasks.submit_task, PLAIN)  # task 1
HELD = (OFFERED, ("carol", task_claims.claim_task, (1, 10)))
HELD_BY_AGENT = (OFFERED, ("bot", task_claims.claim_task, (1, 10)))
WAITING = (*HELD, ("carol", task_claims.request_input, (1, 1, "Which colour?", False)))
OVER = BEFORE + 10 * SECOND  # when the lease of HELD is over

ASKED = ("bob", votes.open_vote, (GENERAL, "Red?", ["yes", "no", "perhaps"], Electorate.MEMBERS, 2, 60, None))  # vote 1
CLOSING = BEFORE + 60 * SECOND


def task(**changes: Any) -> Task:
    """Return task 1 as OFFERED makes it, with changes; for states that no single minute of calls leads to."""
    columns: dict[str, Any] = {
        "id": 1,
        "server_id": CLUB,
        "channel_id": GENERAL,
        "thread_id": None,
        "parent_id": 0,
        "title": "Paint it",
        "skill": "",
        "target": ZERO_IDENTITY,
        "creator": identity("bob"),
        "state": TaskState.SUBMITTED,
        "phase": 0,
        "assignee": ZERO_IDENTITY,
        "attempt": 0,
        "failures": 0,
        "failures_max": 3,
        "lease_until": None,
        "not_before": Timestamp(BEFORE),
        "human_only": False,
        "note": "",
        "created_at": Timestamp(BEFORE),
        "updated_at": Timestamp(BEFORE),
    }
    return Task(**(columns | changes))


def late(**changes: Any) -> Task:
    """Return task 1 as it is after carol's lease ended and the timer saw it."""
    return task(**({"assignee": identity("carol"), "attempt": 1, "failures": 1} | changes))


def ballot(number: int, name: str, choice: int) -> Ballot:
    """Return somebody's ballot in vote 1."""
    return Ballot(number, 1, CLUB, identity(name), choice, Timestamp(BEFORE))


def timer(kind: TimerKind, at: int) -> Timer:
    """Return the timer of task 1 or vote 1 that runs now."""
    return Timer(1, Time(Timestamp(at)), kind, 1)


def add_timers(run_timer: Scenarios) -> None:
    """Add what the timers of leases and votes do."""
    lease, close = timer(TimerKind.TASK_LEASE, OVER), timer(TimerKind.VOTE_CLOSE, CLOSING)

    def runs(name: str, row: Timer, **state: Any) -> None:
        run_timer.does(name, "system", row, **state)

    runs("a lease that is over", lease, before=HELD, timestamp=OVER)
    runs("a lease that is not over is looked at again", lease, before=HELD, timestamp=OVER - 1)
    runs("a lease, late: the wait counts from its end", lease, before=HELD, timestamp=OVER + 60 * SECOND)
    held = {"state": TaskState.WORKING, "phase": 1, "assignee": identity("carol"), "lease_until": Timestamp(OVER)}
    runs(
        "the last failure",
        lease,
        before=HELD,
        rows=[task(**held, attempt=3, failures=2)],
        timestamp=OVER,
    )
    runs(
        "the longest wait",
        lease,
        before=HELD,
        rows=[task(**held, attempt=9, failures=8, failures_max=20)],
        timestamp=OVER,
    )
    runs("a task that is not held", lease, before=WAITING, timestamp=OVER)
    runs("a task that is gone", lease, timestamp=OVER)
    runs("a task whose channel is gone", lease, before=(*HELD, ("adam", delete_channel, (GENERAL,))), timestamp=OVER)
    runs("a vote whose time is over, without ballots", close, before=[ASKED], timestamp=CLOSING)
    runs("a vote that is still open is looked at again", close, before=[ASKED], timestamp=CLOSING - 1)
    cast = [
        ("bob", votes.cast_ballot, (1, 2)),
        ("bot", votes.cast_ballot, (1, 2)),
        ("carol", votes.cast_ballot, (1, 0)),
    ]
    runs("a majority", close, before=[ASKED, *cast], timestamp=CLOSING)
    runs("a tie", close, before=[ASKED, *cast[1:]], timestamp=CLOSING)
    runs("too few ballots", close, before=[ASKED, cast[0]], timestamp=CLOSING)
    runs("a vote that is closed", close, before=[ASKED, ("bob", votes.cancel_vote, (1,))], timestamp=CLOSING)
    runs("a vote that is gone", close, timestamp=CLOSING)


def add_leaves(leave_server: Scenarios) -> None:
    """Add what happens to what a leaver held and voted."""
    second = ("bob", tasks.submit_task, (*PLAIN[:7], 1, None, None))
    leave_server.does(
        "what was held or waited for runs out now, in id order",
        "carol",
        CLUB,
        before=(*WAITING, second, ("carol", task_claims.claim_task, (2, 60))),
    )
    leave_server.does(
        "ballots in open votes go",
        "carol",
        CLUB,
        before=(
            ASKED,
            ASKED,
            *(("carol", votes.cast_ballot, (number, 1)) for number in (1, 2)),
            ("bob", votes.cancel_vote, (2,)),
        ),
    )


def add_registrations(register_user: Scenarios) -> None:
    """Add what happens to the ballots of a person who becomes an agent."""
    register_user.does(
        "an agent loses ballots in open votes",
        "carol",
        "carol",
        None,
        True,
        before=(ASKED, ("carol", votes.cast_ballot, (1, 1))),
    )


CARD = ("robo", users.set_agent_card, ("Paints.", ["paint"], None))
