"""Scenarios of tasks as those see them who work on them: claim, renew, complete, fail, release, ask."""

from typing import Any

from agent_spaces.fabric.reducers import task_claims, tasks
from agent_spaces.fabric.reducers.servers import leave_server
from agent_spaces.fabric.types import TaskState
from agent_spaces.sats import Timestamp
from fabric.scenarios import texts
from fabric.scenarios.case import Scenarios, first_checks, identity
from fabric.scenarios.coordination import (
    BEFORE,
    CARD,
    HELD,
    HELD_BY_AGENT,
    OFFERED,
    OVER,
    PLAIN,
    SECOND,
    WAITING,
    late,
    task,
)
from fabric.worlds import CLUB

LEASE = "A lease must last 1 to 3600 seconds."


def lost(state: str, attempt: int) -> str:
    """Return the refusal for who does not hold task 1."""
    return f"Task 1 is not yours any more ({state}, attempt {attempt})."


def offered(skill: str = "", target: str | None = None, failures_max: int = 3) -> tuple[Any, ...]:
    """Return a call that offers task 1."""
    whom = None if target is None else identity(target)
    return ("bob", tasks.submit_task, (*PLAIN[:5], skill, whom, failures_max, None, None))


def held(name: str, count: int) -> dict[str, Any]:
    """Return as many tasks as somebody holds."""
    row = ["#", CLUB, 4, [1, []], 0, "t", "", ["0x" + "0" * 64], ["0x<bob>"], [1, []], 1, [f"0x<{name}>"], 1, 0, 3]
    tail = [[0, [BEFORE]], [BEFORE], False, "", [BEFORE], [BEFORE]]
    return {"table": "task", "from": 100, "to": 99 + count, "row": row + tail}


claim_task = Scenarios(task_claims.claim_task)
first_checks(claim_task, 1, 10)
claim_task.refuses(LEASE, "bob", 9, 0)
claim_task.refuses(LEASE, "bob", 9, 3601)
claim_task.refuses("There is no task 9.", "bob", 9, 10)
claim_task.refuses("There is no task 1.", "sue", 1, 10, before=[OFFERED])
claim_task.refuses("You are muted in this server.", "max", 1, 10, before=HELD)
claim_task.refuses("Task 1 is offered to carol.", "bot", 1, 10, before=[offered("paint", "carol")])
claim_task.refuses("Your card does not have the skill paint.", "robo", 1, 10, before=[offered("paint")])
claim_task.refuses("Your card does not have the skill paint.", "bot", 1, 10, before=[offered("paint")])
claim_task.refuses("Task 1 is held by carol (attempt 1).", "anna", 1, 10, before=HELD)
claim_task.refuses(
    "Task 1 is held by carol (attempt 1).",
    "anna",
    1,
    10,
    before=[offered("", "carol"), HELD[1]],
    name="held before offered",
)
claim_task.refuses("Task 1 is input_required.", "anna", 1, 10, before=WAITING)
claim_task.refuses("Task 1 is input_required.", "carol", 1, 10, before=WAITING)
claim_task.refuses("Task 1 is canceled.", "anna", 1, 10, before=[OFFERED, ("bob", tasks.cancel_task, (1,))])
claim_task.refuses(
    "Task 1 can be claimed in 2 s.",
    "anna",
    1,
    10,
    before=[OFFERED],
    rows=[task(not_before=Timestamp(BEFORE + 2 * SECOND))],
)
claim_task.refuses(
    "Task 1 can be claimed in 1 s.", "anna", 1, 10, before=[OFFERED], rows=[task(not_before=Timestamp(BEFORE + 2))]
)
claim_task.refuses(
    "Task 1 can be claimed in 2 s.", "anna", 1, 10, before=HELD, timestamp=OVER, name="over, but to wait for"
)
claim_task.refuses(
    "Task 1 is failed.", "anna", 1, 10, before=[offered(failures_max=1), HELD[1]], timestamp=OVER + 60 * SECOND
)
claim_task.refuses("You hold 32 tasks already.", "carol", 1, 10, before=[OFFERED], series=[held("carol", 32)])
claim_task.does("the 32nd, for an hour", "carol", 1, 3600, before=[OFFERED], series=[held("carol", 31)])
claim_task.does("again, holding 32: fences out the former run", "carol", 1, 10, before=HELD, series=[held("carol", 31)])
claim_task.does("again, though the lease is over: no failure", "carol", 1, 10, before=HELD, timestamp=OVER)
claim_task.does("the target, an agent with the skill", "robo", 1, 1, before=[CARD, offered("paint", "robo")])
claim_task.does("a person without a card", "anna", 1, 10, before=[offered("paint")])
claim_task.does(
    "a target who left counts as none", "anna", 1, 10, before=[offered("", "carol"), ("carol", leave_server, (CLUB,))]
)
claim_task.does(
    "at the end of the wait", "anna", 1, 10, before=[OFFERED], rows=[late(not_before=Timestamp(BEFORE + 1))]
)
claim_task.does("over and waited for, not yet recorded", "anna", 1, 10, before=HELD, timestamp=OVER + 2 * SECOND)

renew_task = Scenarios(task_claims.renew_task)
first_checks(renew_task, 1, 1, 10, None)
renew_task.refuses(LEASE, "carol", 1, 1, 0, "a\n")
renew_task.refuses(LEASE, "carol", 1, 1, 3601, "a\n")
texts.refuse(renew_task.refuses, texts.line("The note", 256, empty=False), "carol", lambda text: (1, 1, 10, text))
renew_task.refuses("There is no task 9.", "carol", 9, 1, 10, None)
renew_task.refuses(lost("working", 1), "anna", 1, 1, 10, None, before=HELD)
renew_task.refuses(lost("working", 1), "carol", 1, 2, 10, None, before=HELD)
renew_task.refuses(lost("working", 1), "carol", 1, 1, 10, None, before=HELD, timestamp=OVER)
renew_task.refuses(lost("input_required", 1), "carol", 1, 1, 10, None, before=WAITING)
renew_task.refuses(lost("submitted", 1), "carol", 1, 1, 10, None, before=[OFFERED], rows=[late()])
renew_task.does("in its last microsecond, for an hour", "carol", 1, 1, 3600, "", before=HELD, timestamp=OVER - 1)
renew_task.does("with a note", "carol", 1, 1, 1, "n" * 256, before=HELD)

complete_task = Scenarios(task_claims.complete_task)
first_checks(complete_task, 1, 1, "done")
texts.refuse(complete_task.refuses, texts.clean("The result", 32_000, empty=False), "carol", lambda text: (1, 1, text))
complete_task.refuses("There is no task 9.", "carol", 9, 1, "")
complete_task.refuses(lost("working", 1), "anna", 1, 1, "", before=HELD)
complete_task.refuses(lost("working", 1), "carol", 1, 0, "", before=HELD)
complete_task.refuses(lost("input_required", 1), "carol", 1, 1, "", before=WAITING)
DONE = (*HELD, ("carol", task_claims.complete_task, (1, 1, "done")))
complete_task.refuses(lost("completed", 1), "carol", 1, 1, "other", before=DONE)
FAILED = late(state=TaskState.FAILED, phase=3)
complete_task.refuses(lost("failed", 1), "carol", 1, 1, "done", before=[OFFERED], rows=[FAILED])
complete_task.does("the longest result", "carol", 1, 1, "é" * 32_000, before=HELD)
complete_task.does(
    "one's own task, without a result", "bob", 1, 1, "", before=[OFFERED, ("bob", task_claims.claim_task, (1, 10))]
)
complete_task.does("late, before the timer", "carol", 1, 1, "late", before=HELD, timestamp=OVER + 60 * SECOND)
complete_task.does("late, after the timer", "carol", 1, 1, "late", before=[OFFERED], rows=[late()])
complete_task.does("the same again", "carol", 1, 1, "done", before=DONE)

fail_task = Scenarios(task_claims.fail_task)
first_checks(fail_task, 1, 1, "no")
texts.refuse(fail_task.refuses, texts.line("The reason", 256), "carol", lambda text: (1, 1, text))
fail_task.refuses("There is no task 9.", "carol", 9, 1, "no")
fail_task.refuses(lost("working", 1), "bob", 1, 1, "no", before=HELD)
fail_task.refuses(lost("working", 1), "carol", 1, 1, "no", before=HELD, timestamp=OVER)
fail_task.refuses(lost("input_required", 1), "carol", 1, 2, "no", before=WAITING)
fail_task.refuses(lost("submitted", 1), "carol", 1, 1, "no", before=[OFFERED], rows=[late()])
fail_task.does("held", "bot", 1, 1, "r" * 256, before=HELD_BY_AGENT)
fail_task.does("waiting", "carol", 1, 1, "no", before=WAITING)
fail_task.does("for the last time", "carol", 1, 1, "no", before=[offered(failures_max=1), HELD[1]])

release_task = Scenarios(task_claims.release_task)
first_checks(release_task, 1, 1)
release_task.refuses("There is no task 9.", "carol", 9, 1)
release_task.refuses(lost("working", 1), "anna", 1, 2, before=HELD)
release_task.refuses(lost("working", 1), "max", 1, 1, before=HELD)
release_task.refuses(lost("working", 1), "bob", 1, 0, before=HELD)
release_task.refuses(lost("working", 1), "carol", 1, 1, before=HELD, timestamp=OVER)
release_task.refuses(lost("submitted", 0), "bob", 1, 0, before=[OFFERED])
release_task.does("by the holder", "carol", 1, 1, before=HELD)
release_task.does("by the holder, waiting", "carol", 1, 1, before=WAITING)
release_task.does("by the creator, the lease being over", "bob", 1, 1, before=HELD, timestamp=OVER)
release_task.does("by a moderator, waiting", "mona", 1, 1, before=WAITING)

request_input = Scenarios(task_claims.request_input)
first_checks(request_input, 1, 1, "Which?", False)
texts.refuse(request_input.refuses, texts.clean("The prompt", 2000), "carol", lambda text: (1, 1, text, False))
request_input.refuses("There is no task 9.", "carol", 9, 1, "Which?", False)
request_input.refuses(lost("working", 1), "bob", 1, 1, "Which?", False, before=HELD)
request_input.refuses(lost("working", 1), "carol", 1, 1, "Which?", False, before=HELD, timestamp=OVER)
request_input.refuses(lost("input_required", 1), "carol", 1, 1, "Which?", False, before=WAITING)
request_input.does(
    "of persons, with all that has to be escaped",
    "carol",
    1,
    1,
    '"\\\t\né\N{GRINNING FACE}' + "p" * 1994,
    True,
    before=HELD,
)
request_input.does(
    "again: the last answer goes",
    "carol",
    1,
    1,
    "Sure?",
    False,
    before=[*WAITING, ("bob", tasks.provide_input, (1, "red"))],
)

SCENARIOS = [claim_task, renew_task, complete_task, fail_task, release_task, request_input]
