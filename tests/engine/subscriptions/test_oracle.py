"""Whatever is subscribed to and whatever happens, every client has what a plain look at all rows gives."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from agent_spaces.sats import Identity
from engine.subscriptions.world import (
    Client,
    Head,
    Inbox,
    Letter,
    Member,
    Message,
    Notice,
    Secret,
    Server,
    Typing,
    World,
    person,
)

PEOPLE = [person(number) for number in range(1, 6)]
OWNER = person(99)
ANYBODY = [*PEOPLE, OWNER]
SMALL = range(1, 4)


@dataclass(frozen=True)
class Asked:
    """A query as text and as what it means."""

    text: str
    table: type[Any]
    passes: Callable[[Any], bool]
    partners: Callable[[World, Identity | None, Any], int] = lambda _world, _reader, _row: 1


def visible(world: World, reader: Identity | None, row: Any) -> bool:
    """The rules, read plainly; the owner is None."""
    if reader is None:
        return True
    match row:
        case Message() | Head() | Typing():
            members = world.tables[Member].rows.values()
            pinned = not isinstance(row, Typing) or row.channel_id > 0
            return pinned and any(each.identity == reader and each.server_id == row.server_id for each in members)
        case Letter():
            return reader in {row.sender, row.recipient}
        case Inbox():
            return bool(row.identity == reader)
        case Notice():
            return bool(row.target == reader)
        case Secret():
            return False
        case _:
            return True


def results(world: World, reader: Identity | None, asked: Asked, rows: Iterable[Any]) -> Iterator[Any]:
    for row in rows:
        if asked.passes(row) and visible(world, reader, row):
            yield from [row] * asked.partners(world, reader, row)


def plain_query(rng: random.Random, reader: Identity) -> Asked:
    n, k = rng.choice(SMALL), rng.choice(SMALL)
    other = rng.choice(PEOPLE)
    return rng.choice(
        [
            Asked(f"SELECT * FROM message WHERE channel_id = {n}", Message, lambda r: r.channel_id == n),
            Asked(
                f"SELECT * FROM message WHERE channel_id = {n} AND seq > {k}",
                Message,
                lambda r: r.channel_id == n and r.seq > k,
            ),
            Asked(
                f"SELECT m.* FROM message m WHERE m.seq <= {k} OR m.content = 'b'",
                Message,
                lambda r: r.seq <= k or r.content == "b",
            ),
            Asked("SELECT * FROM message", Message, lambda _: True),
            Asked(f"select * from message where channel_id={n}", Message, lambda r: r.channel_id == n),
            Asked(f"SELECT * FROM message WHERE id = {k}", Message, lambda r: r.id == k),
            Asked(
                f"SELECT * FROM message WHERE server_id = {n} AND content = 'a' AND seq <> {k}",
                Message,
                lambda r: r.server_id == n and r.content == "a" and r.seq != k,
            ),
            Asked("SELECT * FROM head", Head, lambda _: True),
            Asked(f"SELECT * FROM head WHERE channel_id = {n}", Head, lambda r: r.channel_id == n),
            Asked("SELECT * FROM head WHERE last_seq < channel_id", Head, lambda r: r.last_seq < r.channel_id),
            Asked("SELECT * FROM letter", Letter, lambda _: True),
            Asked(f"SELECT * FROM letter WHERE sender = 0x{other.hex()}", Letter, lambda r: r.sender == other),
            Asked("SELECT * FROM letter WHERE recipient = :sender", Letter, lambda r: r.recipient == reader),
            Asked(
                f"SELECT * FROM letter WHERE content = 'a' AND id > {k}",
                Letter,
                lambda r: r.content == "a" and r.id > k,
            ),
            Asked("SELECT * FROM inbox", Inbox, lambda _: True),
            Asked("SELECT * FROM inbox WHERE identity = :sender", Inbox, lambda r: r.identity == reader),
            Asked(f"SELECT * FROM inbox WHERE kind = {n}", Inbox, lambda r: r.kind == n),
            Asked("SELECT * FROM member", Member, lambda _: True),
            Asked("SELECT * FROM member WHERE identity = :sender", Member, lambda r: r.identity == reader),
            Asked(f"SELECT * FROM server WHERE size >= {k}", Server, lambda r: r.size >= k),
            Asked("SELECT * FROM server WHERE TRUE AND FALSE", Server, lambda _: False),
            Asked("SELECT * FROM typing", Typing, lambda _: True),
            Asked(f"SELECT * FROM typing WHERE channel_id = {n}", Typing, lambda r: r.channel_id == n),
            Asked("SELECT * FROM notice", Notice, lambda _: True),
            Asked(f"SELECT * FROM notice WHERE kind > {k}", Notice, lambda r: r.kind > k),
        ]
    )


POPULAR = [  # sets that several connections have with one id: they share everything
    [Asked("SELECT * FROM message WHERE channel_id = 1", Message, lambda r: r.channel_id == 1)],
    [Asked("SELECT * FROM message", Message, lambda _: True), Asked("SELECT * FROM inbox", Inbox, lambda _: True)],
    [Asked("SELECT * FROM letter", Letter, lambda _: True), Asked("SELECT * FROM server", Server, lambda _: True)],
]


def meeting(table: type[Any], own: str, other: str, passes: Callable[[Any, Any], bool]) -> Callable[..., int]:
    def partners(world: World, reader: Identity | None, row: Any) -> int:
        return sum(
            getattr(row, own) == getattr(each, other) and passes(row, each) and visible(world, reader, each)
            for each in world.tables[table].rows.values()
        )

    return partners


def join_query(rng: random.Random, reader: Identity, *, is_owner: bool) -> Asked:
    n, k = rng.choice(SMALL), rng.choice(SMALL)
    asked = [
        Asked(
            "SELECT s.* FROM server s JOIN member m ON s.id = m.server_id WHERE m.identity = :sender",
            Server,
            lambda _: True,
            meeting(Member, "id", "server_id", lambda _, m: m.identity == reader),
        ),
        Asked(
            f"SELECT m.* FROM server s JOIN member m ON s.id = m.server_id WHERE s.size > {k} AND m.level < s.size",
            Member,
            lambda _: True,
            meeting(Server, "server_id", "id", lambda m, s: s.size > k and m.level < s.size),
        ),
        Asked(
            f"SELECT a.* FROM member a JOIN member b ON a.server_id = b.server_id WHERE b.level = {n}",
            Member,
            lambda _: True,
            meeting(Member, "server_id", "server_id", lambda _, b: b.level == n),
        ),
        Asked(
            "SELECT l.* FROM letter l JOIN server s ON l.server_id = s.id",
            Letter,
            lambda _: True,
            meeting(Server, "server_id", "id", lambda _, __: True),
        ),
        Asked(
            f"SELECT s.* FROM server s JOIN letter l ON s.id = l.server_id WHERE l.content = 'a' OR s.size = {n}",
            Server,
            lambda _: True,
            meeting(Letter, "id", "server_id", lambda s, x: x.content == "a" or s.size == n),
        ),
        Asked(
            f"SELECT n.* FROM notice n JOIN member m ON n.target = m.identity WHERE m.level >= {k}",
            Notice,
            lambda _: True,
            meeting(Member, "target", "identity", lambda _, m: m.level >= k),
        ),
    ]
    if is_owner:
        asked.append(
            Asked(
                f"SELECT m.* FROM message m JOIN server s ON m.server_id = s.id WHERE s.size < {n}",
                Message,
                lambda _: True,
                meeting(Server, "server_id", "id", lambda _, s: s.size < n),
            )
        )
    return rng.choice(asked)


def change(rng: random.Random, db: Any) -> None:
    """One random write."""
    kind = rng.choice([Member, Member, Server, Message, Message, Message, Head, Letter, Inbox, Secret, Typing, Notice])
    n, k, who, text = rng.choice(SMALL), rng.randint(1, 5), rng.choice(ANYBODY), rng.choice("abc")
    table = db[kind]
    fresh: dict[type[Any], Callable[[int], Any]] = {
        Member: lambda key: Member(key, n, who, k),
        Server: lambda key: Server(key, text, k),
        Message: lambda key: Message(key, rng.choice(SMALL), n, k, text * rng.choice([1, 1, 40000])),
        Head: lambda key: Head(key or rng.choice(SMALL), n, k),
        Letter: lambda key: Letter(key, who, rng.choice(ANYBODY), n, text),
        Inbox: lambda key: Inbox(key, who, n),
        Secret: lambda key: Secret(key, n),
        Typing: lambda key: Typing(key, rng.choice([0, 1, 2]), n),
        Notice: lambda key: Notice(key, who, n),
    }
    rows = [] if kind in {Typing, Notice} else list(table)
    if rows and (rng.random() < 0.6 or len(rows) > 12):
        victim = rng.choice(rows)
        key = victim.channel_id if kind is Head else victim.id
        if rng.random() < 0.5:
            table.delete(key)
            if rng.random() < 0.3:
                table.insert(victim if rng.random() < 0.5 else fresh[kind](key))
        else:
            table.update(fresh[kind](key))
        return
    row = fresh[kind](0)
    if kind is Head and table.find(row.channel_id) is not None:
        return
    table.insert(row)


def changes(rng: random.Random, db: Any) -> None:
    for _ in range(rng.choice([1, 1, 2, 5])):
        change(rng, db)


class Play:
    """A world, who is in it, and what they asked for."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.world = World()
        self.asked: dict[tuple[Client, int], list[Asked]] = {}
        for who in PEOPLE:
            for _ in range(self.rng.choice([1, 1, 2])):
                self.world.connect(who)
        self.world.connect(OWNER, is_owner=True)

    def subscribe(self) -> None:
        client, number = self.rng.choice(self.world.clients), self.rng.randint(1, 3)
        if number in client.connection.query_sets:
            return
        asked = [self.query(client) for _ in range(self.rng.choice([1, 1, 2, 3]))]
        if self.rng.random() < 0.5:
            asked = self.rng.choice(POPULAR)
        if self.rng.random() < 0.5:
            self.world.deliver()
        rows = self.world.subscribe(client, number, *(each.text for each in asked))
        self.asked[client, number] = list({each.text: each for each in asked}.values())
        tables = [each.table.__table__ for each in self.asked[client, number]]
        filled = [each.name for each in tables if not each.event and self.world.tables.by_name[each.name].rows]
        assert [entry.table for entry in rows.tables] == filled

    def query(self, client: Client) -> Asked:
        if self.rng.random() < 0.25:
            return join_query(self.rng, client.connection.identity, is_owner=client.connection.is_owner)
        return plain_query(self.rng, client.connection.identity)

    def unsubscribe(self) -> None:
        if self.asked:
            client, number = self.rng.choice(list(self.asked))
            del self.asked[client, number]
            if self.rng.random() < 0.8:
                self.world.unsubscribe(client, number)
            else:
                self.world.deliver()
                self.world.subscriptions.drop(client.connection)
                client.rows.clear()
                self.asked = {key: asked for key, asked in self.asked.items() if key[0] is not client}

    def transact(self) -> None:
        caller = self.rng.choice([None, *self.world.clients])
        self.world.transact(lambda db: changes(self.rng, db), caller)

    def group(self) -> None:
        """Several things that go out together; after one transaction alone events can be compared too."""
        count = self.rng.choice([1, 1, 3, 5])
        for _ in range(count):
            step = 1.0 if count == 1 else self.rng.random()
            if step < 0.3:
                self.subscribe()
            elif step < 0.4:
                self.unsubscribe()
            else:
                self.transact()
        self.world.deliver()
        if count == 1:
            self.check_events()
        self.check()

    def check(self) -> None:
        for (client, number), asked in self.asked.items():
            expected: dict[str, Counter[bytes]] = {}
            for each in asked:
                name = each.table.__table__.name
                table = self.world.tables.by_name[name]
                reader = None if client.connection.is_owner else client.connection.identity
                found = results(self.world, reader, each, table.rows.values())
                expected.setdefault(name, Counter()).update(map(table.encode, found))
            held = {name: count for name, count in client.rows[number].items() if count}
            assert held == {name: count for name, count in expected.items() if count}, [each.text for each in asked]

    def check_events(self) -> None:
        for (client, number), asked in self.asked.items():
            expected: Counter[tuple[str, bytes]] = Counter()
            for each in asked:
                rows = [new for t, _, new, _ in self.world.last if t.is_event and t.definition.row_class is each.table]
                reader = None if client.connection.is_owner else client.connection.identity
                name = each.table.__table__.name
                for row in results(self.world, reader, each, rows):
                    expected[name, self.world.tables.by_name[name].encode(row)] += 1
            assert Counter(client.events[number]) == expected, [each.text for each in asked]


@pytest.mark.parametrize("seed", range(30))
def test_clients_hold_what_a_plain_scan_finds(seed: int) -> None:
    """Random queries, readers and transactions, rights won and lost among them: nobody misses or keeps a row."""
    play = Play(seed)
    for _ in range(60):
        if play.rng.random() < 0.3:
            play.subscribe()
        play.group()
    for client in play.world.clients:
        play.world.subscriptions.drop(client.connection)
    registry = play.world.subscriptions._registry
    assert not registry._queries
    assert not registry._sets
    assert not registry.connections
    assert not registry.joins
    assert [table.name for table in play.world.tables if table.watched] == ["member"]
