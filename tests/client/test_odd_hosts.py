"""What a client does when a host breaks a subscription, sends garbage, forgets rows or points elsewhere."""

import asyncio
from typing import Annotated, Any

import pytest

from agent_spaces.client import (
    ClientOptions,
    ClientSchema,
    ConnectionRefusedByHostError,
    DbConnection,
    Subscription,
    UnknownNameError,
    connect,
)
from agent_spaces.errors import DecodeError, DefinitionError
from agent_spaces.module import PrimaryKey, ReducerContext, reducer, table
from agent_spaces.module.definition import Module
from agent_spaces.sats import Timestamp, u8
from agent_spaces.sats.bsatn import row_encoder
from agent_spaces.wire.messages import (
    CallReducer,
    OneOffQuery,
    OneOffQueryResult,
    PersistentTable,
    QueryRows,
    QuerySetUpdate,
    ReducerOk,
    ReducerOkEmpty,
    ReducerResult,
    SingleTableRows,
    Subscribe,
    SubscribeApplied,
    SubscriptionError,
    TableUpdate,
    TransactionUpdate,
    Unsubscribe,
    UnsubscribeApplied,
)
from client.hosts import until
from client.scripted_host import Gate, Visit, scripted_host, silent


@table("thing", public=True)
class Thing:
    id: Annotated[u8, PrimaryKey()]
    value: u8


@table("thing", public=True)
class WiderThing:
    id: Annotated[u8, PrimaryKey()]
    value: u8
    more: u8


@reducer
def touch(ctx: ReducerContext, value: u8, client_key: str | None = None) -> None: ...


SCHEMA = ClientSchema.of([Thing], [touch])
RAW = row_encoder(Thing)
QUERY = "SELECT * FROM thing"


def _rows(*things: Thing) -> QueryRows:
    return QueryRows([SingleTableRows("thing", [RAW(thing) for thing in things])])


def _update(query_set_id: int, inserts: list[bytes], deletes: list[bytes], name: str = "thing") -> TransactionUpdate:
    return TransactionUpdate([QuerySetUpdate(query_set_id, [TableUpdate(name, [PersistentTable(inserts, deletes)])])])


async def _answer(visit: Visit, *things: Thing) -> Subscribe:
    asked = await visit.receive(Subscribe)
    await visit.send(SubscribeApplied(asked.request_id, asked.query_set_id, _rows(*things)))
    return asked


def _connect(url: str, **options: Any) -> Any:
    return connect(url, database="x", schema=SCHEMA, **options)


async def test_a_subscription_that_breaks_late_ends_and_its_rows_go() -> None:
    broken = Gate()

    async def script(visit: Visit) -> None:
        if visit.number == 1:
            await _answer(visit, Thing(1, 1))
            second = await _answer(visit, Thing(1, 1), Thing(2, 2))
            await broken.passed()
            await visit.send(SubscriptionError(None, second.query_set_id, "the table is gone"))
            await visit.stay()
        await _answer(visit, Thing(1, 1))
        await visit.stay()

    async with scripted_host(script) as url, _connect(url) as conn:
        kept, late = await conn.subscribe(QUERY), await conn.subscribe(QUERY)
        told: list[str] = []
        late.on_error = told.append
        broken.open()
        await until(lambda: len(conn.cache[Thing]) == 1)

        assert (told, late.state, late.error) == (["the table is gone"], "ended", "the table is gone")
        assert kept.state == "active"
        assert list(conn.subscriptions.values()) == [kept]
        await late.unsubscribe()


async def test_a_set_that_breaks_while_rows_are_compared_is_compared_again_without_it() -> None:
    cut = Gate()

    async def script(visit: Visit) -> None:
        if visit.number == 1:
            await _answer(visit, Thing(1, 1))
            await _answer(visit, Thing(2, 2))
            await cut.passed()
            return
        first = await _answer(visit, Thing(1, 1))
        if visit.number == 2:
            await visit.send(SubscriptionError(None, first.query_set_id, "broken again"))
            await visit.stay()
        await visit.stay()

    async with scripted_host(script) as url, _connect(url) as conn:
        first, second = await conn.subscribe(QUERY), await conn.subscribe(QUERY)
        cut.open()
        await until(lambda: list(conn.cache[Thing]) == [Thing(1, 1)])

        assert (first.state, second.state) == ("ended", "active")


async def test_a_host_that_does_not_say_which_rows_went_is_asked_on_a_new_connection() -> None:
    async def script(visit: Visit) -> None:
        if visit.number == 1:
            await _answer(visit, Thing(1, 1))
            asked = await visit.receive(Unsubscribe)
            await visit.send(UnsubscribeApplied(asked.request_id, asked.query_set_id, None))
        await visit.stay()

    async with scripted_host(script) as url, _connect(url) as conn:
        subscription = await conn.subscribe(QUERY)
        await subscription.unsubscribe()
        await until(lambda: len(conn.cache[Thing]) == 0)


@pytest.mark.parametrize("garbage", [b"", b"\x00", b"\x00\xff", b"\x09abc", b"\x02not gzip", "row"])
async def test_garbage_costs_the_connection_and_nothing_else(garbage: bytes | str) -> None:
    async def script(visit: Visit) -> None:
        asked = await _answer(visit, Thing(1, 1))
        if visit.number == 1:
            if isinstance(garbage, str):
                await visit.send(_update(asked.query_set_id, [RAW(Thing(3, 3)), b"\x01"], [RAW(Thing(1, 1))]))
            else:
                await visit.send_bytes(garbage)
        await visit.stay()

    async with scripted_host(script) as url, _connect(url) as conn:
        heard: list[object] = []
        again = asyncio.Event()
        conn.on_reconnect.append(again.set)
        conn.cache[Thing].on_insert(lambda ctx, row: heard.append(row))
        conn.cache[Thing].on_delete(lambda ctx, row: heard.append(row))
        await conn.subscribe(QUERY)
        async with asyncio.timeout(60):
            await again.wait()

        assert heard == [Thing(1, 1)]
        assert list(conn.cache[Thing]) == [Thing(1, 1)]


async def test_a_call_whose_rows_cannot_be_read_does_not_wait_for_ever() -> None:
    async def script(visit: Visit) -> None:
        call = await visit.receive(CallReducer)
        if visit.number == 1:
            outcome = ReducerOk(b"", _update(1, [b"\x01"], []))
            await visit.send(ReducerResult(call.request_id, Timestamp(1), outcome))
        else:
            await visit.send(ReducerResult(call.request_id, Timestamp(2), ReducerOkEmpty()))
        await visit.stay()

    async with scripted_host(script) as url, _connect(url) as conn, asyncio.timeout(60):
        assert (await conn.call(touch, 1, "key")).timestamp == 2


async def test_rows_that_cannot_be_read_because_the_table_changed_end_the_connection_in_a_sentence() -> None:
    async def script(visit: Visit) -> None:
        await visit.send(_update(1, [b"\x01\x02\x03"], []))
        await visit.stay()

    async with scripted_host(script, schema=Module([WiderThing], [touch]).schema_v10()) as url:
        conn: DbConnection = await _connect(url)
        await until(lambda: conn.state == "closed")

        with pytest.raises(DefinitionError, match="The database's table thing has other columns now"):
            await conn.query(QUERY)
        await conn.close()


async def test_rows_of_an_unknown_table_end_the_connection_with_its_name() -> None:
    async def script(visit: Visit) -> None:
        await visit.send(_update(1, [b"\x01"], [], "stranger"))
        await visit.stay()

    async with scripted_host(script) as url:
        conn: DbConnection = await _connect(url)
        await until(lambda: conn.state == "closed")

        with pytest.raises(UnknownNameError, match="no table stranger"):
            await conn.subscribe(QUERY)
        await conn.close()


async def test_a_query_whose_rows_cannot_be_read_fails_alone() -> None:
    async def script(visit: Visit) -> None:
        for table_name, raw in (("stranger", b"\x01\x01"), ("thing", b"\x01"), ("thing", b"\x01\x01\x01")):
            asked = await visit.receive(OneOffQuery)
            await visit.send(OneOffQueryResult(asked.request_id, QueryRows([SingleTableRows(table_name, [raw])])))
        await visit.stay()

    async with scripted_host(script) as url, _connect(url) as conn:
        with pytest.raises(UnknownNameError):
            await conn.query("SELECT * FROM stranger")
        with pytest.raises(DecodeError):
            await conn.query(QUERY)
        with pytest.raises(DecodeError, match="left over"):
            await conn.query(QUERY)
        assert conn.state == "connected"


async def test_a_host_that_throws_its_clients_out_is_visited_less_and_less_often() -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def script(visit: Visit) -> None:
        return

    options = ClientOptions(random=lambda: 0.5, sleep=sleep)
    async with scripted_host(script) as url, _connect(url, options=options):
        await until(lambda: len(waits) >= 5)

    assert waits[:5] == pytest.approx([0.05, 0.1, 0.1, 0.125, 0.1875])


async def test_a_redirect_is_not_followed_so_that_the_token_stays_here() -> None:
    async with scripted_host(silent) as elsewhere:
        location = elsewhere.replace("http", "ws") + "/v1/database/x/subscribe"
        async with scripted_host(silent, location=location) as url:
            with pytest.raises(ConnectionRefusedByHostError, match="307"):
                await _connect(url, token="secret")


async def test_a_token_that_was_given_is_kept_and_the_first_one_saved_otherwise() -> None:
    async with scripted_host(silent) as url:
        async with _connect(url, token="own") as conn:
            assert conn.token == "own"
        async with _connect(url) as conn:
            assert conn.token == "token-2"


async def test_a_subscription_that_was_given_up_while_pending_leaves_nothing() -> None:
    asked, go_on = Gate(), Gate()

    async def script(visit: Visit) -> None:
        subscribe = await visit.receive(Subscribe)
        asked.open()
        await go_on.passed()
        await visit.send(SubscribeApplied(subscribe.request_id, subscribe.query_set_id, _rows(Thing(1, 1))))
        end = await visit.receive(Unsubscribe)
        await visit.send(UnsubscribeApplied(end.request_id, end.query_set_id, _rows(Thing(1, 1))))
        await visit.stay()

    async with scripted_host(script) as url, _connect(url) as conn:
        told: list[str] = []
        waiting: asyncio.Task[Subscription] = asyncio.create_task(
            conn.subscribe(QUERY, on_applied=lambda: told.append("applied"))
        )
        await asked.passed()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        go_on.open()
        await until(lambda: not conn.subscriptions)

        assert (len(conn.cache[Thing]), told) == (0, [])
