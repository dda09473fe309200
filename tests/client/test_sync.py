"""The client without asyncio: the same promises, with blocking calls and callbacks on the connection's thread."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_spaces.client import (
    ClientError,
    ConnectionClosedError,
    HostUnreachableError,
    QueryFailedError,
    ReducerFailedError,
    SubscriptionFailedError,
    SyncDbConnection,
    UnknownNameError,
    connect_sync,
)
from agent_spaces.fabric.reducers.messages import send_message
from agent_spaces.fabric.reducers.users import register_user
from agent_spaces.fabric.tables import Message
from agent_spaces.fabric.types import MessageType
from agent_spaces.testing.host import HostProcess
from client.hosts import GENERAL, MESSAGES, SCHEMA


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    host = HostProcess(tmp_path_factory.mktemp("host") / "data")
    with asyncio.Runner() as runner:
        runner.run(host.start())
        yield host.url
        runner.run(host.stop())


@pytest.fixture
def conn(url: str, request: pytest.FixtureRequest) -> Iterator[SyncDbConnection]:
    with connect_sync(url, database="spaces", schema=SCHEMA, answer_seconds=60) as connection:
        connection.call(register_user, f"user-{abs(hash(request.node.name))}", None, False)
        yield connection


def _say(conn: SyncDbConnection, content: str) -> None:
    conn.call(send_message, GENERAL, content, MessageType.TEXT, None, None, None, None)


def test_calls_subscriptions_queries_and_the_cache(conn: SyncDbConnection) -> None:
    heard: list[tuple[str, str]] = []
    table = conn.cache[Message]
    remove = table.on_insert(lambda ctx, row: heard.append((row.content, threading.current_thread().name)))
    subscription = conn.subscribe(MESSAGES)
    _say(conn, "hello")

    assert heard[-1] == ("hello", "spaces-client")
    (row,) = table.where(content="hello")
    assert table.find(row.id) == row
    assert row in table
    assert row in list(table)
    assert conn.query(f"{MESSAGES} AND content = 'hello'") == [row]
    remove()
    _say(conn, "unheard")
    assert heard[-1][0] == "hello"
    subscription.unsubscribe()
    assert (len(table), subscription.state, subscription.error) == (0, "ended", None)


def test_errors_are_those_of_the_asynchronous_client(conn: SyncDbConnection) -> None:
    with pytest.raises(ReducerFailedError, match="cannot be empty"):
        _say(conn, "")
    with pytest.raises(SubscriptionFailedError):
        conn.subscribe("SELECT * FROM nothing")
    with pytest.raises(QueryFailedError):
        conn.query("SELECT * FROM nothing")
    with pytest.raises(UnknownNameError):
        conn.cache["nothing"]
    with pytest.raises(UnknownNameError):
        conn.call("nothing")
    with pytest.raises(HostUnreachableError):
        connect_sync("http://127.0.0.1:1", database="spaces")


def test_a_callback_may_read_the_cache_but_not_wait(conn: SyncDbConnection) -> None:
    seen: list[object] = []

    def callback(ctx: object, row: Message) -> None:
        seen.append(conn.cache[Message].find(row.id) == row)
        try:
            _say(conn, "from a callback")
        except ClientError as error:
            seen.append(str(error))

    conn.subscribe(MESSAGES)
    conn.cache[Message].on_insert(callback)
    _say(conn, "ask")

    assert seen == [True, "A callback runs on the connection's own thread, and cannot wait there for an answer."]


def test_many_threads_may_share_a_connection(conn: SyncDbConnection) -> None:
    conn.subscribe(MESSAGES)
    threads = [threading.Thread(target=_say, args=(conn, f"thread {i}")) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {f"thread {i}" for i in range(20)} <= {row.content for row in conn.cache[Message]}


def test_closing_ends_the_thread_and_keeps_the_cache(url: str) -> None:
    before = threading.active_count()
    conn = connect_sync(url, database="spaces", schema=SCHEMA)
    conn.subscribe("SELECT * FROM server")
    assert (conn.state, threading.active_count()) == ("connected", before + 1)
    conn.close()
    conn.close()

    assert (conn.state, threading.active_count()) == ("closed", before)
    assert [row.name for row in conn.cache["server"]][:1] == ["Spaces Hub"]
    for ask in (lambda: conn.query(MESSAGES), lambda: conn.subscribe(MESSAGES), conn.wait_connected):
        with pytest.raises(ConnectionClosedError):
            ask()


def test_an_answer_that_takes_too_long_is_a_timeout(tmp_path: Path) -> None:
    host = HostProcess(tmp_path / "data")
    with asyncio.Runner() as runner:
        runner.run(host.start())
        with connect_sync(host.url, database="spaces", schema=SCHEMA, answer_seconds=2) as conn:
            host.pause()
            with pytest.raises(TimeoutError, match="within 2 seconds"):
                conn.query(MESSAGES)
            host.go_on()
        runner.run(host.stop())
