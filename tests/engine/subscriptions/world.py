"""A small database with every kind of rule, clients that apply what they are sent, and a group that delivers it."""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Annotated, Any

from agent_spaces.engine.connection import Connection
from agent_spaces.engine.group import CommittedChange, Group, deliver
from agent_spaces.engine.subscriptions import Subscriptions
from agent_spaces.engine.tableset import TableSet
from agent_spaces.module import AutoInc, Index, MembersOf, Own, PrimaryKey, definition_of, table
from agent_spaces.sats import ConnectionId, Identity, Timestamp, u64
from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import decode_server_payload
from agent_spaces.wire.frames import ws_binary_frame
from agent_spaces.wire.host_side import encode_server_message

MEMBERS = MembersOf("server_id", "member", "server_id", "identity")
PINNED = MembersOf("server_id", "member", "server_id", "identity", positive="channel_id")


@table("member", public=True, indexes=[Index("identity", "server_id")])
class Member:
    """Several rows of one pair are allowed here."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    server_id: Annotated[u64, Index()]
    identity: Annotated[Identity, Index()]
    level: u64


@table("server", public=True)
class Server:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    name: str
    size: u64


@table("message", public=True, visible_to=MEMBERS, indexes=[Index("channel_id", "seq", form="ordered")])
class Message:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    channel_id: Annotated[u64, Index()]
    server_id: Annotated[u64, Index()]
    seq: u64
    content: str


@table("head", public=True, visible_to=MEMBERS)
class Head:
    """Its rule's column has no index."""

    channel_id: Annotated[u64, PrimaryKey()]
    server_id: u64
    last_seq: u64


@table("letter", public=True, visible_to=Own(("sender", "recipient")))
class Letter:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    sender: Annotated[Identity, Index()]
    recipient: Annotated[Identity, Index()]
    server_id: Annotated[u64, Index()]
    content: str


@table("inbox", public=True, visible_to=Own(("identity",)))
class Inbox:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    identity: Annotated[Identity, Index()]
    kind: u64


@table("secret")
class Secret:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    kind: u64


@table("typing", public=True, event=True, visible_to=PINNED)
class Typing:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    channel_id: Annotated[u64, Index()]
    server_id: Annotated[u64, Index()]


@table("notice", public=True, event=True, visible_to=Own(("target",)))
class Notice:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    target: Annotated[Identity, Index()]
    kind: u64


CLASSES = (Member, Server, Message, Head, Letter, Inbox, Secret, Typing, Notice)


class Client:
    """A connection's client: keeps per set and table how often it was told of each row."""

    def __init__(self, identity: Identity, number: int, *, is_owner: bool = False) -> None:
        self.connection = Connection(identity, ConnectionId.from_int(number), self, is_owner=is_owner)
        self.rows: dict[int, dict[str, Counter[bytes]]] = {}
        self.messages: list[m.ServerMessage] = []
        self.events: dict[int, list[tuple[str, bytes]]] = defaultdict(list)  # of the last delivery
        self.writes = 0

    def send(self, data: bytes) -> None:
        self.writes += 1
        while data:
            short = data[1]
            start = {126: 4, 127: 10}.get(short, 2)
            end = start + (short if start == 2 else int.from_bytes(data[2:start], "big"))
            assert ws_binary_frame(data[start:end]) == data[:end]
            (message,) = decode_server_payload(data[start:end], 2**30)
            self.receive(message)
            data = data[end:]

    def close(self, code: int, reason: str) -> None:
        raise AssertionError(reason)

    def unsubscribed(self, query_set_id: int, dropped: m.QueryRows | None) -> None:
        held = {name: rows for name, rows in self.rows.pop(query_set_id).items() if rows}
        if dropped is not None:
            assert held == {name: rows for name, rows in counted(dropped).items() if rows}

    def update(self, update: m.TransactionUpdate) -> None:
        for query_set in update.query_sets:
            assert query_set.tables, "a query set without changes"
            for each in query_set.tables:
                self._table(query_set.query_set_id, each)

    def _table(self, query_set_id: int, update: m.TableUpdate) -> None:
        counts = self.rows[query_set_id][update.table_name]
        assert update.rows
        for rows in update.rows:
            if isinstance(rows, m.EventTable):
                assert rows.events
                self.events[query_set_id] += [(update.table_name, row) for row in rows.events]
            else:
                assert rows.inserts or rows.deletes, "a query without changes"
                counts.update(rows.inserts)
        for rows in update.rows:
            if isinstance(rows, m.PersistentTable):
                counts.subtract(rows.deletes)
        assert all(count >= 0 for count in counts.values()), "a delete of a row that is not there"
        self.rows[query_set_id][update.table_name] = +counts

    def receive(self, message: m.ServerMessage) -> None:
        self.messages.append(message)
        if isinstance(message, m.TransactionUpdate):
            assert message.query_sets, "an empty TransactionUpdate"
            self.update(message)
        elif isinstance(message, m.ReducerResult):
            assert isinstance(message.result, m.ReducerOk)
            self.update(message.result.transaction_update)
        elif isinstance(message, m.SubscribeApplied):
            assert message.query_set_id not in self.rows
            self.rows[message.query_set_id] = counted(message.rows)
        elif isinstance(message, m.UnsubscribeApplied):
            self.unsubscribed(message.query_set_id, message.rows)
        elif isinstance(message, m.SubscriptionError):
            assert message.request_id is None
            del self.rows[message.query_set_id]


def counted(rows: m.QueryRows) -> dict[str, Counter[bytes]]:
    tables: dict[str, Counter[bytes]] = defaultdict(Counter)
    for entry in rows.tables:
        tables[entry.table].update(entry.rows)
    return tables


def result_payload(own: bytes) -> bytes:
    """A ReducerResult around the caller's array, as the engine answers."""
    start = encode_server_message(m.ReducerResult(1, Timestamp(0), m.ReducerOk(b"", m.TransactionUpdate([]))))
    return b"\0" + start[:-4] + own


class World:
    """The database without log and loop: groups are delivered when a test says so."""

    def __init__(self) -> None:
        self.tables = TableSet([definition_of(each) for each in CLASSES])
        self.subscriptions = Subscriptions(self.tables)
        self.group = Group()
        self.clients: list[Client] = []
        self.last: list[CommittedChange] = []

    def connect(self, identity: Identity, *, is_owner: bool = False) -> Client:
        client = Client(identity, len(self.clients) + 1, is_owner=is_owner)
        self.clients.append(client)
        return client

    def subscribe(self, client: Client, query_set_id: int, *texts: str) -> m.QueryRows:
        """Subscribe in the open group; the client learns of it with that group."""
        client.connection.subscribed = True
        rows = read_query_rows(self.subscriptions.subscribe(client.connection, query_set_id, texts))
        self.reply(client, m.SubscribeApplied(1, query_set_id, rows))
        return rows

    def unsubscribe(self, client: Client, query_set_id: int) -> m.QueryRows:
        """End a set in the open group; it hands back the rows that the client holds by then."""
        rows = read_query_rows(self.subscriptions.unsubscribe(client.connection, query_set_id))
        self.reply(client, m.UnsubscribeApplied(1, query_set_id, rows))
        return rows

    def reply(self, client: Client, message: m.ServerMessage) -> None:
        self.group.reply(client.connection, ws_binary_frame(b"\0" + encode_server_message(message)))

    def transact(self, work: Callable[[Any], Any], caller: Client | None = None) -> m.TransactionUpdate:
        """Run `work` on the tables and publish; return the caller's own update. `deliver` sends the group."""
        work(self.tables.access)
        self.last = [(t, old, new, None if new is None else t.encode(new)) for t, old, new in self.tables.changes()]
        group = self.group
        known = [list(entry.connections) for entry in group.entries]
        connection = None if caller is None else caller.connection
        own = self.subscriptions.publish(group, group.position, self.last, connection)
        assert [list(entry.connections) for entry in group.entries][: len(known)] == known, "a queued list was changed"
        assert not [entry for entry in group.entries if not entry.connections], "a frame for nobody"
        mine = [e for e in group.entries if group.position in e.positions]
        over = {id(c) for e in mine if e.overlays for c in e.connections}
        heard = [id(c) for e in mine for c in e.connections if e.overlays or id(c) not in over]
        assert len(heard) == len(set(heard)), "two frames for one connection and transaction"
        self.tables.finish()
        (result,) = decode_server_payload(result_payload(own), 2**30)
        assert isinstance(result, m.ReducerResult)
        assert isinstance(result.result, m.ReducerOk)
        if connection is None:
            assert own == bytes(4)
            group.position += 2
        else:
            group.reply(connection, ws_binary_frame(result_payload(own)))
        return result.result.transaction_update

    def deliver(self) -> None:
        """Send the open group, one write a connection."""
        for client in self.clients:
            client.events.clear()
            client.writes = 0
        deliver(self.group)
        self.group = Group()
        assert all(client.writes <= 1 for client in self.clients)


def read_query_rows(data: bytes) -> m.QueryRows:
    start = encode_server_message(m.SubscribeApplied(1, 1, m.QueryRows([])))
    (message,) = decode_server_payload(b"\0" + start[:-4] + data, 2**30)
    assert isinstance(message, m.SubscribeApplied)
    return message.rows


def person(number: int) -> Identity:
    return Identity.from_int(0xC200 << 240 | number)
