"""Knowledge: one current row a key, and who may put another in its place."""

from typing import Any

import pytest

from agent_spaces.fabric.reducers.channels import create_channel, delete_channel
from agent_spaces.fabric.reducers.knowledge import publish_knowledge, retract_knowledge, verify_knowledge
from agent_spaces.fabric.reducers.messages import send_message
from agent_spaces.fabric.tables import AuditEntry, Knowledge
from agent_spaces.fabric.types import ChannelType, KnowledgeKind, MessageType
from fabric.coordination.world import ANN, ANNOUNCEMENTS, BOB, BOT, GENERAL, HUB, MOD, OWNER, STRANGER, VOICE, World

DEFAULTS: dict[str, Any] = {
    "channel_id": GENERAL,
    "key": "build/python",
    "body": "3.11 or later",
    "kind": KnowledgeKind.OBSERVATION,
    "source_message_id": 0,
    "supersedes": 0,
    "client_key": None,
}


def knowledge_with(**changes: Any) -> tuple[Any, ...]:
    return tuple((DEFAULTS | changes).values())


@pytest.fixture
def world() -> World:
    """A world with one row by ann."""
    made = World()
    made.call(ANN, publish_knowledge, *knowledge_with())
    return made


def row(world: World, knowledge_id: int) -> Knowledge:
    found: Knowledge = world.db[Knowledge].find(knowledge_id)
    return found


def test_the_channel_hears_of_it(world: World) -> None:
    first = row(world, 1)
    assert (first.author, first.verified_by, first.supersedes, first.superseded_by, first.retracted) == (
        ANN,
        None,
        0,
        0,
        False,
    )
    assert world.last_message().content == (
        '{"event":"knowledge.published","knowledge":1,"key":"build/python","kind":"observation","supersedes":null}'
    )
    assert (world.last_message().sender, world.last_message().message_type) == (ANN, MessageType.AGENT_EVENT)


def test_anybody_supersedes_a_row_that_nobody_verified(world: World) -> None:
    world.call(BOT, publish_knowledge, *knowledge_with(supersedes=1, kind=KnowledgeKind.INFERENCE))

    assert (row(world, 1).superseded_by, row(world, 2).supersedes) == (2, 1)
    assert world.events()[-1]["supersedes"] == 1
    assert world.refusal(ANN, publish_knowledge, *knowledge_with(supersedes=1)) == ("The current row of this key is 2.")
    assert world.refusal(ANN, publish_knowledge, *knowledge_with()) == "The current row of this key is 2."


def test_keys_are_apart_by_channel(world: World) -> None:
    world.call(ANN, publish_knowledge, *knowledge_with(channel_id=2))

    assert world.refusal(ANN, publish_knowledge, *knowledge_with(key="other", supersedes=1)) == (
        "The current row of this key is 0."
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"key": ""}, "The key cannot be empty."),
        ({"key": "x" * 129}, "The key must be 128 characters or fewer."),
        (
            {"key": "A"},
            "The key may hold a-z, 0-9, dots, slashes, dashes and underscores, and must begin with a letter or digit.",
        ),
        ({"body": ""}, "The body cannot be empty."),
        ({"body": "x" * 8001}, "The body must be 8000 characters or fewer."),
        ({"client_key": "x" * 129}, "The client key must be 128 characters or fewer."),
        ({"channel_id": 9, "source_message_id": 9}, "There is no channel 9."),
        ({"source_message_id": 99, "supersedes": 5}, "There is no message 99 in this channel."),
        (
            {"kind": KnowledgeKind.DIRECTIVE, "supersedes": 5},
            "Only persons who are moderators, admins or the owner may publish directives.",
        ),
    ],
)
def test_what_is_refused(world: World, changes: dict[str, Any], text: str) -> None:
    assert world.refusal(ANN, publish_knowledge, *knowledge_with(**changes)) == text


def test_the_limits_themselves_are_allowed(world: World) -> None:
    world.call(ANN, publish_knowledge, *knowledge_with(key="0" + "/" * 127, body="x" * 8000))
    world.call(ANN, publish_knowledge, *knowledge_with(channel_id=VOICE))
    world.call(ANN, publish_knowledge, *knowledge_with(channel_id=ANNOUNCEMENTS))


def test_the_source_is_a_message_of_the_channel(world: World) -> None:
    world.call(ANN, send_message, 2, "hello", MessageType.TEXT, None, None, None, None)
    source = world.last_message().id

    assert world.refusal(ANN, publish_knowledge, *knowledge_with(key="k", source_message_id=source)) == (
        f"There is no message {source} in this channel."
    )
    world.call(ANN, publish_knowledge, *knowledge_with(key="k", channel_id=2, source_message_id=source))
    assert row(world, 2).source_message_id == source


def test_strangers_and_the_muted(world: World) -> None:
    world.mute(BOB)

    assert world.refusal(STRANGER, publish_knowledge, *knowledge_with()) == "There is no channel 1."
    assert world.refusal(STRANGER, verify_knowledge, 1) == "There is no knowledge 1."
    assert world.refusal(BOB, publish_knowledge, *knowledge_with()) == "You are muted in this server."
    assert world.refusal(BOB, verify_knowledge, 1) == "You are muted in this server."


def test_a_client_key_makes_the_call_count_once(world: World) -> None:
    call = knowledge_with(key="k", client_key="k")
    world.call(ANN, publish_knowledge, *call)

    assert world.unchanged(ANN, publish_knowledge, *call)


def test_directives_are_for_moderating_persons(world: World) -> None:
    directive = knowledge_with(key="rule", kind=KnowledgeKind.DIRECTIVE)
    assert world.refusal(BOT, publish_knowledge, *directive) == (
        "Only persons who are moderators, admins or the owner may publish directives."
    )
    world.call(MOD, publish_knowledge, *directive)
    assert world.refusal(ANN, publish_knowledge, *knowledge_with(key="rule", supersedes=2)) == (
        "Only persons who are moderators, admins or the owner may supersede a directive."
    )
    world.call(OWNER, publish_knowledge, *knowledge_with(key="rule", supersedes=2))


def test_a_verified_row_is_superseded_by_author_verifier_or_moderator(world: World) -> None:
    world.call(BOB, verify_knowledge, 1)
    world.call(BOB, publish_knowledge, *knowledge_with(key="k"))
    for number, who in ((1, ANN), (3, BOB), (4, MOD)):
        assert world.refusal(BOT, publish_knowledge, *knowledge_with(supersedes=number)) == (
            "Only its author, its verifier and persons who are moderators, admins or the owner "
            "may supersede a verified row."
        )
        world.call(who, publish_knowledge, *knowledge_with(supersedes=number))
        world.call(BOB if who != BOB else ANN, verify_knowledge, number + 1 if number > 1 else 3)


def test_somebody_else_verifies_a_current_row_once(world: World) -> None:
    assert world.refusal(ANN, verify_knowledge, 1) == "You cannot verify what you published yourself."
    world.call(BOT, verify_knowledge, 1)

    assert row(world, 1).verified_by == BOT
    assert world.last_message().content == '{"event":"knowledge.verified","knowledge":1,"key":"build/python"}'
    assert world.unchanged(BOB, verify_knowledge, 1)
    assert world.refusal(ANN, verify_knowledge, 1) == "You cannot verify what you published yourself."


def test_only_current_rows_are_verified_and_retracted(world: World) -> None:
    world.call(ANN, publish_knowledge, *knowledge_with(supersedes=1))
    assert world.refusal(BOB, verify_knowledge, 1) == "Knowledge 1 is not current."
    assert world.refusal(ANN, retract_knowledge, 1) == "Knowledge 1 is not current."
    world.call(ANN, retract_knowledge, 2)
    assert world.refusal(BOB, verify_knowledge, 2) == "Knowledge 2 is not current."


@pytest.mark.parametrize("who", [ANN, MOD])
def test_author_and_moderators_take_a_row_back(world: World, who: Any) -> None:
    assert world.refusal(BOB, retract_knowledge, 1) == (
        "Only its author and persons who are moderators, admins or the owner may retract this."
    )
    world.mute(ANN)
    world.call(who, retract_knowledge, 1)

    assert row(world, 1).retracted
    assert world.last_message().content == '{"event":"knowledge.retracted","knowledge":1,"key":"build/python"}'
    entry = list(world.db[AuditEntry])[-1]
    assert (entry.action, entry.object_id, entry.channel_id, entry.actor) == ("knowledge.retracted", 1, GENERAL, who)
    assert world.unchanged(who, retract_knowledge, 1)
    world.call(BOB, publish_knowledge, *knowledge_with())
    assert row(world, 2).supersedes == 0


def test_a_directive_is_taken_back_by_moderating_persons_only(world: World) -> None:
    world.call(MOD, publish_knowledge, *knowledge_with(key="rule", kind=KnowledgeKind.DIRECTIVE))
    assert world.refusal(BOT, retract_knowledge, 2) == (
        "Only persons who are moderators, admins or the owner may retract a directive."
    )
    world.call(OWNER, retract_knowledge, 2)


def test_knowledge_of_a_deleted_channel_does_not_exist(world: World) -> None:
    world.call(OWNER, create_channel, HUB, "facts", ChannelType.TEXT, None)
    world.call(ANN, publish_knowledge, *knowledge_with(channel_id=5))
    world.call(OWNER, delete_channel, 5)

    assert world.refusal(BOB, verify_knowledge, 2) == "There is no knowledge 2."
    world.run_timers()
    assert [each.id for each in world.db[Knowledge]] == [1]
