"""A small module for tests of the engine, its host on a failing log, and calls as a client makes them."""

from collections.abc import Callable
from contextlib import suppress
from struct import pack
from typing import Annotated, Any

from agent_spaces.engine.connection import Connection
from agent_spaces.engine.database import Database
from agent_spaces.engine.memory import CollectingLink
from agent_spaces.engine.storage.log import Done, MemoryLog
from agent_spaces.errors import RefusedError, StorageError
from agent_spaces.module import (
    AutoInc,
    Index,
    MembersOf,
    PrimaryKey,
    ReducerContext,
    lifecycle_reducer,
    reducer,
    reducer_definition_of,
    scheduled_reducer,
    table,
)
from agent_spaces.module.definition import Module
from agent_spaces.sats import ConnectionId, Identity, Interval, ScheduleAt, Time, TimeDuration, Timestamp, u64
from agent_spaces.sats.bsatn import arguments_encoder
from agent_spaces.wire.client_side import encode_client_message
from agent_spaces.wire.messages import CallReducer, Subscribe


@table("member", public=True, indexes=[Index("identity", "room", form="pair")])
class Member:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    identity: Annotated[Identity, Index()]
    room: u64


@table(
    "post",
    public=True,
    indexes=[Index("room", "seq", form="ordered")],
    visible_to=MembersOf("room", "member", "room", "identity"),
)
class Post:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    room: Annotated[u64, Index()]
    seq: u64
    sender: Identity
    text: str


@table("ring", public=True, event=True)
class Ring:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    room: u64


@table("online", public=True)
class Online:
    connection_id: Annotated[ConnectionId, PrimaryKey()]
    identity: Identity


@table("alarm", scheduled="run_alarm")
class Alarm:
    scheduled_id: Annotated[u64, PrimaryKey(), AutoInc()]
    scheduled_at: ScheduleAt
    text: str


@lifecycle_reducer
def init(ctx: ReducerContext) -> None:
    ctx.db[Post].insert(Post(0, 0, 0, ctx.sender, "welcome"))


@lifecycle_reducer
def client_connected(ctx: ReducerContext) -> None:
    if ctx.sender == STRANGER:
        raise RefusedError("strangers stay outside")
    ctx.db[Online].insert(Online(ctx.connection_id, ctx.sender))


@lifecycle_reducer
def client_disconnected(ctx: ReducerContext) -> None:
    ctx.db[Online].delete(ctx.connection_id)


@reducer
def join(ctx: ReducerContext, room: u64) -> None:
    ctx.db[Member].insert(Member(0, ctx.sender, room))


@reducer
def leave(ctx: ReducerContext, room: u64) -> None:
    ctx.db[Member].delete(ctx.db[Member].by_identity_room.find(ctx.sender, room).id)


@reducer
def post(ctx: ReducerContext, room: u64, text: str) -> None:
    seq = ctx.db[Post].room.count(room) + 1
    ctx.db[Post].insert(Post(0, room, seq, ctx.sender, text))


@reducer
def ring(ctx: ReducerContext, room: u64) -> None:
    ctx.db[Ring].insert(Ring(0, room))


@reducer
def nothing(ctx: ReducerContext) -> None:
    row = ctx.db[Post].find(1)
    ctx.db[Post].update(Post(row.id, row.room, row.seq, row.sender, "changed"))
    ctx.db[Post].update(row)


@reducer
def post_and_fail(ctx: ReducerContext, how: str) -> None:
    post(ctx, 1, "never seen")
    ctx.db[Post].delete(1)
    match how:
        case "refuse":
            raise RefusedError("no")
        case "crash":
            raise ZeroDivisionError
        case "key":
            ctx.db[Post].insert(Post(2, 1, 1, ctx.sender, "taken"))
            ctx.db[Post].insert(Post(2, 1, 1, ctx.sender, "taken"))
        case "encode":
            ctx.db[Post].insert(Post(0, 1, 1, ctx.sender, 5))


@reducer
def set_alarm(ctx: ReducerContext, at: Timestamp, text: str) -> None:
    ctx.db[Alarm].insert(Alarm(0, Time(at), text))


@reducer
def set_clockwork(ctx: ReducerContext, every: TimeDuration, text: str) -> None:
    ctx.db[Alarm].insert(Alarm(0, Interval(every), text))


@scheduled_reducer
def run_alarm(ctx: ReducerContext, alarm: Alarm) -> None:
    assert ctx.db[Alarm].find(alarm.scheduled_id) == alarm, "its row is there while it runs"
    assert (ctx.sender, ctx.connection_id) == (ctx.identity, None)
    if alarm.text == "fail":
        raise RefusedError("on purpose")
    if alarm.text == "again":
        ctx.db[Alarm].insert(Alarm(0, Time(ctx.timestamp), "after"))
    post(ctx, 9, alarm.text)


STRANGER = Identity(b"\x99" * 32)
TABLES = (Member, Post, Ring, Online, Alarm)
REDUCERS: tuple[Callable[..., None], ...] = (
    init,
    client_connected,
    client_disconnected,
    join,
    leave,
    post,
    ring,
    nothing,
    post_and_fail,
    set_alarm,
    set_clockwork,
    run_alarm,
)
CHAT = Module(TABLES, REDUCERS)


class FailingLog(MemoryLog):
    """A log whose disk can be broken and mended."""

    broken = False
    appends = 0

    def append(self, body: bytes, first: int, last: int, done: Done) -> None:
        self.appends += 1
        if not self.broken:
            super().append(body, first, last, done)
            return
        self.failed = StorageError("No space left on device.")
        self._call_soon(lambda: done(self.failed))

    def recover(self) -> int:
        if self.broken:
            raise StorageError("still no space")
        self.failed = None
        return self.next_offset


class Client:
    """A connection to a database in the same process."""

    def __init__(self, database: Database, number: int, *, identity: Identity | None = None) -> None:
        self.database, self.link = database, CollectingLink()
        self.identity = Identity(bytes([number]) * 32) if identity is None else identity
        self.connection: Connection = database.connect(self.link, self.identity, connection_id(number), "token")
        self._request_id = 0

    def call(self, function: Callable[..., None] | str, *args: Any) -> int:
        """Send a call and return its request id."""
        self._request_id += 1
        self.database.receive(self.connection, call_message(self._request_id, function, *args))
        return self._request_id

    def subscribe(self, query_set_id: int, *texts: str) -> None:
        self._request_id += 1
        message = encode_client_message(Subscribe(self._request_id, query_set_id, list(texts)))
        self.database.receive(self.connection, message)

    async def take(self) -> list[Any]:
        """Return the messages that have come, once all is durable or undone."""
        with suppress(StorageError):
            await self.database.settled()
        await self.database.settled()
        return self.link.take()


def connection_id(number: int) -> ConnectionId:
    return ConnectionId(pack("<QQ", number, 7))


def call_message(request_id: int, function: Callable[..., None] | str, *args: Any) -> bytes:
    if isinstance(function, str):
        return encode_client_message(CallReducer(request_id, function, b"".join(args)))
    definition = reducer_definition_of(function)
    return encode_client_message(
        CallReducer(request_id, definition.name, arguments_encoder(definition.parameters)(args))
    )


def contents(database: Database) -> dict[str, list[Any]]:
    """Return all rows of the module's tables, after comparing each index with a scan."""
    for each in database.tables:
        for index in each.stored:
            held = sum(
                len(b[1] if isinstance(b, tuple) else b) for b in index.buckets.values() if hasattr(b, "__len__")
            )
            assert held == len(each.rows) or type(index).__name__ == "KeyIndex"
    return {each.name: list(each) for each in database.tables}
