"""A process with some clients that work until they are told to stop, and write down what they did and saw.

stdin: `stop`, then `final TEXT` (wait until the message TEXT is there, write the caches down), each answered on stdout
by one line. Arguments: a JSON object with `proc`, `out`, `seed`, `clients` (role, url, token), `channels`, `plant`.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from agent_spaces.client import (
    ClientError,
    ClientOptions,
    DbConnection,
    OutcomeUnknownError,
    ReconnectedEvent,
    ReducerFailedError,
    SubscribeAppliedEvent,
    connect,
)
from agent_spaces.client.errors import HostFailedError
from agent_spaces.client.schema import ClientSchema
from agent_spaces.fabric.reducers.messages import edit_message, send_message
from agent_spaces.fabric.tables import Message
from agent_spaces.fabric.types import MessageType
from chaos.history import Recorder
from chaos.module import ACCOUNTS, CHAOS, TOTAL, Account, Answer, Chain, append, transfer

SCHEMA = ClientSchema.of(
    [each.row_class for each in CHAOS.tables.values() if each.public],
    [each.function for each in CHAOS.reducers.values() if each.callable_by_clients],
)
LISTS = 6
QUERIES = ("SELECT * FROM chain", "SELECT * FROM account", "SELECT * FROM answer")
OPTIONS = ClientOptions(open_seconds=5.0, ping_seconds=1.0)
STOP_SECONDS = 45.0
CURRENT_SECONDS = 60.0


class Client:
    """One client with a role: `chat`, `lists`, `bank`, or `watch`, which only listens."""

    def __init__(self, name: str, role: str, recorder: Recorder, channels: list[int], rng: random.Random) -> None:
        self.name, self.role, self.recorder, self.channels, self.rng = name, role, recorder, channels, rng
        self.numbers = itertools.count(1)
        self.callbacks: list[tuple[str, str, int, Any]] = []  # table, kind, key, row
        self.batches: dict[int, list[list[int]]] = {channel: [] for channel in channels}
        self.snapshots: list[dict[int, list[int]]] = []
        self.sums: set[int] = set()
        self.last_event: object = None
        self.conn: DbConnection
        self.changes = 0

    async def begin(self, url: str, token: str) -> None:
        self.conn = await connect(url, database="spaces", token=token, schema=SCHEMA, options=OPTIONS)
        cache = self.conn.cache
        for table, key, shown in ((Message, "id", _message), (Chain, "key", _chain), (Account, "id", _account)):
            self._listen(cache[table], key, shown)
        cache[Message].on_insert(self._arrived)
        cache[Chain].on_insert(self._chains)
        cache[Chain].on_update(lambda ctx, _old, new: self._chains(ctx, new))
        cache[Account].on_update(lambda _ctx, _old, _new: self._totalled())
        await self.conn.subscribe(*QUERIES, *(f"SELECT * FROM message WHERE channel_id = {c}" for c in self.channels))

    def _listen(self, table: Any, key: str, shown: Any) -> None:
        note, name = self.callbacks.append, table.name
        table.on_insert(lambda _ctx, row: note((name, "insert", getattr(row, key), shown(row))))
        table.on_update(lambda _ctx, old, new: note((name, "update", getattr(new, key), (shown(old), shown(new)))))
        table.on_delete(lambda _ctx, row: note((name, "delete", getattr(row, key), shown(row))))

    def _arrived(self, ctx: Any, row: Message) -> None:
        """Put rows of one snapshot into one batch, those of a transaction into their own."""
        batches = self.batches[row.channel_id]
        whole = isinstance(ctx.event, ReconnectedEvent | SubscribeAppliedEvent)
        if whole and ctx is self.last_event and batches:
            batches[-1].append(row.seq)
        else:
            batches.append([row.seq])
        self.last_event = ctx if whole else None

    def _chains(self, _ctx: Any, _row: Any) -> None:
        self.changes += 1
        if self.changes % 23 == 0:
            self.snapshots.append({row.key: list(row.values) for row in self.conn.cache[Chain]})

    def _totalled(self) -> None:
        self.sums.add(sum(row.balance for row in self.conn.cache[Account]))

    async def work(self, stop: asyncio.Event) -> None:
        step = {"chat": self._chat, "lists": self._lists, "bank": self._bank}.get(self.role)
        while step is not None and not stop.is_set():
            await step()
            await asyncio.sleep(self.rng.random() * 0.01)

    async def _call(self, f: str, value: Any, where: str, after: Any, reducer: Any, *args: Any) -> None:
        """Call a reducer and note what became of it; `after` gives the answer from the cache."""
        invoked = self.recorder.invoke(f, value, where)
        try:
            await self.conn.call(reducer, *args)
        except (ReducerFailedError, HostFailedError) as refusal:
            self.recorder.end(invoked, "fail", str(refusal))
        except OutcomeUnknownError:
            self.recorder.end(invoked, "info")
        except ClientError as error:
            self.recorder.end(invoked, "fail", f"never sent: {error}")
        else:
            self.recorder.end(invoked, "ok", after())

    async def _chat(self) -> None:
        channel = self.rng.choice(self.channels)
        text = f"{self.name}-{next(self.numbers)}"
        key = text if self.rng.random() < 0.5 else None
        own = [row for row in self.conn.cache[Message] if row.content.startswith(f"{self.name}-")][-5:]
        if own and self.rng.random() < 0.1:
            row = self.rng.choice(own)
            edited = f"{row.content}+"
            await self._call("edit", edited, str(row.channel_id), lambda: None, edit_message, row.id, edited)
            return
        seen = lambda: any(row.content.rstrip("+") == text for row in self.conn.cache[Message])  # noqa: E731 - one line
        f = "send" if key is None else "keyed"
        args = (channel, text, MessageType.TEXT, None, None, key, None)
        await self._call(f, text, str(channel), seen, send_message, *args)

    async def _lists(self) -> None:
        number = next(self.numbers) * 1000 + int(self.name.rsplit("-", 1)[1])
        keys = sorted(self.rng.sample(range(LISTS), self.rng.choice([1, 1, 2, 3])))

        def answer() -> Any:
            row = self.conn.cache[Answer].find(self.conn.identity)
            return json.loads(row.lists) if row is not None and row.number == number else False

        await self._call("append", [number, keys], "", answer, append, number, keys)

    async def _bank(self) -> None:
        source, target = self.rng.sample(range(1, ACCOUNTS + 1), 2)
        amount = self.rng.randint(1, 40)
        await self._call("transfer", [source, target, amount], "", lambda: None, transfer, source, target, amount)

    async def current(self, text: str) -> float:
        """Return after how many seconds the message is in the cache."""
        began = time.monotonic()
        async with asyncio.timeout(CURRENT_SECONDS):
            while self.conn.state != "connected" or not self.conn.cache[Message].where(content=text):
                await asyncio.sleep(0.01)
        return time.monotonic() - began

    def write_down(self, seconds: float) -> None:
        cache = self.conn.cache
        note = self.recorder.note
        note("current", seconds, self.name)
        note("callbacks", self.callbacks, self.name)
        note("batches", list(self.batches.items()), self.name)
        note("sums", sorted(self.sums | {TOTAL}), self.name)
        note("snapshots", [list(each.items()) for each in self.snapshots], self.name)
        rows = [("message", row.id, _message(row)) for row in cache[Message]]
        rows += [("chain", row.key, _chain(row)) for row in cache[Chain]]
        rows += [("account", row.id, _account(row)) for row in cache[Account]]
        note("cache", rows, self.name)


def _message(row: Message) -> Any:
    return [row.channel_id, row.seq, row.content]


def _chain(row: Chain) -> Any:
    return [len(row.values), *row.values[-3:]]


def _account(row: Account) -> Any:
    return row.balance


async def _lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _say(text: str) -> None:
    print(text, flush=True)


async def _run(order: dict[str, Any]) -> None:
    if order["plant"]:
        from chaos.planted import CLIENT_PLANTS  # noqa: PLC0415 - only a client with a fault knows of them

        CLIENT_PLANTS[order["plant"]](order["seed"])
    recorder = Recorder(Path(order["out"]), order["proc"])
    clients = []
    for n, (role, url, token) in enumerate(order["clients"]):
        name = f"{order['proc']}{n}-{order['index'] * 10 + n}"
        client = Client(name, role, recorder, order["channels"], random.Random(f"{order['seed']} {name}"))
        await client.begin(url, token)
        clients.append(client)
    stop, lines = asyncio.Event(), await _lines()
    working = [asyncio.create_task(client.work(stop)) for client in clients]
    _say("ready")
    await lines.readline()
    stop.set()
    _, late = await asyncio.wait(working, timeout=STOP_SECONDS) if working else (None, None)
    _say(f"stopped {len(late or ())}")
    command, text = (await lines.readline()).decode().strip().split(" ", 1)
    assert command == "final", command
    for seconds, client in zip(await asyncio.gather(*(c.current(text) for c in clients)), clients, strict=True):
        client.write_down(seconds)
    _say("done")
    for client in clients:
        await client.conn.close()


if __name__ == "__main__":
    asyncio.run(_run(json.loads(sys.argv[1])))
