"""Scenarios of servers: made, joined, left, changed, handed over, deleted."""

from typing import Any

from agent_spaces.fabric.reducers import channels, servers
from agent_spaces.fabric.tables import Channel, ServerMember, ServerMute
from agent_spaces.fabric.types import ChannelType, MemberRole
from agent_spaces.sats import Timestamp
from fabric.scenarios import coordination, texts
from fabric.scenarios.case import Scenarios, first_checks, identity
from fabric.worlds import CLUB, GENERAL, HUB, MORNING, NOON, spent

BUSY = "Too many calls; try again in a minute."
ADMINS = "Only admins and the owner may do this."
THEN = Timestamp(MORNING)


def _owned(name: str, count: int) -> dict[str, Any]:
    row = ["#", "S{#}", [1, []], [1, []], [f"0x<{name}>"], [MORNING], False]
    return {"table": "server", "from": 10, "to": 9 + count, "row": row}


def memberships(name: str, count: int) -> list[dict[str, Any]]:
    member = ["#", "#", [f"0x<{name}>"], [3, []], [MORNING]]
    server = ["#", "S{#}", [1, []], [1, []], ["0x<adam>"], [MORNING], False]
    return [
        {"table": "server_member", "from": 1000, "to": 999 + count, "row": member},
        {"table": "server", "from": 1000, "to": 999 + count, "row": server},
    ]


def _server_texts(scenarios: Scenarios, make: Any) -> None:
    texts.refuse(scenarios.refuses, texts.line("The server name", 100), "alice", lambda text: make(text, None, None))
    texts.refuse(
        scenarios.refuses,
        texts.clean("The description", 1024, empty=False),
        "alice",
        lambda text: make("S", text, None),
    )
    texts.refuse(scenarios.refuses, texts.url("The icon URL"), "alice", lambda text: make("S", None, text))


def _no_server(scenarios: Scenarios, caller: str, *rest: Any) -> None:
    scenarios.refuses("There is no server 9.", caller, 9, *rest)
    scenarios.refuses("You are not a member of this server.", "sue", CLUB, *rest)


create_server = Scenarios(servers.create_server)
first_checks(create_server, "S", None, None)
_server_texts(create_server, lambda *args: args)
create_server.refuses("Agents cannot create servers.", "bot", "S", None, None)
create_server.refuses("You own 20 servers already.", "alice", "S", None, None, series=[_owned("alice", 19)])
create_server.refuses(
    "You are a member of 200 servers already.", "bob", "S", None, None, series=memberships("bob", 198)
)
create_server.refuses(BUSY, "bob", "S", None, None, rows=[spent("bob")])
create_server.does(
    "the twentieth", "alice", "S" * 100, "D" * 1024, "https://" + "i" * 2040, series=[_owned("alice", 18)]
)
create_server.does("empty options mean none", "bob", "S", "", "")

join_server = Scenarios(servers.join_server)
first_checks(join_server, CLUB)
join_server.refuses("There is no server 9.", "sue", 9)
join_server.refuses("You are banned from this server.", "dan", CLUB)
CLOSED = [("alice", servers.set_invite_only, (CLUB, True))]
join_server.refuses("This server can only be joined with an invite.", "sue", CLUB, before=CLOSED)
join_server.refuses("You are a member of 200 servers already.", "sue", CLUB, series=memberships("sue", 199))
join_server.refuses(BUSY, "sue", CLUB, rows=[spent("sue")])
join_server.does("a person", "sue", CLUB)
join_server.does(
    "the 200th server; those that are gone do not count",
    "sue",
    CLUB,
    series=memberships("sue", 198),
    rows=[ServerMember(900, 901, identity("sue"), MemberRole.MEMBER, THEN)],
)
join_server.does("an agent", "bot", CLUB, before=[("bot", servers.leave_server, (CLUB,))])
join_server.does("a member already", "bob", CLUB, before=CLOSED, rows=[spent("bob")])
join_server.does(
    "muted: no Join message",
    "sue",
    CLUB,
    rows=[ServerMute(9, CLUB, identity("sue"), None, None, identity("alice"), THEN)],
)
join_server.does(
    "a mute that has run out",
    "sue",
    CLUB,
    rows=[ServerMute(9, CLUB, identity("sue"), Timestamp(NOON), None, identity("alice"), THEN)],
)
join_server.does(
    "the Join message goes to the Text channel with the lowest (position, id)",
    "sue",
    CLUB,
    before=[
        ("alice", channels.create_channel, (CLUB, "one", ChannelType.TEXT, None)),
        ("alice", channels.create_channel, (CLUB, "two", ChannelType.TEXT, None)),
        ("alice", channels.update_channel, (9, None, None, 4, None)),
        ("alice", channels.update_channel, (GENERAL, None, None, 9, None)),
    ],
)

leave_server = Scenarios(servers.leave_server)
first_checks(leave_server, CLUB)
_no_server(leave_server, "bob")
leave_server.refuses("The owner cannot leave: transfer or delete the server first.", "alice", CLUB)
leave_server.refuses(BUSY, "bob", CLUB, rows=[spent("bob")])
leave_server.does("a member with an inbox item", "bob", CLUB)
leave_server.does("a moderator with an invite", "mona", CLUB)
leave_server.does("muted: no Leave message", "max", CLUB)
leave_server.does("no home channel, no message", "carol", CLUB, without=[(Channel, GENERAL)])

update_server = Scenarios(servers.update_server)
first_checks(update_server, CLUB, None, None, None)
_server_texts(update_server, lambda *args: (CLUB, *args))
_no_server(update_server, "bob", None, None, None)
update_server.refuses(ADMINS, "mona", CLUB, "S", None, None)
update_server.does("all", "adam", CLUB, "S" * 100, "D" * 1024, "http://" + "i" * 2041)
update_server.does("cleared", "alice", CLUB, None, "", "")
update_server.does("the same", "alice", CLUB, "Club", None, None)

set_invite_only = Scenarios(servers.set_invite_only)
first_checks(set_invite_only, CLUB, True)
_no_server(set_invite_only, "bob", True)
set_invite_only.refuses(ADMINS, "mona", CLUB, True)
set_invite_only.does("closed", "adam", CLUB, True)
set_invite_only.does("the Hub, too", "owner", HUB, True)
set_invite_only.does("the same", "adam", CLUB, False)

delete_server = Scenarios(servers.delete_server)
first_checks(delete_server, CLUB)
_no_server(delete_server, "bob")
delete_server.refuses("Only the owner may do this.", "adam", CLUB)
delete_server.refuses("The Hub cannot be deleted.", "owner", HUB)
delete_server.does("with its channels", "alice", CLUB)

transfer_ownership = Scenarios(servers.transfer_ownership)
first_checks(transfer_ownership, CLUB, identity("adam"))
_no_server(transfer_ownership, "bob", identity("adam"))
transfer_ownership.refuses(f"There is no user {identity('nobody').hex()}.", "alice", CLUB, identity("nobody"))
transfer_ownership.refuses("Only the owner may do this.", "adam", CLUB, identity("anna"))
MUST_BE_ADMIN = "The new owner must be a person who is an admin of this server."
transfer_ownership.refuses(MUST_BE_ADMIN, "alice", CLUB, identity("mona"))
transfer_ownership.refuses(MUST_BE_ADMIN, "alice", CLUB, identity("sue"))
transfer_ownership.refuses(
    "This user owns 20 servers already.", "alice", CLUB, identity("adam"), series=[_owned("adam", 20)]
)
transfer_ownership.does(
    "to an admin who is muted",
    "alice",
    CLUB,
    identity("adam"),
    series=[_owned("adam", 19)],
    rows=[ServerMute(9, CLUB, identity("adam"), None, None, identity("alice"), THEN)],
)
transfer_ownership.does("to oneself", "alice", CLUB, identity("alice"))

set_role = Scenarios(servers.set_member_role)
first_checks(set_role, CLUB, identity("carol"), MemberRole.MODERATOR)
_no_server(set_role, "bob", identity("carol"), MemberRole.MODERATOR)
set_role.refuses("You cannot change your own role.", "alice", CLUB, identity("alice"), MemberRole.ADMIN)
set_role.refuses(
    "Call transfer_ownership to make somebody the owner.", "alice", CLUB, identity("adam"), MemberRole.OWNER
)
set_role.refuses("This user is not a member of this server.", "alice", CLUB, identity("sue"), MemberRole.ADMIN)
set_role.refuses(ADMINS, "mona", CLUB, identity("bob"), MemberRole.MODERATOR)
RANK = "You can do this only to members whose role is below yours."
set_role.refuses(RANK, "adam", CLUB, identity("anna"), MemberRole.MEMBER)
set_role.refuses(RANK, "adam", CLUB, identity("alice"), MemberRole.MEMBER)
set_role.refuses("You can only give roles below your own.", "adam", CLUB, identity("bob"), MemberRole.ADMIN)
set_role.refuses("The role of an agent is always Agent.", "alice", CLUB, identity("bot"), MemberRole.MEMBER)
set_role.refuses("A person cannot have the role Agent.", "alice", CLUB, identity("bob"), MemberRole.AGENT)
set_role.does("a new moderator", "adam", CLUB, identity("bob"), MemberRole.MODERATOR)
set_role.does("a new admin", "alice", CLUB, identity("mona"), MemberRole.ADMIN)
set_role.does("a moderator who becomes a member loses invites", "adam", CLUB, identity("mona"), MemberRole.MEMBER)
set_role.does("the same role", "adam", CLUB, identity("mona"), MemberRole.MODERATOR)
set_role.does("an agent stays Agent", "adam", CLUB, identity("bot"), MemberRole.AGENT)

coordination.add_leaves(leave_server)
SCENARIOS = [
    create_server,
    join_server,
    leave_server,
    update_server,
    set_invite_only,
    delete_server,
    transfer_ownership,
    set_role,
]
