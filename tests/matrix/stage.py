"""A host on a loopback socket with somebody of every kind listening to every table while the world is made."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from agent_spaces.clock import ManualClock, SystemRandomness
from agent_spaces.config import HostConfig
from agent_spaces.engine.memory import memory_database
from agent_spaces.fabric.module import SPACES
from agent_spaces.gateway.keys import SigningKey
from agent_spaces.gateway.serve import Gateway
from agent_spaces.gateway.tokens import Caller, TokenAuthority
from agent_spaces.wire.messages import SubscribeApplied
from e2e.raw_client import RawClient
from matrix.policy import CANARY, EVENT_TABLES, PUBLIC_TABLES, Model
from matrix.world import NAMES, World, populate

# What a reader learns by joining: the rows returned stand for rows of the other table, which has its own rule.
JOINS = {
    "members who are banned": (
        "SELECT p.* FROM server_member p JOIN server_ban b ON p.identity = b.identity",
        "server_ban",
    ),
    "who is written to": (
        "SELECT p.* FROM user_profile p JOIN direct_message d ON p.identity = d.recipient",
        "direct_message",
    ),
    "whose inbox": ("SELECT p.* FROM user_presence p JOIN inbox_item i ON p.identity = i.identity", "inbox_item"),
    "pinned messages": ("SELECT m.* FROM message m JOIN channel_pin c ON m.id = c.message_id", "channel_pin"),
}
LIVE_JOINS = ("who is written to", "whose inbox")  # a rule that is a join itself takes the place of the second table
JOIN_SET = 1000


@dataclass
class Stage:
    """The world behind a port; `viewers` listened from the beginning."""

    world: World
    model: Model
    gateway: Gateway
    callers: dict[str, Caller]
    http: httpx2.AsyncClient
    clock: ManualClock
    viewers: dict[str, RawClient] = field(default_factory=dict)
    answers: dict[str, list[bytes]] = field(default_factory=lambda: {name: [] for name in NAMES})

    async def listen(self, who: str) -> RawClient:
        """Connect as somebody and subscribe to every public table, a query set each."""
        client = await RawClient.connect(self.gateway.url, self.callers[who].token)
        for number, table in enumerate(PUBLIC_TABLES):
            applied = await client.subscribe(number, f"SELECT * FROM {table}")
            assert isinstance(applied, SubscribeApplied), applied
        for number, name in enumerate(LIVE_JOINS, JOIN_SET):
            applied = await client.subscribe(number, JOINS[name][0])
            assert isinstance(applied, SubscribeApplied), applied
        return client

    async def settle(self) -> None:
        """Wait until everybody has heard of everything."""
        await self.world.database.settled()
        for client in self.viewers.values():
            await client.fence()

    async def sql(self, who: str, text: str) -> httpx2.Response:
        """Run a statement over HTTP and keep the answer's bytes."""
        headers = {"authorization": f"Bearer {self.callers[who].token}"}
        answer = await self.http.post("/v1/database/spaces/sql", content=text.encode(), headers=headers)
        self.answers[who].append(answer.content)
        return answer

    async def wrong_rows(self) -> list[str]:
        """Return whose rows differ from the policy now, over all tables and joins."""
        await self.settle()
        wrong = []
        for who, client in self.viewers.items():
            for number, table in enumerate(PUBLIC_TABLES):
                expected = Counter() if table in EVENT_TABLES else self.model.expected(table, who)
                wrong += difference(f"{who}, {table}", +client.held[number], expected)
            for number, name in enumerate(LIVE_JOINS, JOIN_SET):
                wrong += difference(f"{who}, {name}", +client.held[number], self.joined(name, who))
        return wrong

    def joined(self, name: str, who: str) -> Counter[tuple[str, bytes]]:
        """Return what a join gives somebody: plain loops over what they may see of both tables."""
        table, column, other_column = {
            "members who are banned": ("server_member", "identity", "identity"),
            "who is written to": ("user_profile", "identity", "recipient"),
            "whose inbox": ("user_presence", "identity", "identity"),
            "pinned messages": ("message", "id", "message_id"),
        }[name]
        left, right = (self.world.database.tables.by_name[each] for each in (table, JOINS[name][1]))
        return Counter(
            (table, left.encode(row))
            for row in left.rows.values()
            for other in right.rows.values()
            if getattr(row, column) == getattr(other, other_column)
            and who in self.model.viewers(table, row)
            and who in self.model.viewers(right.name, other)
        )

    def wrong_events(self) -> list[str]:
        """Return who heard of other events than the policy says; the database's owner hears of all. Forgets them."""
        wrong = []
        events = self.viewers["chief"].events
        for who, client in self.viewers.items():
            expected: Counter[tuple[str, bytes]] = Counter()
            for name, data in events:
                row = self.world.database.tables.by_name[name].decode(data, 0)[0]
                if who in self.model.viewers(name, row):
                    expected[name, data] += 1
                    self.model.allow(name, row, data)
            wrong += difference(f"{who}, events", Counter(client.events), expected)
        for client in self.viewers.values():
            client.events = []
        return wrong

    def leaks(self) -> list[str]:
        """Return the canaries that somebody got and never had a right to."""
        found = []
        for who in NAMES:
            received = (
                [b"".join(self.viewers[who].bodies), *self.answers[who]] if who in self.viewers else self.answers[who]
            )
            got = {canary for data in received for canary in CANARY.findall(data)}
            if who != "chief":
                found += [f"{who} holds {canary!r}" for canary in got - self.model.allowed[who]]
        return found


def difference(name: str, got: Counter[tuple[str, bytes]], expected: Counter[tuple[str, bytes]]) -> list[str]:
    """Return a line if the two differ."""
    if got == expected:
        return []
    return [f"{name}: {sum((got - expected).values())} too many, {sum((expected - got).values())} missing"]


@asynccontextmanager
async def staged(**settings: Any) -> AsyncIterator[Stage]:
    """Serve the world, made while everybody listens."""
    config = HostConfig(listen_port=0, close_timeout_s=0.2, **settings)
    clock = ManualClock()
    tokens = TokenAuthority(SigningKey.generate(), clock, SystemRandomness())
    callers = {name: tokens.mint() for name in NAMES}
    database = memory_database(SPACES, clock, owner=callers["chief"].identity)
    gateway = Gateway(database, config, tokens, clock=clock)
    await gateway.start()
    world = World(database, {name: caller.identity for name, caller in callers.items()})
    async with httpx2.AsyncClient(base_url=gateway.url, trust_env=False) as http:
        stage = Stage(world, Model(world), gateway, callers, http, clock)
        try:
            for name in NAMES:
                stage.viewers[name] = await stage.listen(name)
            world.done = stage.model.note
            await populate(world)
            stage.model.learn()
            yield stage
        finally:
            for client in stage.viewers.values():
                await client.close()
            await gateway.stop()
