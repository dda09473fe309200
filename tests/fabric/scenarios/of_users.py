"""Scenarios of users: registration, profile, presence, card, blocks, inbox."""

from agent_spaces.fabric.reducers import users
from agent_spaces.fabric.reducers.servers import set_invite_only
from agent_spaces.fabric.tables import IdentityState, InboxItem, ServerBan, UserConnection, UsernameClaim
from agent_spaces.fabric.types import InboxKind
from agent_spaces.sats import ConnectionId, Timestamp
from fabric.scenarios import coordination, texts
from fabric.scenarios.case import Scenarios, first_checks, identity
from fabric.worlds import CLUB, HUB, MORNING, NOON, spent

BUSY = "Too many calls; try again in a minute."
WIRE = ConnectionId(b"\x01" * 16)

register_user = Scenarios(users.register_user)
register_user.refuses("An import is under way.", "nobody", "eve", None, False, world="importing")
texts.refuse(register_user.refuses, texts.username(), "nobody", lambda name: (name, None, False))
texts.refuse(
    register_user.refuses, texts.line("The display name", 64, empty=False), "nobody", lambda name: ("eve", name, False)
)
register_user.refuses("The username bob is taken.", "nobody", "bob", None, False)
register_user.refuses("The username bob is taken.", "carol", "bob", None, False)
register_user.refuses(
    "The username ann is taken.", "carol", "ann", None, False, rows=[UsernameClaim("ann", identity("bob"))]
)
register_user.refuses(
    "You have used 5 usernames already.",
    "bob",
    "bob6",
    None,
    False,
    rows=[UsernameClaim(f"bob{n}", identity("bob")) for n in range(2, 6)],
)
register_user.does(
    "the fifth username",
    "bob",
    "bob5",
    None,
    False,
    rows=[UsernameClaim(f"bob{n}", identity("bob")) for n in range(2, 5)],
)
register_user.refuses("An agent cannot become a person again.", "bot", "bot", None, False)
register_user.refuses("Transfer your servers first.", "alice", "alice", None, True)
register_user.refuses(BUSY, "bob", "bobby", None, False, rows=[spent("bob")])
register_user.does("a person, offline", "nobody", "e" * 32, "É" * 64, False)
register_user.does(
    "an agent, connected",
    "nobody",
    "e.v-e_1",
    "",
    True,
    rows=[UserConnection(WIRE, identity("nobody"), Timestamp(NOON))],
)
register_user.does(
    "not into an invite-only Hub", "nobody", "eve", None, False, before=[("owner", set_invite_only, (HUB, True))]
)
register_user.does(
    "not into a Hub that bans",
    "nobody",
    "eve",
    None,
    False,
    rows=[ServerBan(9, HUB, identity("nobody"), None, identity("owner"), Timestamp(MORNING))],
)
register_user.does("renamed, display name left", "bob", "bobby", None, False)
register_user.does(
    "display name cleared", "bob", "bob", "", False, before=[("bob", users.register_user, ("bob", "Bob", False))]
)
register_user.does("all as it is costs nothing", "bob", "bob", None, False, rows=[spent("bob")])
register_user.does(
    "back to an old name", "bob", "bob", None, False, before=[("bob", users.register_user, ("bobby", None, False))]
)
register_user.does("a moderator becomes an agent and loses invites", "mona", "mona", None, True)
register_user.does(
    "a minute after the window opened",
    "bob",
    "bobby",
    None,
    False,
    rows=[IdentityState(identity("bob"), Timestamp(NOON - 60_000_000), 60, 1)],
)
register_user.refuses(
    BUSY, "bob", "bobby", None, False, rows=[IdentityState(identity("bob"), Timestamp(NOON - 59_999_999), 60, 1)]
)
register_user.does(
    "a clock that went back opens a new window",
    "bob",
    "bobby",
    None,
    False,
    rows=[IdentityState(identity("bob"), Timestamp(NOON + 1), 60, 1)],
)

update_profile = Scenarios(users.update_profile)
first_checks(update_profile, None, None, None, None)
texts.refuse(update_profile.refuses, texts.username(), "bob", lambda text: (text, None, None, None))
texts.refuse(
    update_profile.refuses,
    texts.line("The display name", 64, empty=False),
    "bob",
    lambda text: (None, text, None, None),
)
texts.refuse(update_profile.refuses, texts.url("The avatar URL"), "bob", lambda text: (None, None, text, None))
texts.refuse(
    update_profile.refuses, texts.clean("The bio", 500, empty=False), "bob", lambda text: (None, None, None, text)
)
update_profile.refuses("The username carol is taken.", "bob", "carol", None, None, None)
update_profile.refuses(
    "You have used 5 usernames already.",
    "bob",
    "bob6",
    None,
    None,
    None,
    rows=[UsernameClaim(f"bob{n}", identity("bob")) for n in range(2, 6)],
)
update_profile.does(
    "everything at its limit", "bob", "b" * 32, "B" * 64, "https://" + "a" * 2040, "line\n\tline" + "é" * 490
)
update_profile.does("nothing", "bob", None, None, None, None)
update_profile.does(
    "clears what can be cleared",
    "bob",
    None,
    "",
    "",
    "",
    before=[("bob", users.update_profile, (None, "B", "http://b", "b"))],
)

set_presence = Scenarios(users.set_presence)
first_checks(set_presence, True, None)
texts.refuse(set_presence.refuses, texts.line("The status text", 128, empty=False), "bob", lambda text: (True, text))
set_presence.does("online with a status", "bob", True, "s" * 128)
set_presence.does(
    "a heartbeat leaves the status", "bob", True, None, before=[("bob", users.set_presence, (True, "busy"))]
)
set_presence.does("offline, status cleared", "bob", False, "", before=[("bob", users.set_presence, (True, "busy"))])

set_agent_card = Scenarios(users.set_agent_card)
first_checks(set_agent_card, "I am.", [], None)
texts.refuse(set_agent_card.refuses, texts.line("The summary", 200), "bot", lambda text: (text, [], None))
set_agent_card.refuses("A card holds at most 32 skills.", "bot", "s", [f"s{n}" for n in range(33)], None)
SKILL = "The skill may hold a-z, 0-9, dots, dashes and underscores, and must begin and end with a letter or digit."
set_agent_card.refuses(SKILL, "bot", "s", ["ok", "Rust"], None)
set_agent_card.refuses("The skill cannot be empty.", "bot", "s", [""], None)
set_agent_card.refuses("The skill must be 64 characters or fewer.", "bot", "s", ["s" * 65], None)
set_agent_card.refuses("A skill stands twice on this card.", "bot", "s", ["a", "b", "a"], None)
texts.refuse(set_agent_card.refuses, texts.url("The card URL"), "bot", lambda text: ("s", [], text))
set_agent_card.refuses("Only agents have a card.", "bob", "s", [], None)
set_agent_card.refuses(BUSY, "bot", "s", [], None, rows=[spent("bot")])
set_agent_card.does(
    "a first card at its limits", "robo", "s" * 200, ["s" * 64] + [f"s{n}" for n in range(31)], "http://" + "a" * 2041
)
set_agent_card.does("another card", "bot", "Reads code.", [], "")
set_agent_card.does("the same card costs nothing", "bot", "Writes code.", ["code"], None, rows=[spent("bot")])

block_user = Scenarios(users.block_user)
first_checks(block_user, identity("carol"))
block_user.refuses("You cannot block yourself.", "bob", identity("bob"))
block_user.refuses(f"There is no user {identity('nobody').hex()}.", "bob", identity("nobody"))
block_user.refuses(BUSY, "bob", identity("carol"), rows=[spent("bob")])
block_user.does("somebody", "bob", identity("carol"))
block_user.does(
    "somebody blocked already", "bob", identity("carol"), before=[("bob", users.block_user, (identity("carol"),))]
)

unblock_user = Scenarios(users.unblock_user)
first_checks(unblock_user, identity("carol"))
unblock_user.refuses("You cannot block yourself.", "bob", identity("bob"))
unblock_user.refuses(f"There is no user {identity('nobody').hex()}.", "bob", identity("nobody"))
unblock_user.does("somebody", "bob", identity("carol"), before=[("bob", users.block_user, (identity("carol"),))])
unblock_user.does("somebody who is not blocked", "bob", identity("carol"))


def _items(count: int) -> list[object]:
    items = [
        InboxItem(
            n, identity("bob"), InboxKind.NOTICE, CLUB, 0, None, 0, 0, 0, identity("alice"), "t", "", Timestamp(MORNING)
        )
        for n in range(20, 20 + count)
    ]
    return [*items, IdentityState(identity("bob"), Timestamp(MORNING), 5, count + 1)]


ack = Scenarios(users.ack)
first_checks(ack, [6])
ack.refuses("At most 100 items can be acknowledged in one call.", "bob", list(range(101)))
ack.does("one's own, once; those of others and of nobody are ignored", "bob", [6, 5, 6, 99])
ack.does("nothing", "bob", [])
ack.does("100", "bob", list(range(20, 120)), rows=_items(100))

coordination.add_registrations(register_user)
SCENARIOS = [register_user, update_profile, set_presence, set_agent_card, block_user, unblock_user, ack]
