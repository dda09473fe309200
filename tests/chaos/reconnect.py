"""The reconnect oracle: clients behind networks that fail, while rows come, change and go."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_spaces.client import (
    ClientOptions,
    DbConnection,
    OutcomeUnknownError,
    ReconnectedEvent,
    ReducerFailedError,
    connect,
)
from agent_spaces.fabric.reducers.messages import delete_message, edit_message, send_message
from agent_spaces.fabric.reducers.users import register_user
from agent_spaces.fabric.tables import Message
from agent_spaces.fabric.types import MessageType
from agent_spaces.testing.host import HostProcess
from chaos import checkers as c
from chaos.checkers import Violation
from chaos.network import Network
from chaos.worker import SCHEMA

GENERAL = 1
QUERY = f"SELECT * FROM message WHERE channel_id = {GENERAL}"
KINDS = ("cut", "reset", "black hole", "refuse", "slice", "kill", "pause")
IN_FLIGHT = 24
OPTIONS = ClientOptions(open_seconds=5.0, ping_seconds=0.7)
LATE_SECONDS = 60.0


@dataclass
class Result:
    """What came of a run: how long each fault lasted and how long until all were current after it; reconnections."""

    violations: list[Violation] = field(default_factory=list)
    heals: list[tuple[str, float, float]] = field(default_factory=list)  # kind, seconds of the fault, seconds after it
    reconnects: int = 0
    changes: int = 0
    kinds: list[str] = field(default_factory=list)


class Listener:
    """A client behind a network of its own, and all that its callbacks were told."""

    def __init__(self, name: str, network: Network) -> None:
        self.name, self.network = name, network
        self.told: list[tuple[str, Any, Any]] = []
        self.away: dict[int, list[Any]] = {}  # keys told by each reconnection
        self.conn: DbConnection
        self.reconnects = 0

    async def begin(self, token: str) -> None:
        self.conn = await connect(self.network.url, database="spaces", token=token, schema=SCHEMA, options=OPTIONS)
        table = self.conn.cache[Message]
        table.on_insert(lambda ctx, row: self._note(ctx, "insert", row.id, shown(row)))
        table.on_update(lambda ctx, old, new: self._note(ctx, "update", new.id, (shown(old), shown(new))))
        table.on_delete(lambda ctx, row: self._note(ctx, "delete", row.id, shown(row)))
        self.conn.on_reconnect.append(self._again)
        await self.conn.subscribe(QUERY)

    def _again(self) -> None:
        self.reconnects += 1

    def _note(self, ctx: Any, kind: str, key: int, row: Any) -> None:
        self.told.append((kind, key, row))
        if isinstance(ctx.event, ReconnectedEvent):
            self.away.setdefault(id(ctx), []).append(key)

    def judge(self, fresh: dict[Any, Any]) -> list[Violation]:
        cache = {row.id: shown(row) for row in self.conn.cache[Message]}
        found = c.folded(self.name, self.told, cache)
        found += c.equal(f"{self.name}: its cache", cache, "a fresh snapshot", fresh)
        lived = [(opened, closed - 0.25) for opened, closed in self.network.intervals]
        return found + c.one_at_a_time(self.name, lived)


def shown(row: Message) -> tuple[int, str]:
    return row.seq, row.content


class Run:
    """One run of the oracle on a host; `changes` are made in all."""

    def __init__(self, host: HostProcess, seed: int, changes: int, kinds: tuple[str, ...] = KINDS) -> None:
        self.host, self.rng, self.goal, self.kinds = host, random.Random(seed), changes, kinds
        self.result = Result()
        self.listeners: list[Listener] = []
        self.made = 0

    async def run(self, clients: int = 3) -> Result:
        async with AsyncExitStack() as stack:
            writer = await stack.enter_async_context(
                connect(self.host.url, database="spaces", schema=SCHEMA, options=OPTIONS)
            )
            await writer.call(register_user, f"writer-{self.rng.randrange(1 << 40)}", None, False)
            await writer.subscribe(QUERY)
            assert writer.token is not None
            for n in range(clients):
                network = await stack.enter_async_context(Network(self.host.url))
                listener = Listener(f"client {n}", network)
                await listener.begin(writer.token)
                stack.push_async_callback(listener.conn.close)
                self.listeners.append(listener)
            writing = [asyncio.create_task(self._write(writer)) for _ in range(IN_FLIGHT)]
            struck = 0
            while self.made < self.goal or struck < len(self.kinds):
                await self._strike(self.kinds[struck % len(self.kinds)], writer)
                struck += 1
                if all(task.done() for task in writing) and self.made < self.goal:
                    break
            self.goal = 0
            await asyncio.gather(*writing)
            await self._current(writer, "the last", self.listeners)
            await self._judge(writer)
        return self.result

    async def _write(self, writer: DbConnection) -> None:
        rng, table = self.rng, writer.cache[Message]
        while self.made < self.goal or (self.goal and len(self.result.kinds) < len(self.kinds)):
            self.made += 1
            rows = [row for row in list(table)[-60:] if row.message_type == MessageType.TEXT]
            chance = rng.random()
            try:
                if rows and chance < 0.25:
                    await writer.call(edit_message, rng.choice(rows).id, f"edited {self.made}")
                elif rows and (chance < 0.45 or len(rows) > 300):
                    await writer.call(delete_message, rng.choice(rows).id)
                else:
                    await self._say(writer, f"text {self.made}")
            except (ReducerFailedError, OutcomeUnknownError):
                pass  # another one deleted it meanwhile; or it may have happened, which the comparison will see

    @staticmethod
    async def _say(writer: DbConnection, text: str, key: str | None = None) -> None:
        await writer.call(send_message, GENERAL, text, MessageType.TEXT, None, None, key, None)

    async def _strike(self, kind: str, writer: DbConnection) -> None:
        rng, began = self.rng, time.monotonic()
        struck = rng.sample(self.listeners, rng.randint(1, len(self.listeners)))
        seconds = rng.uniform(0.1, 1.5)
        networks = [each.network for each in struck]
        match kind:
            case "cut" | "reset":
                _each(networks, lambda network: network.cut(reset=kind == "reset"))
            case "black hole":
                _each(networks, lambda network: network.black_hole())
                await asyncio.sleep(seconds + 1.0)
            case "refuse":
                for network in networks:
                    network.refuses = True
                    network.cut()
                await asyncio.sleep(seconds)
            case "slice":
                for network in networks:
                    network.slice_bytes, network.delay_s = rng.randint(1, 60), 0.005
                await asyncio.sleep(seconds)
            case "kill":
                struck = self.listeners
                await self.host.restart()
            case "pause":
                struck = self.listeners
                self.host.pause()
                await asyncio.sleep(seconds)
                self.host.go_on()
        _each(networks, lambda network: network.heal())
        self.result.kinds.append(kind)
        lasted = time.monotonic() - began
        seconds = await self._current(writer, f"after {kind} {len(self.result.kinds)}", struck)
        self.result.heals.append((kind, lasted, seconds))

    async def _current(self, writer: DbConnection, text: str, who: list[Listener]) -> float:
        """Wait until these clients have a message that is sent now; return the seconds that it took."""
        began = time.monotonic()
        key = f"now-{self.rng.randrange(1 << 60)}"
        await self._say(writer, text, key)
        async with asyncio.timeout(LATE_SECONDS):
            for listener in who:
                while listener.conn.state != "connected" or not listener.conn.cache[Message].where(content=text):
                    if not writer.cache[Message].where(content=text):
                        break  # somebody edited or deleted it already
                    await asyncio.sleep(0.005)
        return time.monotonic() - began

    async def _judge(self, writer: DbConnection) -> None:
        async with connect(self.host.url, database="spaces", token=writer.token, schema=SCHEMA) as conn:
            await conn.subscribe(QUERY)
            fresh = {row.id: shown(row) for row in conn.cache[Message]}
        result = self.result
        for listener in self.listeners:
            result.violations += listener.judge(fresh)
            result.reconnects += listener.reconnects
        result.changes = self.made


def _each(networks: list[Network], do: Callable[[Network], None]) -> None:
    for network in networks:
        do(network)


async def reconnecting(folder: Path, seed: int, changes: int, kinds: tuple[str, ...] = KINDS) -> Result:
    """Run the oracle on a host of its own."""
    host = HostProcess(folder / "data")
    await host.start()
    try:
        return await Run(host, seed, changes, kinds).run()
    finally:
        await host.stop()
