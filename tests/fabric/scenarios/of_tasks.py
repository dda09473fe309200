"""Scenarios of tasks as those see them who hand them out: submit, answer, reject, cancel."""

from typing import Any

from agent_spaces.fabric.reducers import tasks
from agent_spaces.fabric.reducers.channels import delete_channel
from agent_spaces.fabric.reducers.task_claims import claim_task, complete_task, request_input
from agent_spaces.fabric.reducers.users import block_user
from agent_spaces.fabric.tables import ChannelHead
from agent_spaces.fabric.types import TaskState
from agent_spaces.sats import ZERO_IDENTITY, Timestamp
from fabric.scenarios import coordination as state
from fabric.scenarios import texts
from fabric.scenarios.case import Scenarios, first_checks, identity
from fabric.worlds import CLUB, GENERAL, LOGS, NEWS, NOON, OLD, PLANS, VOICE

LEADERS = "Only its creator, moderators, admins and the owner may do this to a task."
MUTED = "You are muted in this server."


def new(**changes: Any) -> tuple[Any, ...]:
    """Return the arguments of submit_task."""
    usual: dict[str, Any] = {
        "channel_id": GENERAL,
        "thread_id": None,
        "parent_id": 0,
        "title": "T",
        "body": "",
        "skill": "",
        "target": None,
        "failures_max": 1,
        "client_key": None,
        "meta": None,
    }
    return tuple((usual | changes).values())


def head(open_tasks: int) -> ChannelHead:
    """Return the head of general with so many tasks that are not final."""
    return ChannelHead(GENERAL, CLUB, 13, 12, 13, Timestamp(NOON), Timestamp(NOON), 0, open_tasks)


submit_task = Scenarios(tasks.submit_task)
first_checks(submit_task, *new())
texts.refuse(submit_task.refuses, texts.line("The title", 200), "bob", lambda text: new(title=text))
texts.refuse(submit_task.refuses, texts.clean("The body", 8000, empty=False), "bob", lambda text: new(body=text))
WORDS = "may hold a-z, 0-9, dots, dashes and underscores, and must begin and end with a letter or digit."
submit_task.refuses("The skill must be 64 characters or fewer.", "bob", *new(skill="s" * 65))
submit_task.refuses(f"The skill {WORDS}", "bob", *new(skill="a."))
submit_task.refuses("The failures_max must be 1 to 20.", "bob", *new(failures_max=0))
submit_task.refuses("The failures_max must be 1 to 20.", "bob", *new(failures_max=21))
texts.refuse(submit_task.refuses, texts.client_key(), "bob", lambda text: new(client_key=text))
texts.refuse(submit_task.refuses, texts.meta(), "bob", lambda text: new(meta=text))
KEYED = [("bob", tasks.submit_task, new(client_key="k"))]
submit_task.refuses("This client key was used for another call.", "bob", *new(title="U", client_key="k"), before=KEYED)
submit_task.refuses("There is no channel 4.", "sue", *new(thread_id=9))
submit_task.refuses("There is no thread 9 in this channel.", "bob", *new(thread_id=9, parent_id=9))
submit_task.refuses("There is no thread 1 in this channel.", "bob", *new(channel_id=LOGS, thread_id=PLANS))
submit_task.refuses("There is no task 9 in this channel.", "bob", *new(parent_id=9, target=identity("sue")))
submit_task.refuses(
    "There is no task 1 in this channel.", "bob", *new(channel_id=LOGS, parent_id=1), before=[state.OFFERED]
)
submit_task.refuses("This user is not a member of this server.", "max", *new(target=identity("sue")))
submit_task.refuses("This user is not a member of this server.", "bob", *new(target=ZERO_IDENTITY))
submit_task.refuses(MUTED, "max", *new(channel_id=VOICE))
submit_task.refuses("Voice channels carry no text.", "alice", *new(channel_id=VOICE))
submit_task.refuses("Only admins and the owner may post in announcement channels.", "mona", *new(channel_id=NEWS))
submit_task.refuses("This thread is archived.", "bob", *new(thread_id=OLD))
DONE = (*state.HELD, ("carol", complete_task, (1, 1, "")))
submit_task.refuses("Task 1 is completed.", "bob", *new(parent_id=1), before=DONE)
submit_task.refuses("This channel has 5000 open tasks already.", "bob", *new(), rows=[head(5000)])
submit_task.does("the 5000th open task", "bob", *new(), rows=[head(4999)])
submit_task.does(
    "as long as can be, in a thread, of a parent, for an agent",
    "carol",
    *new(
        thread_id=PLANS,
        parent_id=1,
        title='"\\é' + "t" * 197,
        body="b" * 8000,
        skill="s" * 64,
        target=identity("bot"),
        failures_max=20,
        client_key="k" * 128,
        meta='{"a":1}',
    ),
    before=[state.OFFERED],
)
submit_task.does(
    "a target who blocks the creator",
    "bob",
    *new(target=identity("carol")),
    before=[("carol", block_user, (identity("bob"),))],
)
submit_task.does(
    "for oneself; empty key and meta mean none", "bob", *new(target=identity("bob"), client_key="", meta="")
)
submit_task.does(
    "by an agent after a long row of agents",
    "bot",
    *new(),
    rows=[ChannelHead(GENERAL, CLUB, 13, 12, 13, Timestamp(NOON), Timestamp(NOON), 100, 0)],
)
submit_task.does("by an admin in an announcement channel", "adam", *new(channel_id=NEWS))
submit_task.does("the same call again", "bob", *new(client_key="k"), before=KEYED)

provide_input = Scenarios(tasks.provide_input)
first_checks(provide_input, 1, "red")
texts.refuse(provide_input.refuses, texts.clean("The input", 2000), "bob", lambda text: (1, text))
provide_input.refuses("There is no task 9.", "bob", 9, "red")
provide_input.refuses("There is no task 1.", "sue", 1, "red", before=state.WAITING)
provide_input.refuses(
    "There is no task 1.", "bob", 1, "red", before=(*state.WAITING, ("adam", delete_channel, (GENERAL,)))
)
provide_input.refuses(MUTED, "max", 1, "red", before=state.WAITING)
provide_input.refuses(LEADERS, "carol", 1, "red", before=state.WAITING)
HUMANS = (("bot", tasks.submit_task, new()), state.HELD[1], ("carol", request_input, (1, 1, "May I?", True)))
provide_input.refuses("This task waits for a person's input.", "bot", 1, "yes", before=HUMANS)
OWN = (state.OFFERED, ("mona", claim_task, (1, 10)), ("mona", request_input, (1, 1, "Which?", False)))
provide_input.refuses("You cannot provide the input that you asked for.", "mona", 1, "red", before=OWN)
provide_input.refuses("Task 1 is working.", "bob", 1, "red", before=state.HELD)
provide_input.does("by the creator", "bob", 1, "r" * 2000, before=state.WAITING)
provide_input.does("by a moderator, for persons only", "mona", 1, "yes", before=HUMANS)

reject_task = Scenarios(tasks.reject_task)
FOR_CAROL = ("bob", tasks.submit_task, new(target=identity("carol")))
first_checks(reject_task, 1, "busy")
texts.refuse(reject_task.refuses, texts.line("The reason", 256), "carol", lambda text: (1, text))
reject_task.refuses("There is no task 9.", "carol", 9, "busy")
reject_task.refuses("Only whom a task is offered to may reject it.", "bob", 1, "busy", before=[FOR_CAROL])
reject_task.refuses("Task 1 is working.", "carol", 1, "busy", before=[FOR_CAROL, state.HELD[1]])
REJECTED = [FOR_CAROL, ("carol", tasks.reject_task, (1, "busy"))]
reject_task.refuses("Task 1 is rejected.", "carol", 1, "lazy", before=REJECTED)
reject_task.does("by the target", "carol", 1, '"' + "b" * 255, before=[FOR_CAROL])
reject_task.does("the same again", "carol", 1, "busy", before=REJECTED)
reject_task.does("muted", "max", 1, "busy", before=[("bob", tasks.submit_task, new(target=identity("max")))])

cancel_task = Scenarios(tasks.cancel_task)
first_checks(cancel_task, 1)
cancel_task.refuses("There is no task 9.", "bob", 9)
cancel_task.refuses("There is no task 1.", "sue", 1, before=[state.OFFERED])
cancel_task.refuses(LEADERS, "carol", 1, before=state.HELD)
cancel_task.refuses("Task 1 is completed.", "bob", 1, before=DONE)
cancel_task.refuses(
    "Task 1 is failed.", "bob", 1, before=[state.OFFERED], rows=[state.late(state=TaskState.FAILED, phase=3)]
)
cancel_task.does("by the creator, held", "bob", 1, before=state.HELD)
cancel_task.does("by a moderator, waiting", "mona", 1, before=state.WAITING)
cancel_task.does("free, after a lease that ran out", "bob", 1, before=[state.OFFERED], rows=[state.late()])
cancel_task.does("canceled already", "mona", 1, before=[state.OFFERED, ("bob", tasks.cancel_task, (1,))])

SCENARIOS = [submit_task, provide_input, reject_task, cancel_task]
