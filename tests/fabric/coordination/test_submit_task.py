"""Who may hand out work, to whom, and what everybody hears of it."""

from typing import Any

import pytest

from agent_spaces.fabric.reducers.channels import create_channel, delete_channel
from agent_spaces.fabric.reducers.servers import create_server, delete_server, join_server
from agent_spaces.fabric.reducers.task_claims import claim_task, complete_task
from agent_spaces.fabric.reducers.tasks import cancel_task, submit_task
from agent_spaces.fabric.reducers.threads import archive_thread, create_thread
from agent_spaces.fabric.reducers.users import block_user
from agent_spaces.fabric.tables import ChannelHead, IdempotencyKey, InboxItem, Task, Thread
from agent_spaces.fabric.types import ChannelType, InboxKind, MessageType, TaskState
from agent_spaces.sats import ZERO_IDENTITY
from fabric.coordination.world import (
    ANN,
    ANNOUNCEMENTS,
    BOB,
    BOT,
    GENERAL,
    HUB,
    MOD,
    OWNER,
    STRANGER,
    VOICE,
    World,
    identity_of,
)

DEFAULTS: dict[str, Any] = {
    "channel_id": GENERAL,
    "thread_id": None,
    "parent_id": 0,
    "title": "Fix the build",
    "body": "It is red.",
    "skill": "",
    "target": None,
    "failures_max": 3,
    "client_key": None,
    "meta": None,
}


def task_with(**changes: Any) -> tuple[Any, ...]:
    return tuple((DEFAULTS | changes).values())


@pytest.fixture
def world() -> World:
    return World()


def test_a_task_can_be_claimed_at_once_by_anybody(world: World) -> None:
    world.call(ANN, submit_task, *task_with(meta='{"trace":"1"}'))

    task, text = world.task(), world.text()
    assert (task.state, task.phase, task.attempt, task.failures) == (TaskState.SUBMITTED, 0, 0, 0)
    assert (task.creator, task.target, task.assignee) == (ANN, ZERO_IDENTITY, ZERO_IDENTITY)
    assert task.not_before == task.created_at == task.updated_at == world.now
    assert (task.lease_until, task.note, task.human_only) == (None, "", False)
    assert (text.body, text.input, text.input_by, text.result, text.meta) == (
        "It is red.",
        None,
        None,
        None,
        '{"trace":"1"}',
    )
    assert world.db[ChannelHead].find(GENERAL).open_tasks == 1


def test_the_channel_hears_of_it(world: World) -> None:
    world.call(ANN, submit_task, *task_with(skill="python", target=BOT))
    world.call(ANN, submit_task, *task_with(parent_id=1))

    first, second = world.messages()[-2:]
    assert first.content == (
        '{"event":"task.submitted","task":1,"title":"Fix the build","skill":"python",'
        f'"target":"{BOT.hex()}","parent":null}}'
    )
    assert second.content == (
        '{"event":"task.submitted","task":2,"title":"Fix the build","skill":null,"target":null,"parent":1}'
    )
    assert (first.sender, first.message_type, first.thread_id) == (ANN, MessageType.AGENT_EVENT, None)


def test_the_target_is_called(world: World) -> None:
    world.call(ANN, submit_task, *task_with(target=BOT))

    (item,) = world.db[InboxItem]
    message = world.last_message()
    assert (item.identity, item.kind, item.ref_id, item.sender) == (BOT, InboxKind.TASK_OFFERED, 1, ANN)
    assert (item.title, item.body, item.message_id, item.seq) == ("Fix the build", "", message.id, message.seq)
    assert (item.server_id, item.channel_id, item.thread_id) == (HUB, GENERAL, None)


def test_who_blocks_the_creator_is_not_called(world: World) -> None:
    world.call(BOT, block_user, ANN)
    world.call(ANN, submit_task, *task_with(target=BOT))

    assert world.inbox(BOT) == []


def test_who_offers_a_task_to_themselves_is_not_called(world: World) -> None:
    world.call(ANN, submit_task, *task_with(target=ANN))

    assert world.task().target == ANN
    assert world.inbox(ANN) == []


def test_a_task_in_a_thread_speaks_in_the_thread_and_moves_it(world: World) -> None:
    world.call(ANN, create_thread, GENERAL, "build", None, None, None)
    world.wait(5)
    world.call(ANN, submit_task, *task_with(thread_id=1))

    assert world.last_message().thread_id == 1
    assert world.db[Thread].find(1).last_message_at == world.now


def test_a_client_key_makes_the_call_count_once(world: World) -> None:
    call = task_with(client_key="once")
    world.call(ANN, submit_task, *call)
    world.call(ANN, cancel_task, 1)

    assert world.unchanged(ANN, submit_task, *call)
    (key,) = world.db[IdempotencyKey]
    assert (key.sender, key.client_key, key.action, key.ref_id) == (ANN, "once", "submit_task", 1)
    assert (
        world.refusal(ANN, submit_task, *task_with(client_key="once", title="Other"))
        == "This client key was used for another call."
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"title": ""}, "The title cannot be empty."),
        ({"title": "x" * 201}, "The title must be 200 characters or fewer."),
        ({"title": "a\nb"}, "The title cannot contain U+000A (character 2)."),
        ({"body": " "}, "The body cannot be blank."),
        ({"body": "x" * 8001}, "The body must be 8000 characters or fewer."),
        ({"skill": "x" * 65}, "The skill must be 64 characters or fewer."),
        ({"failures_max": 0}, "The failures_max must be 1 to 20."),
        ({"failures_max": 21}, "The failures_max must be 1 to 20."),
        ({"client_key": "a b"}, "The client key cannot contain U+0020 (character 2)."),
        ({"meta": "x" * 2001}, "The meta must be 2000 characters or fewer."),
        ({"meta": "[]"}, "The meta is not a JSON object."),
        ({"meta": "[]", "channel_id": 99}, "The meta is not a JSON object."),
        ({"channel_id": 99, "thread_id": 9}, "There is no channel 99."),
        ({"thread_id": 9, "parent_id": 8}, "There is no thread 9 in this channel."),
        ({"parent_id": 8, "target": STRANGER}, "There is no task 8 in this channel."),
        ({"target": STRANGER, "channel_id": VOICE}, "This user is not a member of this server."),
        ({"target": ZERO_IDENTITY}, "This user is not a member of this server."),
        ({"channel_id": VOICE}, "Voice channels carry no text."),
        ({"channel_id": ANNOUNCEMENTS}, "Only admins and the owner may post in announcement channels."),
    ],
)
def test_what_is_refused(world: World, changes: dict[str, Any], text: str) -> None:
    assert world.refusal(ANN, submit_task, *task_with(**changes)) == text


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "x" * 200, "body": "", "skill": "x" * 64, "failures_max": 20, "client_key": "", "meta": ""},
        {"title": "\N{GRINNING FACE}" * 200, "body": "x" * 8000, "failures_max": 1, "client_key": "k" * 128},
    ],
)
def test_the_limits_themselves_are_allowed(world: World, changes: dict[str, Any]) -> None:
    world.call(ANN, submit_task, *task_with(**changes))

    assert world.task().title == changes["title"]
    assert world.text().meta is None


def test_an_unregistered_caller_and_a_stranger_learn_nothing(world: World) -> None:
    assert world.refusal(identity_of("nobody"), submit_task, *task_with(title="")) == (
        "Register first: call register_user."
    )
    assert world.refusal(STRANGER, submit_task, *task_with()) == "There is no channel 1."


def test_a_muted_member_hands_out_no_work(world: World) -> None:
    world.mute(ANN)

    assert world.refusal(ANN, submit_task, *task_with(channel_id=VOICE)) == "You are muted in this server."


def test_admins_hand_out_work_in_announcement_channels(world: World) -> None:
    world.call(OWNER, submit_task, *task_with(channel_id=ANNOUNCEMENTS))

    assert world.task().channel_id == ANNOUNCEMENTS


def test_an_archived_thread_takes_no_task(world: World) -> None:
    world.call(ANN, create_thread, GENERAL, "old", None, None, None)
    world.call(ANN, archive_thread, 1)

    assert world.refusal(ANN, submit_task, *task_with(thread_id=1)) == "This thread is archived."


def test_a_parent_is_of_the_same_channel_and_not_final(world: World) -> None:
    world.call(ANN, submit_task, *task_with())
    world.call(ANN, cancel_task, 1)

    assert world.refusal(ANN, submit_task, *task_with(parent_id=1)) == "Task 1 is canceled."
    assert world.refusal(ANN, submit_task, *task_with(parent_id=1, channel_id=2)) == (
        "There is no task 1 in this channel."
    )


def test_a_channel_takes_5000_open_tasks(world: World) -> None:
    world.call(ANN, submit_task, *task_with())
    head = world.db[ChannelHead].find(GENERAL)
    columns = {column: getattr(head, column) for column in head.__struct_fields__}
    world.db[ChannelHead].update(ChannelHead(**(columns | {"open_tasks": 4999})))
    world.db.tables.finish()
    world.call(ANN, submit_task, *task_with())

    assert world.refusal(ANN, submit_task, *task_with()) == "This channel has 5000 open tasks already."
    world.call(ANN, cancel_task, 1)
    world.call(ANN, submit_task, *task_with())


def test_tasks_of_a_deleted_channel_do_not_exist(world: World) -> None:
    world.call(OWNER, create_channel, HUB, "work", ChannelType.TEXT, None)
    world.call(ANN, submit_task, *task_with(channel_id=5))
    world.call(BOB, claim_task, 1, 10)
    world.call(OWNER, delete_channel, 5)

    assert world.refusal(BOB, complete_task, 1, 1, "done") == "There is no task 1."
    world.run_timers()
    assert list(world.db[Task]) == []
    assert world.timers() == []


def test_tasks_of_a_deleted_server_do_not_exist(world: World) -> None:
    world.call(MOD, create_server, "Shop", None, None)
    world.call(ANN, join_server, 2)
    world.call(ANN, submit_task, *task_with(channel_id=5))
    world.call(MOD, delete_server, 2)

    assert world.refusal(ANN, cancel_task, 1) == "There is no task 1."
    world.run_timers()
    assert list(world.db[Task]) == []
