"""Whoever is refused about a task, a vote or knowledge hears what would be possible instead."""

import pytest

from agent_spaces.agents import Spaces
from agent_spaces.agents.hints import hint_for
from agent_spaces.client import ReducerFailedError
from agent_spaces.fabric import knowledge_rules, task_rules, vote_rules
from agent_spaces.fabric.tables import Task
from agent_spaces.fabric.types import TaskState
from agent_spaces.sats import ZERO_IDENTITY, Timestamp

SKILL = "paint"
STATES = [state for state in TaskState if state != TaskState.AUTH_REQUIRED]


def task_in(state: TaskState) -> Task:
    me, now = ZERO_IDENTITY, Timestamp(0)
    return Task(
        12, 1, 1, None, 0, "T", SKILL, me, me, state, 0, me, 3, 0, 3, None, now, human_only=False, note="",
        created_at=now, updated_at=now,
    )  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_every_state_in_which_a_task_is_refused_has_its_hint(state: TaskState) -> None:
    task = task_in(state)

    assert hint_for(str(task_rules.in_state(task)))
    assert hint_for(str(task_rules.not_yours(task)))


@pytest.mark.parametrize(
    "text",
    [
        str(task_rules.held_by(task_in(TaskState.WORKING), "carol")),
        str(task_rules.offered_to(task_in(TaskState.SUBMITTED), "carol")),
        task_rules.ONLY_TARGET_REJECTS,
        vote_rules.NO_ELECTOR,
        str(vote_rules.is_closed(3)),
        str(knowledge_rules.current_is(17)),
        str(knowledge_rules.current_is(0)),
    ],
)
def test_other_refusals_of_coordination_have_theirs(text: str) -> None:
    assert hint_for(text)


def test_what_nobody_knows_a_way_out_of_stays_as_it_is() -> None:
    assert hint_for("There is no task 12.") is None


async def test_an_agents_error_carries_it_as_a_note(space: Spaces) -> None:
    async with space.agent("worker") as worker, space.agent("boss") as boss:
        handle = await boss.submit("#general", "Paint it", skill=SKILL)

        with pytest.raises(ReducerFailedError) as caught:
            async with worker.claim(handle.id):
                raise AssertionError("nobody gets here")

    assert caught.value.text == "Your card does not have the skill paint."
    assert caught.value.__notes__ == ["Add the skill to the card, or claim tasks of the skills that it has."]
