"""After any loss the client comes back by itself, and tells the net difference exactly once."""

import asyncio
from pathlib import Path

import pytest

from agent_spaces.client import (
    ClientOptions,
    ConnectionClosedError,
    ConnectionRefusedByHostError,
    DbConnection,
    HostUnreachableError,
    OutcomeUnknownError,
    ReconnectedEvent,
    connect,
)
from agent_spaces.fabric.reducers.messages import delete_message, edit_message
from agent_spaces.fabric.tables import Message
from agent_spaces.testing.host import HostProcess, running_host
from agent_spaces.testing.proxy import FlakyNetwork
from client.hosts import MESSAGES, SCHEMA, registered, say, until


class Listener:
    """Notes what callbacks are told about messages."""

    def __init__(self, conn: DbConnection) -> None:
        self.heard: list[tuple[str, ...]] = []
        self.events: list[object] = []
        table = conn.cache[Message]
        table.on_insert(lambda ctx, row: self._note(ctx.event, "insert", row.content))
        table.on_update(lambda ctx, old, new: self._note(ctx.event, "update", old.content, new.content))
        table.on_delete(lambda ctx, row: self._note(ctx.event, "delete", row.content))

    def _note(self, event: object, *what: str) -> None:
        self.heard.append(what)
        self.events.append(event)


def _message(conn: DbConnection, content: str) -> Message:
    (found,) = conn.cache[Message].where(content=content)
    return found


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
async def test_what_happened_while_away_is_told_once_as_the_net_difference(
    shared_host: HostProcess, reset: bool
) -> None:
    async with (
        FlakyNetwork(shared_host.url) as network,
        await registered(shared_host.url) as ann,
        connect(network.url, database="spaces", token=ann.token, schema=SCHEMA) as conn,
    ):
        for content in (f"stays {reset}", f"changes {reset}", f"goes {reset}"):
            await say(ann, content)
        await conn.subscribe(MESSAGES)
        stays, goes = _message(conn, f"stays {reset}"), _message(conn, f"goes {reset}")
        changes, listener = _message(conn, f"changes {reset}"), Listener(conn)
        lost: list[str] = []
        conn.on_disconnect.append(lost.append)
        network.refuses = True
        network.cut(reset=reset)
        await until(lambda: conn.state == "reconnecting")

        assert conn.cache[Message].find(goes.id) == goes
        await ann.call(edit_message, changes.id, f"changed {reset}")
        await ann.call(delete_message, goes.id)
        await say(ann, f"comes {reset}")
        await say(ann, f"came and went {reset}")
        await ann.subscribe(MESSAGES)
        await ann.call(delete_message, _message(ann, f"came and went {reset}").id)
        network.refuses = False
        await until(lambda: conn.state == "connected")

        assert sorted(listener.heard) == [
            ("delete", f"goes {reset}"),
            ("insert", f"comes {reset}"),
            ("update", f"changes {reset}", f"changed {reset}"),
        ]
        assert listener.events == [ReconnectedEvent()] * 3
        assert len(lost) == 1
        assert conn.cache[Message].find(stays.id) == stays
        assert {row.id: row for row in conn.cache[Message]} == {row.id: row for row in ann.cache[Message]}
        await say(ann, f"afterwards {reset}")
        await until(lambda: ("insert", f"afterwards {reset}") in listener.heard)


async def test_a_killed_host_comes_back_with_everything_that_was_answered(tmp_path: Path) -> None:
    async with running_host(tmp_path / "data") as host, await registered(host.url) as conn:
        await conn.subscribe(MESSAGES)
        listener = Listener(conn)
        again = asyncio.Event()
        conn.on_reconnect.append(again.set)
        identity, connection_id = conn.identity, conn.connection_id
        await say(conn, "before")
        await host.kill()
        await until(lambda: conn.state == "reconnecting")
        waiting = asyncio.create_task(say(conn, "while away"))
        await host.start()
        async with asyncio.timeout(60):
            await again.wait()
            await waiting

        assert [row.content for row in conn.cache[Message]] == ["before", "while away"]
        assert listener.heard == [("insert", "before"), ("insert", "while away")]
        assert (conn.identity, conn.connection_id == connection_id) == (identity, False)
        await conn.wait_connected()


async def test_a_call_whose_answer_is_lost_ends_as_unknown_and_may_have_happened(shared_host: HostProcess) -> None:
    async with (
        FlakyNetwork(shared_host.url) as network,
        await registered(shared_host.url) as ann,
        connect(network.url, database="spaces", token=ann.token, schema=SCHEMA) as conn,
    ):
        await ann.subscribe(MESSAGES)
        network.hold_answers()
        call = asyncio.create_task(say(conn, "did it happen?"))
        await until(lambda: bool(ann.cache[Message].where(content="did it happen?")))
        network.cut()
        network.release_answers()

        with pytest.raises(OutcomeUnknownError, match="send_message"):
            await call
        await conn.wait_connected()
        assert len(await conn.query(f"{MESSAGES} AND content = 'did it happen?'")) == 1


async def test_a_call_with_a_client_key_is_repeated_until_its_outcome_is_known(shared_host: HostProcess) -> None:
    async with (
        FlakyNetwork(shared_host.url) as network,
        await registered(shared_host.url) as ann,
        connect(network.url, database="spaces", token=ann.token, schema=SCHEMA) as conn,
    ):
        await ann.subscribe(MESSAGES)
        for _ in range(2):
            network.hold_answers()
            call = asyncio.create_task(say(conn, "exactly once", "key-1"))
            await until(lambda: bool(ann.cache[Message].where(content="exactly once")))
            network.cut()
            network.release_answers()
            await call
        await say(conn, "exactly once", "key-1")

        assert len(await conn.query(f"{MESSAGES} AND content = 'exactly once'")) == 1


async def test_subscriptions_and_queries_that_were_not_answered_are_asked_again(shared_host: HostProcess) -> None:
    async with FlakyNetwork(shared_host.url) as network, await registered(shared_host.url) as ann:
        await say(ann, "to be found")
        async with connect(network.url, database="spaces", token=ann.token, schema=SCHEMA) as conn:
            network.hold_answers()
            in_cache: list[int] = []
            first, second, query = (
                asyncio.create_task(conn.subscribe(MESSAGES)),
                asyncio.create_task(conn.subscribe("SELECT * FROM channel")),
                asyncio.create_task(conn.query(MESSAGES)),
            )
            first.add_done_callback(lambda _: in_cache.append(len(conn.cache[Message])))
            await asyncio.sleep(0)
            network.cut()
            network.release_answers()
            async with asyncio.timeout(60):
                await asyncio.gather(first, second, query)

            assert in_cache[0] == len(conn.cache[Message]) > 0
            assert first.result().state == second.result().state == "active"
            assert "to be found" in {row.content for row in query.result()}


async def test_an_unsubscription_that_was_not_answered_ends_with_its_rows_gone(shared_host: HostProcess) -> None:
    async with FlakyNetwork(shared_host.url) as network, await registered(shared_host.url) as ann:
        await say(ann, "soon gone")
        async with connect(network.url, database="spaces", token=ann.token, schema=SCHEMA) as conn:
            subscription = await conn.subscribe(MESSAGES)
            network.hold_answers()
            ending = asyncio.create_task(subscription.unsubscribe())
            await asyncio.sleep(0)
            network.cut()
            network.release_answers()
            async with asyncio.timeout(60):
                await ending

            assert subscription.state == "ended"
            assert len(conn.cache[Message]) == 0
            assert not conn.subscriptions
            await subscription.unsubscribe()


async def test_without_reconnection_a_loss_ends_the_connection(shared_host: HostProcess) -> None:
    async with FlakyNetwork(shared_host.url) as network:
        options = ClientOptions(reconnect=False)
        conn = await connect(network.url, database="spaces", schema=SCHEMA, options=options)
        network.cut()
        await until(lambda: conn.state == "closed")

        with pytest.raises(HostUnreachableError, match="closed the connection"):
            await conn.query(MESSAGES)
        await conn.close()


async def test_a_silent_host_is_given_up_and_found_again(tmp_path: Path) -> None:
    async with running_host(tmp_path / "data") as host:
        options = ClientOptions(ping_seconds=0.2)
        async with connect(host.url, database="spaces", schema=SCHEMA, options=options) as conn:
            host.pause()
            await until(lambda: conn.state == "reconnecting")
            host.go_on()
            await until(lambda: conn.state == "connected")


async def test_a_token_that_the_host_no_longer_takes_ends_the_connection(tmp_path: Path) -> None:
    async with running_host(tmp_path / "data") as host:
        conn = await connect(host.url, database="spaces", schema=SCHEMA)
        await host.kill()
        for name in ("id_ecdsa", "id_ecdsa.pub", "owner.token"):
            (host.folder / name).unlink()
        await host.start()
        await until(lambda: conn.state == "closed")

        with pytest.raises(ConnectionRefusedByHostError) as refusal:
            await conn.query(MESSAGES)
        assert refusal.value.status == 401
        await conn.close()


async def test_closing_ends_what_waits(shared_host: HostProcess) -> None:
    async with FlakyNetwork(shared_host.url) as network:
        conn = await connect(network.url, database="spaces", schema=SCHEMA)
        network.hold_answers()
        call = asyncio.create_task(say(conn, "never mind"))
        keyed = asyncio.create_task(say(conn, "never mind", "key-2"))
        query = asyncio.create_task(conn.query(MESSAGES))
        subscription = asyncio.create_task(conn.subscribe(MESSAGES))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await conn.close()

        outcomes = await asyncio.gather(call, keyed, query, subscription, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [
            OutcomeUnknownError,
            OutcomeUnknownError,
            ConnectionClosedError,
            ConnectionClosedError,
        ]
        with pytest.raises(ConnectionClosedError):
            await say(conn, "too late")
