"""Questions of a holder, refusals of a target, and the end that a creator or moderator sets."""

import pytest

from agent_spaces.fabric.reducers.task_claims import claim_task, complete_task, request_input
from agent_spaces.fabric.reducers.tasks import cancel_task, provide_input, reject_task, submit_task
from agent_spaces.fabric.tables import ChannelHead, InboxItem
from agent_spaces.fabric.types import InboxKind, TaskState, TimerKind
from agent_spaces.sats import Identity
from fabric.coordination.test_submit_task import task_with
from fabric.coordination.world import ANN, BOB, BOT, GENERAL, MOD, OWNER, SECOND, World

CREATOR_ONLY = "Only its creator, moderators, admins and the owner may do this to a task."


@pytest.fixture
def world() -> World:
    """A world in which bot holds a task of ann's."""
    made = World()
    made.call(ANN, submit_task, *task_with())
    made.call(BOT, claim_task, 1, 60)
    return made


def test_a_question_stops_the_lease_and_calls_the_creator(world: World) -> None:
    prompt = "Which branch?\n" + "x" * 1986
    world.call(BOT, request_input, 1, 1, prompt, True)

    task = world.task()
    assert (task.state, task.phase, task.lease_until, task.human_only) == (TaskState.INPUT_REQUIRED, 2, None, True)
    assert (task.note, task.assignee, task.attempt) == (prompt, BOT, 1)
    assert world.timers() == []
    assert world.events()[-1] == {"event": "task.input_required", "task": 1, "attempt": 1, "prompt": prompt}
    (item,) = world.db[InboxItem]
    assert (item.identity, item.kind, item.message_id) == (
        ANN,
        InboxKind.TASK_INPUT_REQUIRED,
        world.last_message().id,
    )
    assert world.refusal(BOT, complete_task, 1, 1, "x") == "Task 1 is not yours any more (input_required, attempt 1)."
    assert world.refusal(BOB, claim_task, 1, 60) == "Task 1 is input_required."


def test_questions_that_break_the_text_rules(world: World) -> None:
    assert world.refusal(BOT, request_input, 9, 1, "x" * 2001, False) == "The prompt must be 2000 characters or fewer."
    assert world.refusal(BOT, request_input, 9, 1, "", False) == "The prompt cannot be empty."
    assert world.refusal(ANN, provide_input, 9, "x" * 2001) == "The input must be 2000 characters or fewer."


@pytest.mark.parametrize("who", [ANN, MOD])
def test_an_answer_starts_a_lease_of_300_seconds(world: World, who: Identity) -> None:
    world.call(BOT, request_input, 1, 1, "which?", True)
    world.wait(1000)
    world.call(who, provide_input, 1, "main")

    task, text = world.task(), world.text()
    assert (task.state, task.phase, task.assignee, task.attempt) == (TaskState.WORKING, 1, BOT, 1)
    assert task.lease_until == world.now + 300 * SECOND
    assert (text.input, text.input_by) == ("main", who)
    assert world.timers() == [(TimerKind.TASK_LEASE, 1, task.lease_until)]
    assert world.events()[-1] == {"event": "task.input_provided", "task": 1, "attempt": 1}
    assert world.inbox(BOT) == [InboxKind.TASK_INPUT_PROVIDED]


def test_the_next_question_clears_the_last_answer(world: World) -> None:
    world.call(BOT, request_input, 1, 1, "which?", False)
    world.call(ANN, provide_input, 1, "main")
    world.call(BOT, request_input, 1, 1, "sure?", False)

    assert (world.text().input, world.text().input_by) == (None, None)


def test_who_may_not_answer(world: World) -> None:
    assert world.refusal(ANN, provide_input, 1, "main") == "Task 1 is working."
    world.call(BOT, request_input, 1, 1, "which?", False)
    assert world.refusal(BOB, provide_input, 1, "main") == CREATOR_ONLY
    assert world.refusal(BOT, provide_input, 1, "main") == CREATOR_ONLY
    world.mute(ANN)
    assert world.refusal(ANN, provide_input, 1, "main") == "You are muted in this server."


def test_nobody_answers_their_own_question(world: World) -> None:
    world.call(MOD, submit_task, *task_with())
    world.call(MOD, claim_task, 2, 60)
    world.call(MOD, request_input, 2, 1, "which?", False)

    assert world.inbox(MOD) == []
    assert world.refusal(MOD, provide_input, 2, "main") == "You cannot provide the input that you asked for."


def test_agents_do_not_answer_what_is_for_persons(world: World) -> None:
    world.call(BOT, submit_task, *task_with())
    world.call(BOB, claim_task, 2, 60)
    world.call(BOB, request_input, 2, 1, "may I?", True)

    assert world.refusal(BOT, provide_input, 2, "yes") == "This task waits for a person's input."
    world.call(OWNER, provide_input, 2, "yes")


def test_the_target_turns_a_task_down(world: World) -> None:
    world.call(ANN, submit_task, *task_with(target=BOB))
    assert world.refusal(BOT, reject_task, 2, "busy") == "Only whom a task is offered to may reject it."
    assert world.refusal(BOB, reject_task, 2, "a\tb") == "The reason cannot contain U+0009 (character 2)."
    world.call(BOB, reject_task, 2, "busy")

    task = world.task(2)
    assert (task.state, task.phase, task.note) == (TaskState.REJECTED, 3, "busy")
    assert world.events()[-1] == {"event": "task.rejected", "task": 2, "reason": "busy"}
    assert world.inbox(ANN) == [InboxKind.TASK_FINISHED]
    assert world.db[ChannelHead].find(GENERAL).open_tasks == 1
    assert world.unchanged(BOB, reject_task, 2, "busy")
    assert world.refusal(BOB, reject_task, 2, "lazy") == "Task 2 is rejected."


def test_a_claimed_task_is_not_turned_down(world: World) -> None:
    world.call(ANN, submit_task, *task_with(target=BOB))
    world.call(BOB, claim_task, 2, 60)

    assert world.refusal(BOB, reject_task, 2, "busy") == "Task 2 is working."


def test_a_moderator_cancels_and_tells_holder_and_creator(world: World) -> None:
    world.call(MOD, cancel_task, 1)

    task = world.task()
    assert (task.state, task.phase, task.lease_until, task.assignee) == (TaskState.CANCELED, 3, None, BOT)
    assert world.last_message().content == '{"event":"task.canceled","task":1}'
    assert (world.inbox(BOT), world.inbox(ANN)) == ([InboxKind.TASK_CANCELED], [InboxKind.TASK_FINISHED])
    assert world.db[ChannelHead].find(GENERAL).open_tasks == 0


def test_the_creator_cancels_without_being_told(world: World) -> None:
    world.call(ANN, cancel_task, 1)

    assert (world.inbox(BOT), world.inbox(ANN)) == ([InboxKind.TASK_CANCELED], [])
    assert world.unchanged(MOD, cancel_task, 1)
    assert world.refusal(BOB, cancel_task, 1) == CREATOR_ONLY


def test_nobody_holds_a_free_task_that_is_canceled(world: World) -> None:
    world.wait(60)
    world.run_timers()
    world.call(ANN, cancel_task, 1)

    assert world.inbox(BOT) == []


def test_a_finished_task_is_not_canceled_and_its_children_are_left_alone(world: World) -> None:
    world.call(ANN, submit_task, *task_with(parent_id=1))
    world.call(BOT, complete_task, 1, 1, "done")

    assert world.refusal(ANN, cancel_task, 1) == "Task 1 is completed."
    assert world.task(2).state == TaskState.SUBMITTED
