"""The whole engine with clock, disk and network made of one seed: the same seed gives the same bytes.

One database over a commit log on a disk that fails, clients whose bytes come late or never, queries of every kind, and
memberships won and lost meanwhile. Whenever all is quiet, every client has what a fresh look at all rows gives (C7);
after every crash the database has what was acknowledged, and nothing that was refused (C1).
"""

import hashlib
import heapq
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from struct import pack
from typing import Annotated, Any

from agent_spaces.engine.committer import IN_DOUBT
from agent_spaces.engine.connection import Connection
from agent_spaces.engine.database import Database
from agent_spaces.engine.memory import DATABASE_IDENTITY, CollectingLink
from agent_spaces.engine.storage.commit_log import CommitLog, segment_names
from agent_spaces.engine.storage.writers import InlineWriter, Writer
from agent_spaces.errors import DamagedError, RefusedError, StorageError
from agent_spaces.module import PrimaryKey, ReducerContext, reducer, table
from agent_spaces.module.definition import Module
from agent_spaces.sats import ConnectionId, Identity, u64
from agent_spaces.sats.bsatn import arguments_encoder
from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import encode_client_message
from chaos.checkers import Violation, query_oracle
from engine.storage.fault_files import Fault, FaultFiles, PowerCutError
from engine.subscriptions.test_oracle import OWNER, PEOPLE, POPULAR, Asked, changes, join_query, plain_query, results
from engine.subscriptions.world import CLASSES, Member

SEGMENT_BYTES = 1 << 17


@table("done")
class Done:
    """The number of a call that happened."""

    number: Annotated[u64, PrimaryKey()]


@reducer
def storm(ctx: ReducerContext, number: u64, seed: u64) -> None:
    """Change rows as the seed says; some calls are refused after their work."""
    ctx.db[Done].insert(Done(number))
    changes(random.Random(seed), ctx.db)
    if seed % 9 == 0:
        raise RefusedError("not this one")


MODULE = Module([*CLASSES, Done], [storm])
_STORM = arguments_encoder(MODULE.reducers["storm"].parameters)


def own_rows(reader: Identity) -> Asked:
    """A text that means something else for everybody."""
    return Asked("SELECT * FROM member WHERE identity = :sender", Member, lambda row: row.identity == reader)


class _OverError(Exception):
    """The world cannot go on."""


class _Timer:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class SimLoop:
    """An event loop, and the clock and the randomness of everything in it."""

    def __init__(self, rng: random.Random) -> None:
        self._rng, self._now, self._skew_us, self._number = rng, 0.0, 0, 0
        self._queue: list[tuple[float, int, Callable[[], Any], _Timer]] = []

    def call_soon(self, callback: Callable[[], Any], /) -> _Timer:
        return self.call_later(0.0, callback)

    def call_later(self, delay: float, callback: Callable[[], Any], /) -> _Timer:
        self._number += 1
        timer = _Timer()
        heapq.heappush(self._queue, (self._now + max(delay, 0.0), self._number, callback, timer))
        return timer

    def time(self) -> float:
        return self._now

    def now_us(self) -> int:
        return 1_700_000_000_000_000 + round(self._now * 1e6) + self._skew_us

    def monotonic(self) -> float:
        return self._now

    def jump(self) -> None:
        """Let the system's clock jump by up to an hour, also backwards."""
        self._skew_us += self._rng.randint(-3_600_000_000, 3_600_000_000)

    def token_bytes(self, count: int) -> bytes:
        return self._rng.randbytes(count)

    def run(self, seconds: float) -> None:
        """Do what is due within so many seconds."""
        until = self._now + seconds
        while self._queue and self._queue[0][0] <= until:
            self._now, _, callback, timer = heapq.heappop(self._queue)
            if not timer.cancelled:
                callback()
        self._now = until

    def clear(self) -> None:
        """Forget everything: the process is gone."""
        self._queue.clear()


class SimClient:
    """One connection's client. Bytes of both directions take their time, in order, and are lost when it is cut."""

    def __init__(self, world: "Simulation", number: int) -> None:
        self.world, self.number = world, number
        self.identity = world.rng.choice([*PEOPLE, OWNER])
        self.inbox = CollectingLink()
        self.asked: dict[int, list[Asked]] = {}
        self.active: set[int] = set()
        self.held: dict[int, Counter[tuple[str, bytes]]] = {}
        self.waiting: dict[int, int] = {}  # request id -> number of a call
        self.requests = 0
        self.cut = False
        self._arrives = [0.0, 0.0]
        self.connection: Connection = world.database.connect(
            self, self.identity, ConnectionId(pack("<QQ", number, 7)), "token"
        )

    def send(self, data: bytes) -> None:
        """The host's side: bytes for the client."""
        self._travel(0, lambda: self._arrived(data))

    def close(self, code: int, reason: str) -> None:
        """The host's side: it ends the connection, behind what it has sent."""
        self._travel(0, self.lose)

    def _travel(self, way: int, arrive: Callable[[], None]) -> None:
        loop = self.world.loop
        self._arrives[way] = max(self._arrives[way], loop.time() + self.world.rng.random() * 0.01)
        loop.call_later(self._arrives[way] - loop.time(), lambda: None if self.cut else arrive())

    def say(self, make: Callable[[int], m.ClientMessage]) -> int:
        self.requests += 1
        payload = encode_client_message(make(self.requests))
        self.world.hashed(payload)
        self._travel(1, lambda: self._heard(payload))
        return self.requests

    def _heard(self, payload: bytes) -> None:
        if self.world.database.connections.get(self.connection.connection_id) is self.connection:
            self.world.database.receive(self.connection, payload)

    def lose(self) -> None:
        """The connection is gone: what was on its way is lost."""
        self.cut = True
        if self in self.world.clients:
            self.world.clients.remove(self)
        self.world.database.disconnect(self.connection)

    def _arrived(self, data: bytes) -> None:
        self.world.hashed(data)
        self.inbox.send(data)
        for message in self.inbox.take():
            self._take(message)

    def _take(self, message: m.ServerMessage) -> None:
        match message:
            case m.SubscribeApplied():
                rows = ((each.table, row) for each in message.rows.tables for row in each.rows)
                self.held[message.query_set_id] = Counter(rows)
                self.active.add(message.query_set_id)
            case m.UnsubscribeApplied():
                self.held.pop(message.query_set_id, None)
                self.asked.pop(message.query_set_id, None)
                self.active.discard(message.query_set_id)
            case m.TransactionUpdate():
                self._apply(message)
            case m.ReducerResult():
                number = self.waiting.pop(message.request_id)
                if isinstance(message.result, m.InternalError) and message.result.text.endswith(IN_DOUBT):
                    self.world.in_doubt.add(number)
                elif isinstance(message.result, m.ReducerErr | m.InternalError):
                    self.world.refused.add(number)
                else:
                    self.world.acknowledged.add(number)
                    if isinstance(message.result, m.ReducerOk):
                        self._apply(message.result.transaction_update)
            case m.SubscriptionError():
                raise AssertionError(message.error)

    def _apply(self, update: m.TransactionUpdate) -> None:
        for each in update.query_sets:
            held = self.held[each.query_set_id]
            for of_table in each.tables:
                for rows in of_table.rows:
                    if isinstance(rows, m.PersistentTable):
                        held.update((of_table.table_name, row) for row in rows.inserts)
                        held.subtract((of_table.table_name, row) for row in rows.deletes)


class Simulation:
    """One world of one seed; `run` gives its violations, `digest` what it did, byte by byte."""

    def __init__(self, seed: int, make_writer: Callable[..., Writer] = InlineWriter) -> None:
        self.seed, self.rng, self._make_writer = seed, random.Random(seed), make_writer
        self.loop = SimLoop(self.rng)
        self.files = FaultFiles(seed)
        self.violations: list[Violation] = []
        self.acknowledged: set[int] = set()
        self.refused: set[int] = set()
        self.in_doubt: set[int] = set()  # refused, once the log has come back
        self.happened: Counter[str] = Counter()
        self.clients: list[SimClient] = []
        self._numbers = self._calls = 0
        self._hash = hashlib.blake2b(digest_size=16)
        self.database: Database
        self.log: CommitLog
        self._open()

    def hashed(self, data: bytes) -> None:
        self._hash.update(len(data).to_bytes(4, "little") + data)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def _open(self) -> None:
        def soon(callback: Callable[[], None]) -> None:
            self.loop.call_later(self.rng.random() * 0.003, callback)

        make = lambda: self._make_writer(self.files, soon)  # noqa: E731 - one line is all it is
        self.log = CommitLog(self.files, self.loop, self.loop, make, make, segment_bytes=SEGMENT_BYTES)
        try:
            found = list(self.log.open(0, create=not segment_names(self.files)))
        except DamagedError as error:
            self.violations.append(Violation("C1", f"nothing can be opened after a crash: {error}"))
            raise _OverError from None
        self.database = Database(MODULE, self.log, self.loop, self.loop, identity=DATABASE_IDENTITY, owner=OWNER)
        self.database.replay(found)
        for record in found:
            self.hashed(record.chain)
        self.database.start()
        there = {row.number for row in self.database.tables[Done].rows.values()}
        lost, risen = self.acknowledged - there, self.refused & there
        self.violations += [Violation("C1", f"call {number} was acknowledged and is lost") for number in sorted(lost)]
        self.violations += [Violation("C1", f"call {number} was refused and is there") for number in sorted(risen)]

    def run(self, steps: int) -> list[Violation]:
        """Let so many things happen, and compare whenever it is quiet."""
        for _ in range(steps):
            try:
                self._step()
                self.loop.run(self.rng.choice([0.0, 0.001, 0.004]))
                if self.rng.random() < 0.4:
                    self._quiet()
            except PowerCutError:
                self._crash(power=True)
            if len(self.violations) > 50:
                break
        try:
            self._quiet()
        except PowerCutError:
            self._crash(power=True)
        return self.violations

    def _step(self) -> None:
        rng = self.rng
        chance = rng.random()
        if len(self.clients) < 3 or (chance < 0.05 and len(self.clients) < 9):
            self._connect()
        elif chance < 0.08:
            rng.choice(self.clients).lose()
        elif chance < 0.09:
            self.loop.jump()
        elif chance < 0.11:
            self._fault()
        elif chance < 0.12:
            self._crash(power=rng.random() < 0.5)
        elif chance < 0.30:
            self._subscribe(rng.choice(self.clients))
        elif chance < 0.34:
            self._unsubscribe(rng.choice(self.clients))
        else:
            for _ in range(rng.choice([1, 1, 4])):
                self._call(rng.choice(self.clients))

    def _connect(self) -> None:
        self._numbers += 1
        try:
            self.clients.append(SimClient(self, self._numbers))
        except StorageError:
            self.happened["refused connection"] += 1

    def _call(self, client: SimClient) -> None:
        self._calls += 1
        args = _STORM((self._calls, self.rng.getrandbits(48)))
        client.waiting[client.say(lambda request: m.CallReducer(request, "storm", args))] = self._calls

    def _subscribe(self, client: SimClient) -> None:
        number = self.rng.randint(1, 3)
        if number in client.asked:
            return
        chance = self.rng.random()
        if chance < 0.3:
            asked = self.rng.choice(POPULAR)
        elif chance < 0.5:
            asked = [own_rows(client.identity)]
        else:
            asked = [self._query(client) for _ in range(self.rng.choice([1, 1, 2]))]
        client.asked[number] = list({each.text: each for each in asked}.values())
        client.say(lambda request: m.Subscribe(request, number, [each.text for each in asked]))

    def _query(self, client: SimClient) -> Asked:
        if self.rng.random() < 0.25:
            return join_query(self.rng, client.identity, is_owner=client.connection.is_owner)
        return plain_query(self.rng, client.identity)

    def _unsubscribe(self, client: SimClient) -> None:
        if client.active:
            number = self.rng.choice(sorted(client.active))
            client.active.discard(number)
            client.say(lambda request: m.Unsubscribe(request, number, True))

    def _fault(self) -> None:
        kind = self.rng.choice(["error", "tear", "cut"])
        self.files.fault = Fault(self.files.operations + self.rng.randrange(6), kind, lasts=self.rng.choice([1, 3]))
        self.happened[f"disk {kind}"] += 1

    def _crash(self, *, power: bool) -> None:
        """End the process at this instant; every connection is gone, and all that was in its memory."""
        self.happened["power cut" if power else "kill"] += 1
        self.in_doubt.clear()
        for client in self.clients:
            client.cut = True
        self.clients.clear()
        self.loop.clear()
        self.files = self.files.power_cut() if power else self.files.killed()
        self._open()

    def _quiet(self) -> None:
        """Let everything come to rest, the disk be well again, and compare."""
        self.loop.run(0.1)
        if self.database._committer.failed is not None:
            self.files.fault = None
            self.happened["log failed"] += 1
            self.loop.run(40.0)
            if self.database._committer.failed is not None:
                self.violations.append(Violation("C1", "the disk is well, and the log does not come back"))
                raise _OverError
        self.refused |= self.in_doubt
        self.in_doubt.clear()
        self.happened["comparison"] += 1
        database = self.database
        for client in self.clients:
            reader = None if client.connection.is_owner else client.identity
            for number in sorted(client.active):
                wanted: Counter[tuple[str, bytes]] = Counter()
                for each in client.asked[number]:
                    of = database.tables.by_name[each.table.__table__.name]
                    found = results(database, reader, each, of.rows.values())  # type: ignore[arg-type]
                    wanted.update((of.name, of.encode(row)) for row in found)
                text = "; ".join(each.text for each in client.asked[number])
                self.violations += query_oracle(client.identity.short(), text, client.held[number], wanted)


def simulate(seed: int, steps: int, make_writer: Callable[..., Writer] = InlineWriter) -> Simulation:
    """Run one world and return it."""
    world = Simulation(seed, make_writer)
    with suppress(_OverError):
        world.run(steps)
    return world


if __name__ == "__main__":
    import sys

    print(simulate(int(sys.argv[1]), int(sys.argv[2])).digest)
