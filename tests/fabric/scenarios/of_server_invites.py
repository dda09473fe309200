"""Scenarios of invites."""

from typing import Any

from agent_spaces.fabric.reducers import server_invites
from agent_spaces.fabric.tables import Server, ServerInvite
from agent_spaces.sats import Timestamp
from fabric.scenarios import texts
from fabric.scenarios.case import Scenarios, first_checks, identity
from fabric.scenarios.of_servers import memberships
from fabric.worlds import CLUB, CODE, HUB, MORNING, NOON, spent

MODERATORS = "Only moderators, admins and the owner may do this."
ADMINS = "Only admins and the owner may do this."
NEW = "n" * 22
YEAR = 365 * 86_400
THEN = Timestamp(MORNING)


def _invite(
    invite_id: int, code: str, *, server_id: int = CLUB, uses: int = 1, until: int | None = None
) -> ServerInvite:
    expires_at = None if until is None else Timestamp(until)
    return ServerInvite(invite_id, server_id, code, identity("mona"), uses, expires_at, THEN)


def _invites(count: int) -> dict[str, Any]:
    row = ["#", CLUB, "code-{#}-0000000000000000000", ["0x<mona>"], 1, [1, []], [MORNING]]
    return {"table": "server_invite", "from": 10, "to": 9 + count, "row": row}


create_invite = Scenarios(server_invites.create_invite)
first_checks(create_invite, CLUB, NEW, 1, None, None)
create_invite.refuses("The invite code cannot be empty.", "mona", CLUB, "", 1, None, None)
create_invite.refuses("The invite code must be 64 characters or fewer.", "mona", CLUB, "n" * 65, 1, None, None)
create_invite.refuses("The invite code cannot contain U+002E (character 3).", "mona", CLUB, "nn.", 1, None, None)
create_invite.refuses("The invite code must be 22 characters or more.", "mona", CLUB, "n" * 21, 1, None, None)
for uses in (0, 1001):
    create_invite.refuses("An invite must have 1 to 1000 uses.", "mona", CLUB, NEW, uses, None, None)
for seconds in (0, YEAR + 1):
    create_invite.refuses("An invite must last 1 second to 365 days.", "mona", CLUB, NEW, 1, seconds, None)
texts.refuse(create_invite.refuses, texts.client_key(), "mona", lambda key: (CLUB, NEW, 1, None, key))
KEYED = [("mona", server_invites.create_invite, (CLUB, NEW, 1, None, "k"))]
create_invite.refuses("This client key was used for another call.", "mona", CLUB, NEW, 2, None, "k", before=KEYED)
create_invite.refuses("There is no server 9.", "mona", 9, NEW, 1, None, None)
create_invite.refuses("You are not a member of this server.", "sue", CLUB, NEW, 1, None, None)
create_invite.refuses(MODERATORS, "bob", CLUB, NEW, 1, None, None)
create_invite.refuses("This invite code is taken.", "mona", CLUB, CODE, 1, None, None)
create_invite.refuses(
    "This invite code is taken.",
    "mona",
    CLUB,
    NEW,
    1,
    None,
    None,
    rows=[_invite(7, NEW, server_id=HUB, until=NOON)],
)
create_invite.refuses("This server has 100 invites already.", "mona", CLUB, NEW, 1, None, None, series=[_invites(99)])
create_invite.does("the hundredth, at its lower limits", "mona", CLUB, NEW, 1, 1, None, series=[_invites(98)])
create_invite.does("at its upper limits, with a key", "adam", CLUB, "n-_" * 21 + "0", 1000, YEAR, "k" * 128)
create_invite.does(
    "in place of one that has expired", "mona", CLUB, NEW, 1, None, "", rows=[_invite(7, NEW, until=NOON)]
)
create_invite.does("the same call again", "mona", CLUB, NEW, 1, None, "k", before=KEYED)

revoke_invite = Scenarios(server_invites.revoke_invite)
first_checks(revoke_invite, CODE)
revoke_invite.refuses("You have no invite with this code.", "mona", "what")
revoke_invite.refuses("You have no invite with this code.", "alice", CODE, name="refused: somebody else's")
revoke_invite.refuses(
    "You have no invite with this code.", "mona", CODE, name="refused: the server is gone", without=[(Server, CLUB)]
)
revoke_invite.does("one's own", "mona", CODE)

revoke_invites = Scenarios(server_invites.revoke_invites)
first_checks(revoke_invites, CLUB, identity("mona"))
revoke_invites.refuses("There is no server 9.", "adam", 9, identity("mona"))
revoke_invites.refuses("You are not a member of this server.", "sue", CLUB, identity("mona"))
revoke_invites.refuses(ADMINS, "mona", CLUB, identity("mona"))
revoke_invites.does(
    "all of somebody's there",
    "adam",
    CLUB,
    identity("mona"),
    rows=[_invite(7, NEW), _invite(8, NEW + "8", server_id=HUB)],
)
revoke_invites.does("of somebody without", "adam", CLUB, identity("nobody"))

redeem_invite = Scenarios(server_invites.redeem_invite)
first_checks(redeem_invite, CODE)
INVALID = "This invite is not valid."
redeem_invite.refuses(INVALID, "sue", "what", name="refused: unknown")
redeem_invite.refuses(INVALID, "sue", NEW, name="refused: used up", rows=[_invite(7, NEW, uses=0)])
redeem_invite.refuses(INVALID, "sue", NEW, name="refused: expired", rows=[_invite(7, NEW, until=NOON)])
redeem_invite.refuses(INVALID, "dan", CODE, name="refused: banned")
redeem_invite.refuses(INVALID, "sue", CODE, name="refused: the server is gone", without=[(Server, CLUB)])
redeem_invite.refuses("You are a member of 200 servers already.", "sue", CODE, series=memberships("sue", 199))
redeem_invite.refuses("Too many calls; try again in a minute.", "sue", CODE, rows=[spent("sue")])
redeem_invite.does("one use", "sue", CODE)
redeem_invite.does("the last use, a microsecond before it expires", "sue", NEW, rows=[_invite(7, NEW, until=NOON + 1)])
redeem_invite.does("a member already", "bob", CODE, rows=[spent("bob")])
redeem_invite.does(
    "an invite-only server", "sue", CODE, rows=[Server(CLUB, "Club", None, None, identity("alice"), THEN, True)]
)

SCENARIOS = [create_invite, revoke_invite, revoke_invites, redeem_invite]
