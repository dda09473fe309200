"""The states that scenarios start from, made by calls; vectors/reducers/worlds.json is written from them.

The club (server 2) has an owner alice, admins adam and anna, a moderator mona, members bob, carol and max (who is
muted), agents bot and robo; dan is banned there, sue is a member of the Hub only. Channel 4 general, 5 logs (AgentLog),
6 news (Announcement), 7 voice.
"""

from collections.abc import Callable
from typing import Any

from agent_spaces.engine.memory import MemoryDatabase
from agent_spaces.fabric.reducers import (
    channels,
    direct,
    lifecycle,
    messages,
    moderation,
    reactions,
    server_invites,
    servers,
    threads,
    users,
)
from agent_spaces.fabric.tables import TABLES, Deployment, IdentityState
from agent_spaces.fabric.types import ChannelType, MemberRole, MessageType
from agent_spaces.sats import Identity
from fabric.vectors import Json, state_of

MORNING = 1_700_000_000_000_000  # when the worlds were made
HOUR = 3_600_000_000
NOON = MORNING + HOUR  # when the scenarios' calls are made

EVERYBODY = ("alice", "adam", "anna", "mona", "bob", "carol", "max", "bot", "robo", "dan", "sue", "nobody")
IDENTITIES = {
    name: Identity.from_hex(f"c200{number:02x}" + f"{number:02x}" * 29) for number, name in enumerate(EVERYBODY, 0xA0)
}
IDENTITIES["system"], IDENTITIES["owner"] = Identity(b"\xda" * 32), Identity(b"\xe0" * 32)
NAMES = {name: identity.hex() for name, identity in IDENTITIES.items()}
AGENTS = ("bot", "robo")

HUB, CLUB = 1, 2
GENERAL, LOGS, NEWS, VOICE = 4, 5, 6, 7
PLANS, OLD = 1, 2  # threads of general: by bob; by bob, archived
CODE = "an-invite-by-mona-0000000001"
BOB_TEXT, BOT_TEXT, OLD_TEXT, PIN_NOTE = 9, 10, 11, 13  # messages in general
BOT_EVENT = 14  # the message in logs
TALK = 1  # the conversation of bob and carol, with messages 1 (by bob) and 2 (by carol)


class Maker:
    """Makes a world by calls."""

    def __init__(self) -> None:
        self.database = MemoryDatabase(TABLES)
        self.database.identity = IDENTITIES["system"]

    def call(self, caller: str, function: Callable[..., None], *args: Any) -> None:
        """Make a call in the morning."""
        self.database.call(function, *args, sender=IDENTITIES[caller], timestamp=MORNING)


def fresh() -> MemoryDatabase:
    """Return a database after init."""
    maker = Maker()
    maker.call("owner", lifecycle.init)
    return maker.database


def club() -> MemoryDatabase:
    """Return the Hub and the club."""
    maker = Maker()
    maker.call("owner", lifecycle.init)
    for name in EVERYBODY[:-1]:
        maker.call(name, users.register_user, name, None, name in AGENTS)
    maker.call("alice", servers.create_server, "Club", "A place to try things.", None)
    maker.call("alice", channels.create_channel, CLUB, "logs", ChannelType.AGENT_LOG, None)
    maker.call("alice", channels.create_channel, CLUB, "news", ChannelType.ANNOUNCEMENT, None)
    maker.call("alice", channels.create_channel, CLUB, "voice", ChannelType.VOICE, None)
    for name in EVERYBODY[1:9]:
        maker.call(name, servers.join_server, CLUB)
    roles = {"adam": MemberRole.ADMIN, "anna": MemberRole.ADMIN, "mona": MemberRole.MODERATOR}
    for name, role in roles.items():
        maker.call("alice", servers.set_member_role, CLUB, IDENTITIES[name], role)
    maker.call("alice", moderation.mute_member, CLUB, IDENTITIES["max"], None, "too loud")
    maker.call("alice", moderation.ban_member, CLUB, IDENTITIES["dan"], None)
    maker.call("bob", messages.send_message, GENERAL, "hello", MessageType.TEXT, None, None, None, None)
    maker.call("bot", messages.send_message, GENERAL, "hello @carol", MessageType.TEXT, None, None, None, None)
    maker.call("bob", threads.create_thread, GENERAL, "plans", None, None, None)
    maker.call("bob", threads.create_thread, GENERAL, "old", "It is done.", None, None)
    maker.call("bob", threads.archive_thread, OLD)
    maker.call("carol", messages.send_message, GENERAL, "fine", MessageType.TEXT, PLANS, BOB_TEXT, None, None)
    maker.call("carol", reactions.add_reaction, BOB_TEXT, "👍")
    maker.call("mona", reactions.pin_message, BOB_TEXT)
    maker.call(
        "bot", messages.send_message, LOGS, '{"event":"run.done"}', MessageType.AGENT_EVENT, None, None, None, None
    )
    maker.call("mona", server_invites.create_invite, CLUB, CODE, 2, None, None)
    maker.call("bob", direct.start_dm, IDENTITIES["carol"])
    maker.call("bob", direct.send_dm, TALK, "psst", None, None, None)
    maker.call("carol", direct.send_dm, TALK, "what", None, None, None)
    maker.call("bot", users.set_agent_card, "Writes code.", ["code"], None)
    return maker.database


def importing() -> MemoryDatabase:
    """Return the club while an import is open."""
    database = club()
    deployments = database.tables[Deployment]
    deployments.load(Deployment(1, IDENTITIES["owner"], IDENTITIES["system"], True))
    return database


def spent(name: str) -> IdentityState:
    """Return the state of somebody who has made all calls of the last minute."""
    return IdentityState(IDENTITIES[name], NOON - 1, 60, 0)  # type: ignore[arg-type]


MAKERS: dict[str, Callable[[], MemoryDatabase]] = {"fresh": fresh, "club": club, "importing": importing}
WORLDS: Json = {"names": NAMES, "worlds": {name: state_of(make(), NAMES) for name, make in MAKERS.items()}}
