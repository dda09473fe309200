"""Against a real host: what a connection promises while it holds."""

import asyncio
from typing import Annotated, Any

import pytest
import structlog

from agent_spaces.client import (
    ConnectionRefusedByHostError,
    EventContext,
    HostFailedError,
    HostUnreachableError,
    QueryFailedError,
    ReducerEvent,
    ReducerFailedError,
    SubscriptionFailedError,
    TransactionEvent,
    UnknownNameError,
    connect,
)
from agent_spaces.errors import DefinitionError
from agent_spaces.fabric.reducers.channels import start_typing
from agent_spaces.fabric.reducers.messages import send_message
from agent_spaces.fabric.reducers.users import register_user
from agent_spaces.fabric.tables import Channel, Message, TypingIndicator, UserProfile
from agent_spaces.fabric.types import ChannelType, MessageType
from agent_spaces.module import PrimaryKey, ReducerContext, reducer, table
from agent_spaces.sats import u8, u64
from agent_spaces.testing.host import HostProcess
from agent_spaces.wire.client_side import encode_client_message
from agent_spaces.wire.messages import CallReducer
from client.hosts import GENERAL, MESSAGES, SCHEMA, registered, say, until


@table("channel", public=True)
class OtherChannel:
    id: Annotated[u64, PrimaryKey()]


@table("no_such_table", public=True)
class Nowhere:
    id: Annotated[u8, PrimaryKey()]


@reducer
def start_dm(ctx: ReducerContext, recipient: str) -> None: ...


async def test_when_a_call_returns_its_rows_are_in_the_cache_and_callbacks_have_run(shared_host: HostProcess) -> None:
    async with await registered(shared_host.url) as ann, await registered(shared_host.url) as ben:
        heard: list[tuple[str, object, int]] = []

        def note(ctx: EventContext, row: Message) -> None:
            heard.append((row.content, ctx.event, len(ctx.connection.cache[Message].where(content=row.content))))

        for conn in (ann, ben):
            await conn.subscribe(MESSAGES)
            conn.cache[Message].on_insert(note)
        result = await ann.call(send_message, GENERAL, "once", MessageType.TEXT, None, None, None, None)

        assert heard[0] == ("once", ReducerEvent("send_message", result.timestamp), 1)
        await until(lambda: len(heard) == 2)
        assert heard[1] == ("once", TransactionEvent(), 1)


async def test_optional_arguments_may_be_left_out(shared_host: HostProcess) -> None:
    async with await registered(shared_host.url) as conn:
        await conn.subscribe(MESSAGES)
        await conn.call("send_message", channel_id=GENERAL, content="short", message_type=MessageType.TEXT)

        assert conn.cache[Message].where(content="short")[0].meta is None


async def test_a_refusal_says_why_and_changes_nothing(shared_host: HostProcess) -> None:
    async with connect(shared_host.url, database="spaces", schema=SCHEMA) as visitor:
        with pytest.raises(ReducerFailedError, match=r"^Register first: call register_user\.$") as refusal:
            await say(visitor, "hi")
        assert (refusal.value.reducer, refusal.value.code) == ("send_message", "reducer_failed")


async def test_a_call_the_host_cannot_run_is_the_hosts_failure(shared_host: HostProcess) -> None:
    async with await registered(shared_host.url) as conn:
        broken = conn.schema.reducers["send_message"]
        conn.schema.reducers["no_such_reducer"] = type(broken)("no_such_reducer", ())
        with pytest.raises(HostFailedError, match="no such reducer"):
            await conn.call("no_such_reducer")
        assert encode_client_message(CallReducer(1, "no_such_reducer", b""))


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((), {}, "needs channel_id"),
        ((1, "x"), {"contents": "y"}, "has no parameter contents"),
        ((1, "x"), {"channel_id": 2}, "got channel_id twice"),
        ((1,) * 8, {}, "takes 7 arguments, not 8"),
        (("1", "x", MessageType.TEXT), {}, "channel_id"),
        ((2**64, "x", MessageType.TEXT), {}, "channel_id"),
        ((1, "\ud800", MessageType.TEXT), {}, "content"),
    ],
)
async def test_a_wrong_argument_is_named_before_anything_is_sent(
    shared_host: HostProcess, args: tuple[Any, ...], kwargs: dict[str, Any], words: str
) -> None:
    async with connect(shared_host.url, database="spaces", schema=SCHEMA) as conn:
        with pytest.raises(UnknownNameError, match=words):
            await conn.call("send_message", *args, **kwargs)
        assert not conn.calls


async def test_bad_queries_are_refused_in_the_hosts_words_and_leave_the_rest_alone(shared_host: HostProcess) -> None:
    async with await registered(shared_host.url) as conn:
        with pytest.raises(SubscriptionFailedError, match="no such table: `nothing`"):
            await conn.subscribe(MESSAGES, "SELECT * FROM nothing")
        with pytest.raises(QueryFailedError, match="no such table: `nothing`"):
            await conn.query("SELECT * FROM nothing")

        assert not conn.subscriptions
        assert [row.name for row in await conn.query("SELECT * FROM channel WHERE id = 1")] == ["general"]


async def test_a_callback_that_raises_is_logged_and_harms_nobody(shared_host: HostProcess) -> None:
    async with await registered(shared_host.url) as conn:
        heard: list[str] = []

        def faulty(ctx: EventContext, row: Message) -> None:
            raise RuntimeError(row.content)

        table = conn.cache[Message]
        table.on_insert(faulty)
        remove = table.on_insert(lambda ctx, row: heard.append(row.content))
        with structlog.testing.capture_logs() as logs:
            await conn.subscribe(MESSAGES, on_applied=lambda: heard.append(1 / 0))  # type: ignore[arg-type]
            heard.clear()
            await say(conn, "first")
        remove()
        await say(conn, "second")

        assert heard == ["first"]
        assert {entry["event"] for entry in logs} == {"callback.failed"}
        assert len(table.where(content="second")) == 1


async def test_event_rows_are_told_and_never_kept(shared_host: HostProcess) -> None:
    async with await registered(shared_host.url) as conn:
        heard: list[TypingIndicator] = []
        conn.cache[TypingIndicator].on_insert(lambda ctx, row: heard.append(row))
        await conn.subscribe("SELECT * FROM typing_indicator")
        await conn.call(start_typing, GENERAL)

        assert [row.identity for row in heard] == [conn.identity]
        assert len(conn.cache[TypingIndicator]) == 0


async def test_rows_stay_as_long_as_one_subscription_holds_them(shared_host: HostProcess) -> None:
    async with await registered(shared_host.url) as conn:
        wide = await conn.subscribe("SELECT * FROM channel WHERE server_id = 1", "SELECT * FROM channel WHERE id = 1")
        narrow = await conn.subscribe("SELECT * FROM channel WHERE id = 1")
        deleted: list[int] = []
        conn.cache[Channel].on_delete(lambda ctx, row: deleted.append(row.id))
        held = {row.id for row in conn.cache[Channel]}
        await wide.unsubscribe()

        assert {row.id for row in conn.cache[Channel]} == {1}
        assert sorted(deleted) == sorted(held - {1})
        await narrow.unsubscribe()
        assert len(conn.cache[Channel]) == 0


async def test_a_saved_token_brings_the_identity_back(shared_host: HostProcess) -> None:
    async with await registered(shared_host.url, "again") as conn:
        identity, token = conn.identity, conn.token
    async with connect(shared_host.url, database="spaces", token=token, schema=SCHEMA) as conn:
        assert conn.identity == identity
        profile = await conn.query(f"SELECT * FROM user_profile WHERE identity = 0x{identity.hex()}")
        assert profile[0].username.startswith("again-")


async def test_any_database_can_be_talked_to_without_its_classes(shared_host: HostProcess) -> None:
    async with connect(shared_host.url, database="spaces") as conn:
        await conn.call("register_user", username="dynamic", display_name=None, is_agent=True)
        await conn.subscribe("SELECT * FROM user_profile WHERE username = 'dynamic'", "SELECT * FROM channel")

        (profile,) = conn.cache["user_profile"]
        assert (profile.username, profile.is_agent, profile.identity) == ("dynamic", True, conn.identity)
        assert conn.cache["channel"].find(2).channel_type.name == "AGENT_LOG"


async def test_ones_own_classes_take_the_place_of_those_made_from_the_schema(shared_host: HostProcess) -> None:
    async with connect(shared_host.url, database="spaces") as conn:
        await conn.call(register_user, "adopter", None, False)
        await conn.subscribe("SELECT * FROM channel")
        assert not isinstance(conn.cache["channel"].find(2), Channel)

        channel = conn.cache[Channel].find(2)
        assert isinstance(channel, Channel)
        assert channel.channel_type is ChannelType.AGENT_LOG
        assert all(isinstance(row, Channel) for row in conn.cache["channel"])
        await conn.call(send_message, GENERAL, "own enum", MessageType.TEXT, None, None, None, None)
    async with connect(shared_host.url, database="spaces", tables=[UserProfile], reducers=[register_user]) as conn:
        assert conn.schema.table("user_profile").row_class is UserProfile


async def test_classes_and_functions_that_do_not_fit_are_refused(shared_host: HostProcess) -> None:
    for tables, reducers, words in (
        ([OtherChannel], [], "table channel has other columns than OtherChannel"),
        ([Nowhere], [], "no table no_such_table"),
        ([], [start_dm], "reducer start_dm takes other arguments"),
    ):
        with pytest.raises(DefinitionError, match=words):
            await connect(shared_host.url, database="spaces", tables=tables, reducers=reducers)
    async with connect(shared_host.url, database="spaces") as conn:
        with pytest.raises(DefinitionError, match="other columns"):
            conn.cache[OtherChannel]
        with pytest.raises(DefinitionError, match="other arguments"):
            await conn.call(start_dm, "somebody")
        with pytest.raises(UnknownNameError, match="no table nowhere"):
            conn.cache["nowhere"]


async def test_a_host_that_is_not_there_or_says_no_is_told_apart(shared_host: HostProcess) -> None:
    with pytest.raises(HostUnreachableError, match="Nobody answers at"):
        await connect("http://127.0.0.1:1", database="spaces", schema=SCHEMA)
    with pytest.raises(HostUnreachableError, match="Nobody answers at"):
        await connect("http://127.0.0.1:1", database="spaces")
    for schema in (SCHEMA, None):
        with pytest.raises(ConnectionRefusedByHostError) as refusal:
            await connect(shared_host.url, database="no-such-database", schema=schema)
        assert refusal.value.status == 404
        with pytest.raises(ConnectionRefusedByHostError) as refusal:
            await connect(shared_host.url, database="spaces", token="not.a.token", schema=schema)
        assert refusal.value.status == 401


async def test_many_calls_at_once_are_answered_each_for_itself(shared_host: HostProcess) -> None:
    async with await registered(shared_host.url) as conn:
        await conn.subscribe(MESSAGES)
        results = await asyncio.gather(*(say(conn, f"at once {i}") for i in range(200)), return_exceptions=True)

        assert results == [None] * 200
        contents = [row.content for row in sorted(conn.cache[Message], key=lambda row: row.seq)]
        assert [text for text in contents if text.startswith("at once")] == [f"at once {i}" for i in range(200)]
