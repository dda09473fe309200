"""Votes: who may ask, who may answer, and what comes out."""

from typing import Any

import pytest

from agent_spaces.fabric.reducers.channels import create_channel, delete_channel
from agent_spaces.fabric.reducers.lifecycle import run_timer
from agent_spaces.fabric.reducers.servers import join_server, leave_server, set_member_role
from agent_spaces.fabric.reducers.users import register_user
from agent_spaces.fabric.reducers.votes import cancel_vote, cast_ballot, open_vote
from agent_spaces.fabric.tables import AuditEntry, Ballot, ServerMember, Timer, Vote
from agent_spaces.fabric.types import ChannelType, Electorate, MemberRole, MessageType, TimerKind
from agent_spaces.sats import Timestamp
from fabric.coordination.world import (
    ANN,
    ANNOUNCEMENTS,
    BOB,
    BOT,
    BOT2,
    GENERAL,
    HUB,
    MOD,
    OWNER,
    SECOND,
    STRANGER,
    VOICE,
    World,
    identity_of,
)

DEFAULTS: dict[str, Any] = {
    "channel_id": GENERAL,
    "question": "Ship it?",
    "options": ["yes", "no"],
    "electorate": Electorate.MEMBERS,
    "quorum": 2,
    "closes_in_seconds": 60,
    "client_key": None,
}


def vote_with(**changes: Any) -> tuple[Any, ...]:
    return tuple((DEFAULTS | changes).values())


@pytest.fixture
def world() -> World:
    return World()


def test_a_vote_knows_its_electors(world: World) -> None:
    """Members are owner, mod, ann, bob and two agents."""
    world.call(ANN, open_vote, *vote_with())
    world.call(ANN, open_vote, *vote_with(electorate=Electorate.HUMANS, quorum=4))
    world.call(ANN, open_vote, *vote_with(electorate=Electorate.AGENTS))

    assert [row.electors for row in world.db[Vote]] == [6, 4, 2]
    vote = world.vote()
    assert vote.member_id_max == max(row.id for row in world.db[ServerMember])
    assert (vote.ballots, vote.closed, vote.tally, vote.outcome) == (0, False, [], None)
    assert vote.closes_at == world.now + 60 * SECOND
    assert world.timers()[0] == (TimerKind.VOTE_CLOSE, 1, vote.closes_at)
    opened = world.messages()[-3]
    assert opened.content == (
        '{"event":"vote.opened","vote":1,"question":"Ship it?","options":["yes","no"],"quorum":2}'
    )
    assert (opened.sender, opened.message_type) == (ANN, MessageType.AGENT_EVENT)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"question": ""}, "The question cannot be empty."),
        ({"question": "x" * 501}, "The question must be 500 characters or fewer."),
        ({"options": ["a"]}, "A vote must have 2 to 20 options."),
        ({"options": [str(number) for number in range(21)]}, "A vote must have 2 to 20 options."),
        ({"options": ["a", " b"]}, "The option cannot begin or end with white space."),
        ({"options": ["a", "x" * 101]}, "The option must be 100 characters or fewer."),
        ({"options": ["a", "b", "a"]}, "An option stands twice in this vote."),
        ({"quorum": 0, "closes_in_seconds": 0}, "A quorum must be at least 1."),
        ({"closes_in_seconds": 0}, "A vote must last 1 second to 30 days."),
        ({"closes_in_seconds": 30 * 86_400 + 1, "client_key": " "}, "A vote must last 1 second to 30 days."),
        ({"client_key": " "}, "The client key cannot contain U+0020 (character 1)."),
        ({"channel_id": 9}, "There is no channel 9."),
        ({"channel_id": VOICE}, "Voice channels carry no text."),
        ({"channel_id": ANNOUNCEMENTS}, "Only admins and the owner may post in announcement channels."),
        ({"quorum": 7}, "The quorum of 7 is more than the number of electors (6)."),
    ],
)
def test_what_is_refused(world: World, changes: dict[str, Any], text: str) -> None:
    assert world.refusal(ANN, open_vote, *vote_with(**changes)) == text


def test_the_limits_themselves_are_allowed(world: World) -> None:
    options = [f"{number:03}" + "x" * 97 for number in range(20)]
    world.call(ANN, open_vote, *vote_with(question="x" * 500, options=options, quorum=6, closes_in_seconds=30 * 86_400))
    world.call(ANN, open_vote, *vote_with(quorum=1, closes_in_seconds=1))

    assert world.vote(1).options == options


def test_strangers_and_the_muted_ask_nothing(world: World) -> None:
    world.mute(ANN)

    assert world.refusal(STRANGER, open_vote, *vote_with()) == "There is no channel 1."
    assert world.refusal(ANN, open_vote, *vote_with(channel_id=VOICE)) == "You are muted in this server."


def test_5_open_votes_of_one_and_20_in_a_channel(world: World) -> None:
    for who in (ANN, BOB, MOD, OWNER):
        for _ in range(5):
            world.call(who, open_vote, *vote_with())

    assert world.refusal(ANN, open_vote, *vote_with(channel_id=2)) == "You have 5 open votes already."
    assert world.refusal(BOT, open_vote, *vote_with()) == "This channel has 20 open votes already."
    world.call(BOT, open_vote, *vote_with(channel_id=2))
    world.call(ANN, cancel_vote, 1)
    world.call(ANN, open_vote, *vote_with())


def test_a_client_key_makes_the_call_count_once(world: World) -> None:
    world.call(ANN, open_vote, *vote_with(client_key="k"))

    assert world.unchanged(ANN, open_vote, *vote_with(client_key="k"))


def test_votes_cost_budget(world: World) -> None:
    for number in range(1, 61):
        world.call(BOB, open_vote, *vote_with())
        world.call(BOB, cancel_vote, number)

    assert world.refusal(BOB, open_vote, *vote_with()) == "Too many calls; try again in a minute."


def test_a_big_server_has_no_votes(world: World) -> None:
    for number in range(10_000 - 6):
        row = ServerMember(0, HUB, identity_of(f"crowd{number}"), MemberRole.MEMBER, Timestamp(world.now))
        world.db[ServerMember].insert(row)
    world.db.tables.finish()
    world.call(ANN, open_vote, *vote_with())
    assert world.vote().electors == 10_000
    world.call(STRANGER, join_server, HUB)

    assert world.refusal(ANN, open_vote, *vote_with()) == "A server with more than 10000 members has no votes."


def test_a_second_ballot_replaces_the_first(world: World) -> None:
    world.call(ANN, open_vote, *vote_with())
    world.call(BOB, cast_ballot, 1, 0)
    world.wait(1)
    sent = len(world.messages())
    world.call(BOB, cast_ballot, 1, 1)

    (ballot,) = world.db[Ballot]
    assert (ballot.voter, ballot.choice, ballot.cast_at, ballot.server_id) == (BOB, 1, world.now, HUB)
    assert world.vote().ballots == 1
    assert len(world.messages()) == sent
    assert world.unchanged(BOB, cast_ballot, 1, 1)


def test_the_last_ballot_closes_the_vote(world: World) -> None:
    world.call(ANN, open_vote, *vote_with(electorate=Electorate.AGENTS))
    world.call(BOT, cast_ballot, 1, 1)
    world.call(BOT2, cast_ballot, 1, 1)

    vote = world.vote()
    assert (vote.closed, vote.tally, vote.outcome, vote.ballots) == (True, [0, 2], 1, 2)
    assert world.timers() == []
    assert world.last_message().content == (
        '{"event":"vote.closed","vote":1,"outcome":1,"ballots":2,"electors":2,"tally":[0,2]}'
    )
    assert world.last_message().sender == world.system
    assert world.refusal(BOT, cast_ballot, 1, 0) == "Vote 1 is closed."
    assert world.unchanged(BOT, cast_ballot, 1, 1)


@pytest.mark.parametrize(
    ("ballots", "tally", "outcome"),
    [
        ([], [0, 0], None),
        ([0], [1, 0], None),
        ([0, 1], [1, 1], None),
        ([0, 0], [2, 0], 0),
        ([1, 0, 1], [1, 2], 1),
    ],
)
def test_the_timer_closes_a_vote_by_quorum_and_majority(
    world: World, ballots: list[int], tally: list[int], outcome: int | None
) -> None:
    world.call(ANN, open_vote, *vote_with())
    for who, choice in zip((ANN, BOB, BOT), ballots, strict=False):
        world.call(who, cast_ballot, 1, choice)
    world.wait(60)
    assert world.refusal(MOD, cast_ballot, 1, 0) == "Vote 1 is closed."
    world.run_timers()

    assert (world.vote().closed, world.vote().tally, world.vote().outcome) == (True, tally, outcome)
    assert world.events()[-1] == {
        "event": "vote.closed",
        "vote": 1,
        "outcome": outcome,
        "ballots": len(ballots),
        "electors": 6,
        "tally": tally,
    }


def test_a_timer_that_comes_early_looks_again_at_the_due_time(world: World) -> None:
    world.call(ANN, open_vote, *vote_with())
    (timer,) = world.db[Timer]
    world.call(world.system, run_timer, timer)

    assert not world.vote().closed
    assert [row.scheduled_at.at for row in world.db[Timer]] == [timer.scheduled_at.at] * 2


def test_a_timer_of_a_closed_vote_does_nothing(world: World) -> None:
    world.call(ANN, open_vote, *vote_with())
    (timer,) = world.db[Timer]
    world.call(ANN, cancel_vote, 1)
    world.wait(60)

    assert world.unchanged(world.system, run_timer, timer)


def test_electors_are_members_of_the_kind_since_before(world: World) -> None:
    world.call(ANN, open_vote, *vote_with(electorate=Electorate.HUMANS))
    world.call(STRANGER, join_server, HUB)
    world.call(BOB, leave_server, HUB)
    world.call(BOB, join_server, HUB)

    text = "You are not an elector of this vote."
    assert world.refusal(BOT, cast_ballot, 1, 0) == text
    assert world.refusal(STRANGER, cast_ballot, 1, 0) == text
    assert world.refusal(BOB, cast_ballot, 1, 9) == text
    assert world.refusal(MOD, cast_ballot, 1, 2) == "The options of this vote are 0 to 1."
    assert world.refusal(MOD, cast_ballot, 2, 2) == "There is no vote 2."


def test_the_muted_vote(world: World) -> None:
    world.call(ANN, open_vote, *vote_with())
    world.mute(BOB)
    world.call(BOB, cast_ballot, 1, 0)

    assert world.vote().ballots == 1


def test_who_leaves_loses_ballots_in_open_votes_only(world: World) -> None:
    world.call(ANN, open_vote, *vote_with())
    world.call(ANN, open_vote, *vote_with())
    world.call(BOB, cast_ballot, 1, 0)
    world.call(BOB, cast_ballot, 2, 0)
    world.call(ANN, cancel_vote, 2)
    world.call(BOB, leave_server, HUB)

    assert [row.vote_id for row in world.db[Ballot]] == [2]
    assert (world.vote(1).ballots, world.vote(2).ballots) == (0, 1)


def test_who_becomes_an_agent_loses_ballots_in_open_votes(world: World) -> None:
    world.call(ANN, open_vote, *vote_with())
    world.call(BOB, cast_ballot, 1, 0)
    world.call(BOB, register_user, "bob", None, True)

    assert list(world.db[Ballot]) == []
    assert world.vote().ballots == 0
    world.call(BOB, cast_ballot, 1, 1)


def test_a_change_between_human_roles_leaves_the_ballot(world: World) -> None:
    world.call(ANN, open_vote, *vote_with(electorate=Electorate.HUMANS))
    world.call(BOB, cast_ballot, 1, 0)
    world.call(OWNER, set_member_role, HUB, BOB, MemberRole.ADMIN)

    assert world.vote().ballots == 1


@pytest.mark.parametrize("who", [ANN, MOD])
def test_a_canceled_vote_has_no_outcome(world: World, who: Any) -> None:
    world.call(ANN, open_vote, *vote_with())
    world.call(BOB, cast_ballot, 1, 0)
    assert world.refusal(BOB, cancel_vote, 1) == (
        "Only its creator, moderators, admins and the owner may cancel a vote."
    )
    world.call(who, cancel_vote, 1)

    vote = world.vote()
    assert (vote.closed, vote.tally, vote.outcome, vote.ballots) == (True, [], None, 1)
    assert world.timers() == []
    assert (world.last_message().content, world.last_message().sender) == ('{"event":"vote.canceled","vote":1}', who)
    entry = list(world.db[AuditEntry])[-1]
    assert (entry.action, entry.object_id, entry.channel_id, entry.actor, entry.subject, entry.seq, entry.reason) == (
        "vote.canceled",
        1,
        GENERAL,
        who,
        None,
        0,
        None,
    )
    assert world.unchanged(who, cancel_vote, 1)


def test_a_counted_vote_is_not_canceled(world: World) -> None:
    world.call(ANN, open_vote, *vote_with())
    world.wait(60)
    world.run_timers()

    assert world.refusal(ANN, cancel_vote, 1) == "Vote 1 is closed."


def test_votes_of_a_deleted_channel_do_not_exist(world: World) -> None:
    world.call(OWNER, create_channel, HUB, "polls", ChannelType.TEXT, None)
    world.call(ANN, open_vote, *vote_with(channel_id=5))
    world.call(BOB, cast_ballot, 1, 0)
    (timer,) = world.db[Timer]
    world.call(OWNER, delete_channel, 5)

    assert world.refusal(BOB, cast_ballot, 1, 1) == "There is no vote 1."
    world.wait(60)
    assert world.unchanged(world.system, run_timer, timer)
    world.run_timers()
    assert [*world.db[Vote], *world.db[Ballot], *world.timers()] == []
