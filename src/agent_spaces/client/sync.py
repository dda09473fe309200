"""The client for code without asyncio: the same connection, run by an event loop on a thread of its own.

    with connect_sync("http://127.0.0.1:3000", database="spaces") as conn:
        conn.cache[Message].on_insert(show)
        conn.subscribe("SELECT * FROM message WHERE channel_id = 7")
        conn.call(send_message, channel_id=7, content="hello")

Methods block until what they ask for is done, and raise the errors of the asynchronous client. They may be called from
any thread but the connection's own, on which callbacks run: a callback may read the cache but not wait for an answer.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

from agent_spaces.client.cache import TableCache
from agent_spaces.client.calls import CallResult
from agent_spaces.client.connecting import connect
from agent_spaces.client.connection import ClientOptions, DbConnection, State
from agent_spaces.client.errors import ClientError, ConnectionClosedError
from agent_spaces.client.schema import ClientSchema
from agent_spaces.client.subscription import State as SubscriptionState
from agent_spaces.client.subscription import Subscription
from agent_spaces.module import ReducerContext
from agent_spaces.sats import ConnectionId, Identity

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class _LoopThread:
    """A thread that runs an event loop until it is stopped."""

    def __init__(self, answer_seconds: float | None) -> None:
        self._answer_seconds = answer_seconds
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()  # between handing over work and stopping
        self._stopped = False
        self._thread = threading.Thread(target=self._main, name="spaces-client", daemon=True)
        self._thread.start()

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def wait_for(self, work: Callable[[], Coroutine[Any, Any, T]], seconds: float | None = None) -> T:
        """Run a coroutine on the thread and return what it returns.

        TimeoutError after `seconds`, or else the seconds that were given for every answer; the work is then canceled.
        """
        if threading.current_thread() is self._thread:
            raise ClientError("A callback runs on the connection's own thread, and cannot wait there for an answer.")
        with self._lock:
            if self._stopped:
                raise ConnectionClosedError("The connection was closed.")
            future = asyncio.run_coroutine_threadsafe(work(), self._loop)
        patience = self._answer_seconds if seconds is None else seconds
        try:
            return future.result(patience)
        except TimeoutError:
            if future.done():
                raise
            future.cancel()
            raise TimeoutError(f"no answer came within {patience} seconds") from None
        except BaseException:
            future.cancel()
            raise

    def do(self, work: Callable[[], T]) -> T:
        """Run a function between two messages of the host, on the thread, and return what it returns."""
        if self._stopped or threading.current_thread() is self._thread:
            return work()

        async def on_the_loop() -> T:
            return work()

        return self.wait_for(on_the_loop)

    def stop(self) -> None:
        """Stop the loop and wait for the thread to end."""
        with self._lock:
            if not self._stopped:
                self._stopped = True
                self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


class SyncTableCache(Generic[R]):
    """The cached rows of one table; what is read is never in the middle of a transaction."""

    def __init__(self, thread: _LoopThread, table: Callable[[], TableCache[R]]) -> None:
        self._thread, self._table = thread, table

    def __len__(self) -> int:
        return self._thread.do(lambda: len(self._table()))

    def __iter__(self) -> Iterator[R]:
        return iter(self._thread.do(lambda: list(self._table())))

    def __contains__(self, row: object) -> bool:
        return self._thread.do(lambda: row in self._table())

    def find(self, key: Any) -> R | None:
        """Return the row with this primary key, or None; TypeError if the table has no primary key."""
        return self._thread.do(lambda: self._table().find(key))

    def where(self, **equals: Any) -> list[R]:
        """Return the rows whose columns equal the given values, looking at every cached row."""
        return self._thread.do(lambda: self._table().where(**equals))

    def on_insert(self, callback: Callable[..., None]) -> Callable[[], None]:
        """Call `callback(ctx, row)` on the connection's thread for each row that comes; returns what ends it."""
        return self._ending(self._thread.do(lambda: self._table().on_insert(callback)))

    def on_update(self, callback: Callable[..., None]) -> Callable[[], None]:
        """Call `callback(ctx, old, new)` on the connection's thread for each row that changes."""
        return self._ending(self._thread.do(lambda: self._table().on_update(callback)))

    def on_delete(self, callback: Callable[..., None]) -> Callable[[], None]:
        """Call `callback(ctx, row)` on the connection's thread for each row that goes."""
        return self._ending(self._thread.do(lambda: self._table().on_delete(callback)))

    def _ending(self, remove: Callable[[], None]) -> Callable[[], None]:
        return lambda: self._thread.do(remove)


class SyncCache:
    """The cached tables, by row class or by name: `conn.cache[Message]`."""

    def __init__(self, thread: _LoopThread, connection: DbConnection) -> None:
        self._thread, self._connection = thread, connection

    @overload
    def __getitem__(self, table: type[R]) -> SyncTableCache[R]: ...
    @overload
    def __getitem__(self, table: str) -> SyncTableCache[Any]: ...
    def __getitem__(self, table: "str | type[Any]") -> SyncTableCache[Any]:
        self._thread.do(lambda: self._connection.cache[table])  # raises at once if there is no such table
        return SyncTableCache(self._thread, lambda: self._connection.cache[table])


class SyncSubscription:
    """A handle on one query set: `unsubscribe()` ends it; `error` tells why the host ended it."""

    def __init__(self, thread: _LoopThread, subscription: Subscription) -> None:
        self._thread, self._subscription = thread, subscription

    @property
    def queries(self) -> tuple[str, ...]:
        """The queries that were registered."""
        return self._subscription.queries

    @property
    def state(self) -> SubscriptionState:
        """Whether it is pending, active, ending or ended."""
        return self._subscription.state

    @property
    def error(self) -> str | None:
        """The host's words, if the host ended it."""
        return self._subscription.error

    def unsubscribe(self) -> None:
        """End it; returns when its rows have left the cache. Once ended, it does nothing."""
        if self.state != "ended":
            self._thread.wait_for(self._subscription.unsubscribe)


class SyncDbConnection:
    """One identity's connection to one database, for code without asyncio; made by `connect_sync()`."""

    def __init__(self, thread: _LoopThread, connection: DbConnection) -> None:
        self._thread, self._connection = thread, connection
        self.cache = SyncCache(thread, connection)

    @property
    def identity(self) -> Identity:
        """Who this connection acts as."""
        return self._connection.identity

    @property
    def connection_id(self) -> ConnectionId:
        """Which connection this is; another one after a loss."""
        return self._connection.connection_id

    @property
    def token(self) -> str | None:
        """The token to save, to be the same identity next time."""
        return self._connection.token

    @property
    def state(self) -> State:
        """Whether it is connecting, connected, reconnecting or closed."""
        return self._connection.state

    @overload
    def call(
        self, reducer: Callable[Concatenate[ReducerContext, P], None], /, *args: P.args, **kwargs: P.kwargs
    ) -> CallResult: ...
    @overload
    def call(self, reducer: str, /, *args: Any, **kwargs: Any) -> CallResult: ...
    def call(self, reducer: Any, /, *args: Any, **kwargs: Any) -> CallResult:
        """Call a reducer; returns once it is committed, durable, and what it changed is in the cache.

        Raises what DbConnection.call raises, and TimeoutError: the call may then still happen.
        """
        return self._thread.wait_for(lambda: self._connection.call(reducer, *args, **kwargs))

    def subscribe(self, *queries: str, on_applied: Callable[[], None] | None = None) -> SyncSubscription:
        """Register queries as one set; returns when their rows are in the cache. Raises SubscriptionFailedError."""
        subscription = self._thread.wait_for(lambda: self._connection.subscribe(*queries, on_applied=on_applied))
        return SyncSubscription(self._thread, subscription)

    def query(self, sql: str) -> list[Any]:
        """Return the rows of one query, without keeping them. Raises QueryFailedError."""
        return self._thread.wait_for(lambda: self._connection.query(sql))

    def wait_connected(self, seconds: float | None = None) -> None:
        """Wait until the connection is there; TimeoutError after `seconds`, ConnectionClosedError if it is gone."""
        self._thread.wait_for(self._connection.wait_connected, seconds)

    def close(self) -> None:
        """Close it for good and end its thread. The cache can still be read."""
        try:
            self._thread.wait_for(self._connection.close)
        except ConnectionClosedError:
            return
        self._thread.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect_sync(
    host: str,
    *,
    database: str,
    token: str | None = None,
    tables: Iterable[type[Any]] = (),
    reducers: Iterable[Callable[..., None]] = (),
    schema: ClientSchema | None = None,
    options: ClientOptions | None = None,
    answer_seconds: float | None = None,
) -> SyncDbConnection:
    """Connect to a database and return the connection; `with` closes it.

    `answer_seconds` is how long any answer is waited for, for ever if not said. Else as `connect()`.
    """
    opening = connect(
        host, database=database, token=token, tables=tables, reducers=reducers, schema=schema, options=options
    )

    async def opened() -> DbConnection:
        return await opening

    thread = _LoopThread(answer_seconds)
    try:
        return SyncDbConnection(thread, thread.wait_for(opened))
    except BaseException:
        thread.stop()
        raise
