"""Scenarios of votes: open, cast, cancel; what their timer does stands with run_timer."""

from typing import Any

from agent_spaces.fabric.reducers import servers, users, votes
from agent_spaces.fabric.reducers.channels import delete_channel
from agent_spaces.fabric.types import Electorate
from fabric.scenarios import texts
from fabric.scenarios.case import Scenarios, first_checks
from fabric.scenarios.coordination import ASKED, BEFORE, CLOSING, ballot
from fabric.worlds import CLUB, GENERAL, LOGS, MORNING, NEWS, VOICE, spent

NO_ELECTOR = "You are not an elector of this vote."


def ask(**changes: Any) -> tuple[Any, ...]:
    """Return the arguments of open_vote."""
    usual: dict[str, Any] = {
        "channel_id": GENERAL,
        "question": "Q?",
        "options": ["a", "b"],
        "electorate": Electorate.MEMBERS,
        "quorum": 1,
        "closes_in_seconds": 60,
        "client_key": None,
    }
    return tuple((usual | changes).values())


def open_votes(name: str, channel_id: int, count: int) -> dict[str, Any]:
    """Return open votes of somebody in a channel."""
    row = ["#", CLUB, channel_id, [f"0x<{name}>"], "Q?", ["a", "b"], [0, []], 9, 1, [CLOSING], 0, False, []]
    return {"table": "vote", "from": 100, "to": 99 + count, "row": [*row, [1, []], 99, [BEFORE]]}


def crowd(count: int) -> dict[str, Any]:
    """Return as many members of the club more."""
    return {
        "table": "server_member",
        "from": 100,
        "to": 99 + count,
        "row": ["#", CLUB, ["0x{#64}"], [3, []], [MORNING]],
    }


def kind(electorate: Electorate, quorum: int = 2) -> tuple[Any, ...]:
    """Return a call that opens vote 1 for some."""
    return ("bob", votes.open_vote, ask(electorate=electorate, quorum=quorum))


open_vote = Scenarios(votes.open_vote)
first_checks(open_vote, *ask())
texts.refuse(open_vote.refuses, texts.clean("The question", 500), "bob", lambda text: ask(question=text))
open_vote.refuses("A vote must have 2 to 20 options.", "bob", *ask(options=["a"]))
open_vote.refuses("A vote must have 2 to 20 options.", "bob", *ask(options=[str(n) for n in range(21)]))
texts.refuse(open_vote.refuses, texts.line("The option", 100), "bob", lambda text: ask(options=["a", text]))
open_vote.refuses("An option stands twice in this vote.", "bob", *ask(options=["a", "b", "a"], quorum=0))
open_vote.refuses("A quorum must be at least 1.", "bob", *ask(quorum=0, closes_in_seconds=0))
open_vote.refuses("A vote must last 1 second to 30 days.", "bob", *ask(closes_in_seconds=0, client_key=" "))
open_vote.refuses("A vote must last 1 second to 30 days.", "bob", *ask(closes_in_seconds=2_592_001))
texts.refuse(open_vote.refuses, texts.client_key(), "bob", lambda text: ask(client_key=text))
KEYED = [("bob", votes.open_vote, ask(client_key="k"))]
open_vote.refuses(
    "This client key was used for another call.", "bob", *ask(question="R?", client_key="k"), before=KEYED
)
open_vote.refuses("There is no channel 4.", "sue", *ask())
open_vote.refuses("You are muted in this server.", "max", *ask(channel_id=VOICE))
open_vote.refuses("Voice channels carry no text.", "alice", *ask(channel_id=VOICE))
open_vote.refuses("Only admins and the owner may post in announcement channels.", "mona", *ask(channel_id=NEWS))
open_vote.refuses("You have 5 open votes already.", "bob", *ask(), series=[open_votes("bob", LOGS, 5)])
open_vote.refuses("This channel has 20 open votes already.", "bob", *ask(), series=[open_votes("carol", GENERAL, 20)])
open_vote.refuses("A server with more than 10000 members has no votes.", "bob", *ask(), series=[crowd(9992)])
open_vote.refuses("The quorum of 10 is more than the number of electors (9).", "bob", *ask(quorum=10))
open_vote.refuses(
    "The quorum of 3 is more than the number of electors (2).", "bob", *ask(electorate=Electorate.AGENTS, quorum=3)
)
open_vote.refuses("Too many calls; try again in a minute.", "bob", *ask(), rows=[spent("bob")])
open_vote.does(
    "of everybody, at its longest",
    "bot",
    *ask(
        question="q" * 500,
        options=[f"{n:02}" + "é" * 98 for n in range(20)],
        quorum=9,
        closes_in_seconds=2_592_000,
        client_key="k" * 128,
    ),
)
open_vote.does("of persons, at its shortest", "bob", *ask(electorate=Electorate.HUMANS, quorum=7, closes_in_seconds=1))
open_vote.does("of agents", "bob", *ask(electorate=Electorate.AGENTS, quorum=2))
open_vote.does("the fifth", "bob", *ask(), series=[open_votes("bob", LOGS, 4)])
open_vote.does("the twentieth", "bob", *ask(), series=[open_votes("carol", GENERAL, 19)])
open_vote.does("10000 members", "bob", *ask(), series=[crowd(9991)])
open_vote.does("the same call again", "bob", *ask(client_key="k"), before=KEYED, rows=[spent("bob")])

cast_ballot = Scenarios(votes.cast_ballot)
first_checks(cast_ballot, 1, 0)
cast_ballot.refuses("There is no vote 9.", "bob", 9, 0)
cast_ballot.refuses("There is no vote 1.", "sue", 1, 0, before=[ASKED])
cast_ballot.refuses("There is no vote 1.", "bob", 1, 0, before=[ASKED, ("adam", delete_channel, (GENERAL,))])
cast_ballot.refuses(NO_ELECTOR, "bot", 1, 9, before=[kind(Electorate.HUMANS)])
cast_ballot.refuses(NO_ELECTOR, "bob", 1, 0, before=[kind(Electorate.AGENTS)])
BACK = (("carol", servers.leave_server, (CLUB,)), ("carol", servers.join_server, (CLUB,)))
cast_ballot.refuses(NO_ELECTOR, "carol", 1, 0, before=[ASKED, *BACK], name="a membership that is too new")
TURNED = ("carol", users.register_user, ("carol", None, True))
cast_ballot.refuses(NO_ELECTOR, "carol", 1, 0, before=[kind(Electorate.HUMANS), TURNED], name="an agent since then")
cast_ballot.refuses("Vote 1 is closed.", "bob", 1, 9, before=[ASKED], timestamp=CLOSING)
cast_ballot.refuses("Vote 1 is closed.", "bob", 1, 0, before=[ASKED, ("bob", votes.cancel_vote, (1,))])
cast_ballot.refuses("The options of this vote are 0 to 2.", "bob", 1, 3, before=[ASKED])
cast_ballot.does("the first, in the last microsecond", "bob", 1, 2, before=[ASKED], timestamp=CLOSING - 1)
cast_ballot.does("another one", "bob", 1, 1, before=[ASKED, ("bob", votes.cast_ballot, (1, 0))])
cast_ballot.does("the same again", "bob", 1, 1, before=[ASKED, ("bob", votes.cast_ballot, (1, 1))], timestamp=CLOSING)
cast_ballot.does("muted", "max", 1, 0, before=[ASKED])
cast_ballot.does("an agent since then, among agents", "carol", 1, 0, before=[kind(Electorate.AGENTS), TURNED])
LAST = [kind(Electorate.AGENTS), ("robo", votes.cast_ballot, (1, 1))]
cast_ballot.does("the last one: agreed", "bot", 1, 1, before=LAST)
cast_ballot.does("the last one: a tie", "bot", 1, 0, before=LAST)

cancel_vote = Scenarios(votes.cancel_vote)
first_checks(cancel_vote, 1)
cancel_vote.refuses("There is no vote 9.", "bob", 9)
cancel_vote.refuses("There is no vote 1.", "sue", 1, before=[ASKED])
cancel_vote.refuses("Only its creator, moderators, admins and the owner may cancel a vote.", "carol", 1, before=[ASKED])
cancel_vote.refuses("Vote 1 is closed.", "bob", 1, before=[*LAST, ("bot", votes.cast_ballot, (1, 0))])
cancel_vote.does("by its creator", "bob", 1, before=[ASKED], rows=[ballot(1, "carol", 2)])
cancel_vote.does("by a moderator, muted or not", "mona", 1, before=[ASKED])
cancel_vote.does("canceled already", "mona", 1, before=[ASKED, ("bob", votes.cancel_vote, (1,))])

SCENARIOS = [open_vote, cast_ballot, cancel_vote]
