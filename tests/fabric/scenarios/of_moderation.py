"""Scenarios of moderation: removals, bans, mutes, notes."""

from typing import Any

from agent_spaces.fabric.reducers import moderation
from agent_spaces.fabric.reducers.servers import leave_server
from agent_spaces.fabric.tables import Channel, ServerMute
from agent_spaces.sats import Timestamp
from fabric.scenarios import texts
from fabric.scenarios.case import Scenarios, first_checks, identity
from fabric.worlds import CLUB, GENERAL, HUB, MORNING, NOON

ADMINS = "Only admins and the owner may do this."
MODERATORS = "Only moderators, admins and the owner may do this."
RANK = "You can do this only to members whose role is below yours."
NO_MEMBER = "This user is not a member of this server."
NO_USER = f"There is no user {identity('nobody').hex()}."
YEAR = 365 * 86_400


def _server_checks(scenarios: Scenarios, *rest: Any) -> None:
    scenarios.refuses("There is no server 9.", "bob", 9, *rest)
    scenarios.refuses("You are not a member of this server.", "sue", CLUB, *rest)


remove_member = Scenarios(moderation.remove_member)
first_checks(remove_member, CLUB, identity("carol"), None)
texts.refuse(
    remove_member.refuses,
    texts.line("The reason", 256, empty=False),
    "adam",
    lambda text: (CLUB, identity("carol"), text),
)
_server_checks(remove_member, identity("carol"), None)
remove_member.refuses(NO_MEMBER, "adam", CLUB, identity("sue"), None)
remove_member.refuses(ADMINS, "mona", CLUB, identity("carol"), None)
remove_member.refuses(RANK, "adam", CLUB, identity("anna"), None)
remove_member.refuses(RANK, "alice", CLUB, identity("alice"), None)
remove_member.does("for a reason", "adam", CLUB, identity("carol"), "r" * 256)
remove_member.does("a moderator, whose invites go, too", "adam", CLUB, identity("mona"), "")
remove_member.does("no home channel, no message", "adam", CLUB, identity("max"), None, without=[(Channel, GENERAL)])

ban_member = Scenarios(moderation.ban_member)
first_checks(ban_member, CLUB, identity("carol"), None)
texts.refuse(
    ban_member.refuses, texts.line("The reason", 256, empty=False), "adam", lambda text: (CLUB, identity("carol"), text)
)
_server_checks(ban_member, identity("carol"), None)
ban_member.refuses(NO_USER, "adam", CLUB, identity("nobody"), None)
ban_member.refuses(ADMINS, "mona", CLUB, identity("carol"), None)
ban_member.refuses(RANK, "adam", CLUB, identity("alice"), None)
ban_member.does("a member", "adam", CLUB, identity("carol"), "spam")
ban_member.does("somebody who is no member: no message, no notification", "adam", CLUB, identity("sue"), None)
ban_member.does("somebody who is banned", "adam", CLUB, identity("dan"), "again")

unban_member = Scenarios(moderation.unban_member)
first_checks(unban_member, CLUB, identity("dan"))
_server_checks(unban_member, identity("dan"))
unban_member.refuses(NO_USER, "adam", CLUB, identity("nobody"))
unban_member.refuses(ADMINS, "mona", CLUB, identity("dan"))
unban_member.does("somebody who is banned", "adam", CLUB, identity("dan"))
unban_member.does("somebody who is not banned", "adam", CLUB, identity("carol"))

mute_member = Scenarios(moderation.mute_member)
first_checks(mute_member, CLUB, identity("carol"), None, None)
for seconds in (0, YEAR + 1):
    mute_member.refuses("A mute must last 1 second to 365 days.", "mona", CLUB, identity("carol"), seconds, None)
texts.refuse(
    mute_member.refuses,
    texts.line("The reason", 256, empty=False),
    "mona",
    lambda text: (CLUB, identity("carol"), None, text),
)
_server_checks(mute_member, identity("carol"), None, None)
mute_member.refuses(NO_MEMBER, "mona", CLUB, identity("sue"), None, None)
mute_member.refuses(MODERATORS, "bob", CLUB, identity("carol"), None, None)
mute_member.refuses(RANK, "mona", CLUB, identity("adam"), None, None)
mute_member.does("for a second", "mona", CLUB, identity("carol"), 1, None)
mute_member.does("for a year", "mona", CLUB, identity("carol"), YEAR, "r" * 256)
mute_member.does("in place of the mute before", "mona", CLUB, identity("max"), 60, "too loud")
mute_member.does("with the same values", "mona", CLUB, identity("max"), None, "too loud")
mute_member.does(
    "again, when the time is over",
    "mona",
    CLUB,
    identity("carol"),
    None,
    None,
    rows=[ServerMute(9, CLUB, identity("carol"), Timestamp(NOON), None, identity("mona"), Timestamp(MORNING))],
)

unmute_member = Scenarios(moderation.unmute_member)
first_checks(unmute_member, CLUB, identity("max"))
_server_checks(unmute_member, identity("max"))
unmute_member.refuses(NO_USER, "mona", CLUB, identity("nobody"))
unmute_member.refuses(MODERATORS, "bob", CLUB, identity("max"))
unmute_member.refuses(
    RANK,
    "mona",
    CLUB,
    identity("adam"),
    rows=[ServerMute(9, CLUB, identity("adam"), None, None, identity("alice"), Timestamp(MORNING))],
)
unmute_member.does("a member", "mona", CLUB, identity("max"))
unmute_member.does(
    "somebody who left: no Notice", "mona", CLUB, identity("max"), before=[("max", leave_server, (CLUB,))]
)
unmute_member.does("somebody who is not muted", "mona", CLUB, identity("carol"))
unmute_member.does(
    "somebody whose mute has run out",
    "mona",
    CLUB,
    identity("carol"),
    rows=[ServerMute(9, CLUB, identity("carol"), Timestamp(NOON), None, identity("mona"), Timestamp(MORNING))],
)

notify = Scenarios(moderation.notify)
first_checks(notify, identity("carol"), CLUB, "Hello", "there")
texts.refuse(notify.refuses, texts.line("The title", 256), "adam", lambda text: (identity("carol"), CLUB, text, "b"))
texts.refuse(notify.refuses, texts.clean("The body", 4000), "adam", lambda text: (identity("carol"), CLUB, "t", text))
notify.refuses("There is no server 9.", "adam", identity("carol"), 9, "t", "b")
notify.refuses(NO_MEMBER, "adam", identity("sue"), CLUB, "t", "b")
notify.refuses("You are not a member of this server.", "sue", identity("carol"), CLUB, "t", "b")
notify.refuses(ADMINS, "mona", identity("carol"), CLUB, "t", "b")
notify.does("a member", "adam", identity("carol"), CLUB, "t" * 256, "b" * 4000)
notify.does("oneself: no Notice", "adam", identity("adam"), CLUB, "t", "b")
notify.does("in the Hub", "owner", identity("dan"), HUB, "t", "b")

SCENARIOS = [remove_member, ban_member, unban_member, mute_member, unmute_member, notify]
