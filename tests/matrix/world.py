"""One prepared world for both matrices: a club with every role, a den of other people, and things of everybody's.

The club (server 2) has the owner alice, the admin adam, the moderator mona, the members bob and carol, the agents bot
and rita, and max, who is muted; dan is banned there and eve has left, both after they made what the others made, too.
The den (server 3) has the owner dora and the member drew, who is muted. stan is in no server at all, vic has never
registered, and chief owns the database and with it the Hub (server 1), where everybody else but rita is.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from agent_spaces.engine.database import Database
from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.types import ChannelType, Electorate, KnowledgeKind, MemberRole, MessageType
from agent_spaces.sats import Identity
from agent_spaces.sats.bsatn import arguments_encoder

HUB, CLUB, DEN = 1, 2, 3
MAKERS = ("alice", "adam", "mona", "bob", "bot", "max", "dan", "eve", "carol", "rita")
PEOPLE = (*MAKERS, "dora", "drew", "stan")
NAMES = ("chief", *PEOPLE, "vic")
AGENTS = ("bot", "rita")
TOKEN_CHARS = 20


class World:
    """A database with names for whom and what it holds: `things["message"]["bob"]` is the id of a message of bob's."""

    def __init__(self, database: Database, identities: dict[str, Identity]) -> None:
        self.database, self.identities = database, identities
        self.things: dict[str, dict[str, Any]] = defaultdict(dict)
        self.channels: dict[str, int] = {}
        self.done: Callable[[str, str, tuple[Any, ...]], None] | None = None  # hears of calls that succeeded

    async def outcome(self, who: str, reducer: str, *args: Any) -> str:
        """Make a call; return the text of its error, or "ok"."""
        encoded = arguments_encoder(SPACES.reducers[reducer].parameters)(args)
        return (await self.database.call(self.identities[who], reducer, encoded)).text or "ok"

    async def do(self, who: str, reducer: str, *args: Any) -> None:
        """Make a call that has to succeed."""
        outcome = await self.outcome(who, reducer, *args)
        assert outcome == "ok", f"{who} calls {reducer}{args}: {outcome}"
        if self.done is not None:
            self.done(who, reducer, args)

    async def make(self, table: str, who: str, reducer: str, *args: Any) -> int:
        """Make a call that adds a row, and return the greatest id of the table."""
        await self.do(who, reducer, *args)
        made: int = max(self.database.tables.by_name[table].rows)
        return made

    async def send(self, who: str, channel: str, text: str, thread: int | None = None) -> int:
        """Send a Text."""
        args = (self.channels[channel], text, MessageType.TEXT, thread, None, None, None)
        return await self.make("message", who, "send_message", *args)

    async def submit(self, who: str, channel: str, title: str, target: str | None = None) -> int:
        """Submit a task with a body of its own."""
        to = None if target is None else self.identities[target]
        args = (self.channels[channel], None, 0, title, private("body"), "", to, 3, None, None)
        return await self.make("task", who, "submit_task", *args)

    async def publish(self, who: str, channel: str, key: str, kind: KnowledgeKind = KnowledgeKind.OBSERVATION) -> int:
        """Publish knowledge under a new key."""
        args = (self.channels[channel], key, private("fact"), kind, 0, 0, None)
        return await self.make("knowledge", who, "publish_knowledge", *args)

    async def converse(self, who: str, other: str) -> None:
        """Have each of two write to the other."""
        pair = {self.identities[who], self.identities[other]}
        await self.do(who, "start_dm", self.identities[other])
        rows = self.database.tables.by_name["direct_conversation"].rows.values()
        conversation = next(row.id for row in rows if {row.participant_a, row.participant_b} == pair)
        self.things["conversation"][who] = conversation
        for kind, sender in (("dm", who), ("dm to", other)):
            args = (conversation, private("dm"), None, None, None)
            self.things[kind][who] = await self.make("direct_message", sender, "send_dm", *args)


def private(label: str) -> str:
    """Return a text that is found nowhere else: a canary."""
    return f"{label}-{secrets.token_hex(TOKEN_CHARS // 2)}"


async def _found(world: World) -> None:
    for name in PEOPLE:
        await world.do(name, "register_user", name, None, name in AGENTS)
    for server, owner in ((CLUB, "alice"), (DEN, "dora")):
        made = await world.make("server", owner, "create_server", f"Server of {owner}", None, None)
        assert made == server
        word = "club" if server == CLUB else "den"
        world.channels[word] = max(world.database.tables.by_name["channel"].rows)
        kinds = {"news": ChannelType.ANNOUNCEMENT, "voice": ChannelType.VOICE, "logs": ChannelType.AGENT_LOG}
        for name, kind in kinds.items():
            args = (server, private(name), kind, private("topic"))
            world.channels[f"{word} {name}"] = await world.make("channel", owner, "create_channel", *args)
    for name in MAKERS[1:]:
        await world.do(name, "join_server", CLUB)
    await world.do("drew", "join_server", DEN)
    for name, role in (("adam", MemberRole.ADMIN), ("mona", MemberRole.MODERATOR)):
        await world.do("alice", "set_member_role", CLUB, world.identities[name], role)


async def _talk(world: World, who: str, home: str, other: str) -> None:
    """Make one thing of every kind; `other` is the one it is made with."""
    identities, things, channel = world.identities, world.things, world.channels[home]
    things["message"][who] = await world.send(who, home, private("text"))
    things["edited"][who] = await world.send(who, home, private("before"))
    await world.do(who, "edit_message", things["edited"][who], private("after"))
    await world.do(who, "add_reaction", things["edited"][who], private("e"))
    await world.do(who, "mark_channel_read", channel, 0)
    things["thread"][who] = await world.make(
        "thread", who, "create_thread", channel, private("thread"), private("first"), f"key-{who}-{home}", None
    )
    await world.converse(who, other)
    await world.do(who, "block_user", identities["mona" if home == "den" else "drew"])


async def _coordinate(world: World, who: str, home: str, other: str, boss: str) -> None:
    """Make tasks in every state, a vote and knowledge; `other` works for `who`, and `who` for `boss`."""
    identities, things, channel = world.identities, world.things, world.channels[home]
    things["task"][who] = await world.submit(who, home, private("title"))
    for kind in ("started", "waiting"):
        things[kind][who] = await world.submit(who, home, private("title"))
        await world.do(other, "claim_task", things[kind][who], 600)
    await world.do(other, "request_input", things["waiting"][who], 1, private("prompt"), False)
    things["held"][who] = await world.submit(boss, home, private("title"))
    await world.do(who, "claim_task", things["held"][who], 600)
    things["offered"][who] = await world.submit(boss, home, private("title"), who)
    args = (channel, private("question"), ["yes", private("no")], Electorate.MEMBERS, 1, 600, None)
    things["vote"][who] = await world.make("vote", who, "open_vote", *args)
    await world.do(other, "cast_ballot", things["vote"][who], 1)
    things["knowledge"][who] = await world.publish(who, home, private("key"))
    await world.do(other, "verify_knowledge", await world.publish(who, home, private("key")))
    assert identities[who] != identities[boss], "nobody works for themselves here"


async def _lead(world: World) -> None:
    identities, things = world.identities, world.things
    for who, server in (("alice", CLUB), ("adam", CLUB), ("mona", CLUB), ("dora", DEN)):
        things["invite"][who] = private("code-of-an-invite")
        await world.do(who, "create_invite", server, things["invite"][who], 5, None, None)
    things["directive"]["alice"] = await world.publish("alice", "club", private("key"), KnowledgeKind.DIRECTIVE)
    things["directive"]["dora"] = await world.publish("dora", "den", private("key"), KnowledgeKind.DIRECTIVE)
    things["news"]["alice"] = await world.send("alice", "club news", private("news"))
    for who, home in (("alice", "club"), ("dora", "den")):
        pinned = await world.send(who, home, private("pinned"))
        await world.do(who, "pin_message", pinned)
    await world.do("alice", "notify", identities["bob"], CLUB, private("title"), private("body"))
    await world.do("alice", "mute_member", CLUB, identities["max"], None, private("mute"))
    await world.do("dora", "mute_member", DEN, identities["drew"], None, private("mute"))
    await world.do("alice", "ban_member", CLUB, identities["dan"], private("ban"))
    await world.do("dora", "ban_member", DEN, identities["stan"], private("ban"))
    await world.do("eve", "leave_server", CLUB)
    await world.do("dora", "set_invite_only", DEN, True)


async def populate(world: World) -> None:
    """Make the world by calls."""
    await _found(world)
    for who in (*MAKERS, "drew", "dora"):
        in_den = who in {"drew", "dora"}
        other = {"carol": "rita", "drew": "dora", "dora": "drew"}.get(who, "carol")
        boss = {"carol": "rita", "rita": "carol", "drew": "dora", "dora": "drew"}.get(who, "rita")
        await _talk(world, who, "den" if in_den else "club", other)
        await _coordinate(world, who, "den" if in_den else "club", other, boss)
    for who in ("stan", "chief"):
        await world.converse(who, "carol")
    await _lead(world)
    await world.do("bot", "set_agent_card", "Writes code.", ["code"], None)
    await world.do("stan", "leave_server", HUB)
    await world.do("rita", "leave_server", HUB)
    await world.database.run_due()


class Snapshot:
    """What the tables of a database hold now, and a way back to it."""

    def __init__(self, database: Database) -> None:
        self._tables = [table for table in database.tables.by_name.values() if not table.definition.event]
        self._rows = [dict(table.rows) for table in self._tables]

    def changed(self) -> list[str]:
        """Return the names of the tables that hold something else now."""
        return [table.name for table, rows in zip(self._tables, self._rows, strict=True) if table.rows != rows]

    def restore(self) -> None:
        """Put back what was there."""
        for table, rows in zip(self._tables, self._rows, strict=True):
            now = dict(table.rows)
            for key, row in now.items():
                if rows.get(key) is not row:
                    table.unload(key)
            for key, row in rows.items():
                if now.get(key) is not row:
                    table.load(row)
