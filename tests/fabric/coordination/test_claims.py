"""One holder at a time: claims, fencing, leases, late results, failures and how long they make others wait."""

import pytest

from agent_spaces.fabric.reducers.lifecycle import run_timer
from agent_spaces.fabric.reducers.servers import leave_server
from agent_spaces.fabric.reducers.task_claims import (
    claim_task,
    complete_task,
    fail_task,
    release_task,
    renew_task,
    request_input,
)
from agent_spaces.fabric.reducers.tasks import cancel_task, submit_task
from agent_spaces.fabric.reducers.users import set_agent_card
from agent_spaces.fabric.tables import ChannelHead, Timer
from agent_spaces.fabric.types import InboxKind, TaskState, TimerKind
from agent_spaces.sats import ZERO_IDENTITY, Identity
from fabric.coordination.test_submit_task import task_with
from fabric.coordination.world import ANN, BOB, BOT, BOT2, GENERAL, HUB, MOD, SECOND, STRANGER, World


@pytest.fixture
def world() -> World:
    """A world with one task of ann's that may fail three times."""
    made = World()
    made.call(ANN, submit_task, *task_with())
    return made


def test_two_claims_in_one_instant_have_one_winner_and_the_loser_is_told_who(world: World) -> None:
    world.call(BOT, claim_task, 1, 60)

    assert world.refusal(BOB, claim_task, 1, 60) == "Task 1 is held by bot (attempt 1)."
    assert world.task().assignee == BOT


def test_a_claim_holds_the_task_for_its_lease(world: World) -> None:
    world.call(BOT, claim_task, 1, 60)

    task = world.task()
    assert (task.state, task.phase, task.attempt) == (TaskState.WORKING, 1, 1)
    assert task.lease_until == world.now + 60 * SECOND
    assert world.timers() == [(TimerKind.TASK_LEASE, 1, task.lease_until)]
    assert world.events()[-1] == {"event": "task.claimed", "task": 1, "attempt": 1}
    assert world.last_message().content == '{"event":"task.claimed","task":1,"attempt":1}'


@pytest.mark.parametrize("seconds", [0, 3601])
def test_a_lease_lasts_1_to_3600_seconds(world: World, seconds: int) -> None:
    text = "A lease must last 1 to 3600 seconds."
    assert world.refusal(BOT, claim_task, 99, seconds) == text
    assert world.refusal(BOT, renew_task, 99, 1, seconds, "x\n") == text


@pytest.mark.parametrize("seconds", [1, 3600])
def test_the_shortest_and_the_longest_lease(world: World, seconds: int) -> None:
    world.call(BOT, claim_task, 1, seconds)
    world.call(BOT, renew_task, 1, 1, seconds, None)

    assert world.task().lease_until == world.now + seconds * SECOND


def test_a_restarted_worker_fences_out_its_former_run(world: World) -> None:
    world.call(BOT, claim_task, 1, 60)
    world.call(BOT, claim_task, 1, 30)

    assert world.refusal(BOT, complete_task, 1, 1, "old") == "Task 1 is not yours any more (working, attempt 2)."
    assert world.timers() == [(TimerKind.TASK_LEASE, 1, world.now + 30 * SECOND)]
    world.call(BOT, complete_task, 1, 2, "new")
    assert world.text().result == "new"


def test_a_restarted_worker_may_claim_again_though_its_lease_has_run_out(world: World) -> None:
    """Before the timer or somebody else has recorded it, no failure is counted."""
    world.call(BOT, claim_task, 1, 1)
    world.wait(1)
    world.call(BOT, claim_task, 1, 60)

    assert (world.task().attempt, world.task().failures) == (2, 0)


def test_only_the_target_claims(world: World) -> None:
    world.call(ANN, submit_task, *task_with(target=BOT))

    assert world.refusal(BOB, claim_task, 2, 60) == "Task 2 is offered to bot."
    world.call(BOT, claim_task, 2, 60)
    assert world.refusal(BOB, claim_task, 2, 60) == "Task 2 is held by bot (attempt 1)."


def test_a_target_who_left_counts_as_none(world: World) -> None:
    world.call(ANN, submit_task, *task_with(target=BOT))
    world.call(BOT, leave_server, HUB)

    world.call(BOB, claim_task, 2, 60)


def test_an_agent_needs_the_skill_and_a_person_does_not(world: World) -> None:
    world.call(ANN, submit_task, *task_with(skill="python"))

    assert world.refusal(BOT2, claim_task, 2, 60) == "Your card does not have the skill python."
    world.call(BOT2, set_agent_card, "reads", ["reading"], None)
    assert world.refusal(BOT2, claim_task, 2, 60) == "Your card does not have the skill python."
    world.call(BOB, claim_task, 2, 60)
    world.call(BOB, release_task, 2, 1)
    world.call(BOT, claim_task, 2, 60)


def test_strangers_and_the_muted_claim_nothing(world: World) -> None:
    world.mute(BOB)

    assert world.refusal(STRANGER, claim_task, 1, 60) == "There is no task 1."
    assert world.refusal(BOB, claim_task, 1, 60) == "You are muted in this server."


def test_32_tasks_are_held_at_once(world: World) -> None:
    for _ in range(32):
        world.call(ANN, submit_task, *task_with())
    for task_id in range(1, 33):
        world.call(BOB, claim_task, task_id, 60)

    assert world.refusal(BOB, claim_task, 33, 60) == "You hold 32 tasks already."
    world.call(BOB, claim_task, 32, 60)
    world.call(BOB, complete_task, 1, 1, "")
    world.call(BOB, claim_task, 33, 60)


def test_a_renewed_lease_begins_now_and_moves_its_timer(world: World) -> None:
    world.call(BOT, claim_task, 1, 60)
    sent = len(world.messages())
    world.wait(59)
    world.call(BOT, renew_task, 1, 1, 60, None)

    assert world.task().lease_until == world.now + 60 * SECOND
    assert world.task().note == ""
    assert len(world.messages()) == sent
    assert [row.scheduled_id for row in world.db[Timer]] == [2]
    world.wait(1)
    world.run_timers()
    assert world.task().phase == 1


def test_a_note_is_kept_and_told(world: World) -> None:
    world.call(BOT, claim_task, 1, 60)
    world.call(BOT, renew_task, 1, 1, 60, "half way")
    assert world.events()[-1] == {"event": "task.progressed", "task": 1, "attempt": 1, "note": "half way"}
    sent = len(world.messages())
    world.call(BOT, renew_task, 1, 1, 60, "")
    assert (world.task().note, len(world.messages())) == ("half way", sent)
    assert world.refusal(BOT, renew_task, 1, 1, 60, "x" * 257) == "The note must be 256 characters or fewer."
    world.call(BOT, renew_task, 1, 1, 60, "x" * 256)


def test_a_lease_is_over_from_its_last_microsecond_on(world: World) -> None:
    world.call(BOT, claim_task, 1, 10)
    world.wait(9.999999)
    world.call(BOT, renew_task, 1, 1, 10, None)
    world.wait(10)

    text = "Task 1 is not yours any more (working, attempt 1)."
    assert world.refusal(BOT, renew_task, 1, 1, 10, None) == text
    assert world.refusal(BOT, fail_task, 1, 1, "tired") == text
    assert world.refusal(BOT, release_task, 1, 1) == text
    assert world.refusal(BOT, request_input, 1, 1, "what?", False) == text


def test_the_timer_ends_a_lease_and_others_wait_twice_as_long_each_time(world: World) -> None:
    for failures, wait in ((1, 2), (2, 4)):
        world.call(BOB, claim_task, 1, 10)
        until = world.now + 10 * SECOND
        world.wait(10)
        world.run_timers()

        task = world.task()
        assert (task.state, task.phase, task.failures, task.lease_until) == (TaskState.SUBMITTED, 0, failures, None)
        assert (task.not_before, task.assignee) == (until + wait * SECOND, BOB)
        assert world.events()[-1] == {"event": "task.lease_expired", "task": 1, "attempt": failures, "final": False}
        assert world.last_message().sender == world.system
        assert world.timers() == []
        assert world.refusal(BOT, claim_task, 1, 10) == f"Task 1 can be claimed in {wait} s."
        world.wait(wait - 0.000001)
        assert world.refusal(BOT, claim_task, 1, 10) == "Task 1 can be claimed in 1 s."
        world.wait(0.000001)


def test_the_last_failure_is_final(world: World) -> None:
    world.call(ANN, submit_task, *task_with(failures_max=1))
    world.call(BOB, claim_task, 2, 10)
    world.wait(10)
    world.run_timers()

    task = world.task(2)
    assert (task.state, task.phase, task.failures) == (TaskState.FAILED, 3, 1)
    assert world.events()[-1]["final"] is True
    assert world.inbox(ANN) == [InboxKind.TASK_FINISHED]
    assert world.db[ChannelHead].find(GENERAL).open_tasks == 1
    assert world.refusal(BOB, complete_task, 2, 1, "late") == "Task 2 is not yours any more (failed, attempt 1)."


def test_the_wait_grows_to_300_seconds(world: World) -> None:
    world.call(ANN, submit_task, *task_with(failures_max=20))
    for failures in range(1, 12):
        world.call(BOB, claim_task, 2, 1)
        world.call(BOB, fail_task, 2, failures, "no luck")
        assert world.task(2).not_before == world.now + min(2**failures, 300) * SECOND
        world.wait(300)


def test_a_timer_that_comes_early_looks_again_at_the_due_time(world: World) -> None:
    world.call(BOB, claim_task, 1, 10)
    (timer,) = world.db[Timer]
    world.clock.set_us(world.now - 60 * SECOND)
    world.call(world.system, run_timer, timer)

    assert world.task().phase == 1
    assert [row.scheduled_at.at for row in world.db[Timer]] == [timer.scheduled_at.at] * 2


def test_a_claim_records_the_expiry_that_no_timer_has_seen(world: World) -> None:
    world.call(BOT, claim_task, 1, 10)
    world.wait(10)
    assert world.refusal(BOB, claim_task, 1, 10) == "Task 1 can be claimed in 2 s."
    world.wait(2)
    world.call(BOB, claim_task, 1, 10)

    expired, claimed = world.messages()[-2:]
    assert expired.content == '{"event":"task.lease_expired","task":1,"attempt":1,"final":false}'
    assert claimed.content == '{"event":"task.claimed","task":1,"attempt":2}'
    assert expired.sender == claimed.sender == BOB
    assert (world.task().failures, world.task().assignee, world.task().attempt) == (1, BOB, 2)
    assert world.timers() == [(TimerKind.TASK_LEASE, 1, world.task().lease_until)]


def test_a_claim_sees_that_the_unrecorded_expiry_was_the_last(world: World) -> None:
    world.call(ANN, submit_task, *task_with(failures_max=1))
    world.call(BOT, claim_task, 2, 10)
    world.wait(1000)

    assert world.refusal(BOB, claim_task, 2, 10) == "Task 2 is failed."


def test_a_late_result_is_taken_until_somebody_else_claims(world: World) -> None:
    world.call(BOT, claim_task, 1, 10)
    world.wait(10)
    world.run_timers()
    world.call(BOT, complete_task, 1, 1, "late")

    assert (world.task().state, world.task().failures) == (TaskState.COMPLETED, 1)
    assert world.inbox(ANN) == [InboxKind.TASK_FINISHED]


def test_a_late_result_before_the_timer_is_no_failure(world: World) -> None:
    world.call(BOT, claim_task, 1, 10)
    world.wait(11)
    world.call(BOT, complete_task, 1, 1, "late")
    world.run_timers()

    assert (world.task().state, world.task().failures) == (TaskState.COMPLETED, 0)
    assert world.timers() == []


def test_a_late_result_after_a_successor_is_refused(world: World) -> None:
    world.call(BOT, claim_task, 1, 10)
    world.wait(12)
    world.call(BOB, claim_task, 1, 10)

    assert world.refusal(BOT, complete_task, 1, 1, "late") == "Task 1 is not yours any more (working, attempt 2)."


def test_a_result_is_kept_and_the_creator_called(world: World) -> None:
    world.call(BOT, claim_task, 1, 10)
    world.call(BOT, complete_task, 1, 1, "x" * 32_000)

    task = world.task()
    assert (task.state, task.phase, task.lease_until, task.assignee) == (TaskState.COMPLETED, 3, None, BOT)
    assert world.text().result == "x" * 32_000
    assert world.events()[-1] == {"event": "task.completed", "task": 1, "attempt": 1}
    assert world.inbox(ANN) == [InboxKind.TASK_FINISHED]
    assert world.timers() == []
    assert world.refusal(BOB, claim_task, 1, 10) == "Task 1 is completed."


def test_the_same_result_again_changes_nothing(world: World) -> None:
    world.call(BOT, claim_task, 1, 10)
    world.call(BOT, complete_task, 1, 1, "")

    assert world.unchanged(BOT, complete_task, 1, 1, "")
    assert world.refusal(BOT, complete_task, 1, 1, "other") == "Task 1 is not yours any more (completed, attempt 1)."
    assert world.refusal(BOB, complete_task, 1, 1, "") == "Task 1 is not yours any more (completed, attempt 1)."


def test_results_that_break_the_text_rules(world: World) -> None:
    assert world.refusal(BOT, complete_task, 9, 1, "x" * 32_001) == "The result must be 32000 characters or fewer."
    assert world.refusal(BOT, complete_task, 9, 1, "\x00") == "The result cannot contain U+0000 (character 1)."
    assert world.refusal(BOT, complete_task, 9, 1, "") == "There is no task 9."


def test_a_failure_gives_the_task_back_after_a_wait(world: World) -> None:
    world.call(BOT, claim_task, 1, 60)
    world.wait(5)
    world.call(BOT, fail_task, 1, 1, "no compiler")

    task = world.task()
    assert (task.state, task.phase, task.failures, task.assignee) == (TaskState.SUBMITTED, 0, 1, ZERO_IDENTITY)
    assert (task.not_before, task.note, task.lease_until) == (world.now + 2 * SECOND, "no compiler", None)
    assert world.last_message().content == (
        '{"event":"task.failed","task":1,"attempt":1,"reason":"no compiler","final":false}'
    )
    assert world.timers() == []
    assert world.inbox(ANN) == []
    assert world.refusal(BOT, fail_task, 1, 1, "") == "The reason cannot be empty."


def test_the_last_failure_tells_the_creator(world: World) -> None:
    world.call(ANN, submit_task, *task_with(failures_max=1))
    world.call(BOT, claim_task, 2, 60)
    world.call(BOT, fail_task, 2, 1, "no")

    assert (world.task(2).state, world.task(2).assignee) == (TaskState.FAILED, ZERO_IDENTITY)
    assert world.inbox(ANN) == [InboxKind.TASK_FINISHED]
    assert world.events()[-1]["final"] is True


def test_who_waits_for_input_may_fail_or_release(world: World) -> None:
    world.call(BOT, claim_task, 1, 60)
    world.call(BOT, request_input, 1, 1, "which?", False)
    assert world.refusal(BOT, fail_task, 1, 9, "no") == "Task 1 is not yours any more (input_required, attempt 1)."
    world.call(BOT, fail_task, 1, 1, "no")
    world.wait(2)
    world.call(BOT, claim_task, 1, 60)
    world.call(BOT, request_input, 1, 2, "which?", False)
    world.call(BOT, release_task, 1, 2)

    assert (world.task().phase, world.task().failures) == (0, 1)


def test_a_released_task_is_claimable_at_once_and_has_not_failed(world: World) -> None:
    world.call(BOT, claim_task, 1, 60)
    world.call(BOT, release_task, 1, 1)

    task = world.task()
    assert (task.state, task.phase, task.failures, task.assignee) == (TaskState.SUBMITTED, 0, 0, ZERO_IDENTITY)
    assert world.events()[-1] == {"event": "task.released", "task": 1, "attempt": 1}
    assert world.timers() == []
    assert world.refusal(BOT, complete_task, 1, 1, "x") == "Task 1 is not yours any more (submitted, attempt 1)."
    world.call(BOB, claim_task, 1, 60)


@pytest.mark.parametrize("who", [ANN, MOD])
def test_creator_and_moderators_take_a_task_back(world: World, who: Identity) -> None:
    world.call(BOT, claim_task, 1, 60)
    assert world.refusal(who, release_task, 1, 2) == "Task 1 is not yours any more (working, attempt 1)."
    world.wait(100)
    world.call(who, release_task, 1, 1)

    assert (world.task().phase, world.task().failures) == (0, 0)
    assert world.refusal(who, release_task, 1, 1) == "Task 1 is not yours any more (submitted, attempt 1)."


def test_others_do_not(world: World) -> None:
    world.call(BOT, claim_task, 1, 60)

    assert world.refusal(BOB, release_task, 1, 1) == "Task 1 is not yours any more (working, attempt 1)."


def test_who_is_muted_finishes_what_it_holds(world: World) -> None:
    world.call(BOB, claim_task, 1, 60)
    world.mute(BOB)
    world.call(BOB, renew_task, 1, 1, 60, "nearly")
    world.call(BOB, complete_task, 1, 1, "done")

    assert world.task().state == TaskState.COMPLETED


def test_what_a_leaver_held_runs_out_now_in_id_order(world: World) -> None:
    world.call(ANN, submit_task, *task_with(failures_max=1))
    world.call(ANN, submit_task, *task_with())
    world.call(BOB, claim_task, 3, 60)
    world.call(BOB, claim_task, 1, 60)
    world.call(BOB, claim_task, 2, 60)
    world.call(BOB, request_input, 1, 1, "which?", False)
    world.wait(1)
    world.call(BOB, leave_server, HUB)

    assert [(event["task"], event["final"]) for event in world.events()[-3:]] == [(1, False), (2, True), (3, False)]
    assert {message.sender for message in world.messages()[-3:]} == {world.system}
    assert world.task(1).not_before == world.task(3).not_before == world.now + 2 * SECOND
    assert (world.task(1).phase, world.task(2).phase, world.task(3).phase) == (0, 3, 0)
    assert world.timers() == []
    assert world.inbox(ANN) == [InboxKind.TASK_INPUT_REQUIRED, InboxKind.TASK_FINISHED]


def test_a_canceled_task_has_no_timer(world: World) -> None:
    world.call(BOT, claim_task, 1, 60)
    world.call(ANN, cancel_task, 1)

    assert world.timers() == []
