"""Waiting until a row of the cache is as one wants it."""

# ruff: noqa: ASYNC109 - how long people and agents are waited for is said at the call

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from agent_spaces.agents.errors import UnknownPlaceError
from agent_spaces.client import ClientError, ConnectionClosedError, DbConnection

R = TypeVar("R")


class RowWatch:
    """Wakes who waits for rows, by table and primary key, with one callback a table."""

    def __init__(self, connection: DbConnection) -> None:
        self._connection = connection
        self._waiting: dict[tuple[type[Any], int], set[asyncio.Event]] = {}
        self._tables: set[type[Any]] = set()

    async def until(
        self, table: type[R], key: int, queries: tuple[str, ...], reached: Callable[[R], bool], timeout: float | None
    ) -> R:
        """Subscribe to the queries until the row is as wanted, and return it.

        UnknownPlaceError if there is no such row (any more), TimeoutError after `timeout` seconds.
        """
        self._listen(table)
        woken = asyncio.Event()
        waiting = self._waiting.setdefault((table, key), set())
        waiting.add(woken)
        try:
            async with asyncio.timeout(timeout):
                subscription = await self._connection.subscribe(*queries)
                subscription.ended.add_done_callback(lambda _ended: woken.set())
                try:
                    return await self._reached(table, key, woken, reached)
                finally:
                    with suppress(ClientError):
                        await asyncio.shield(subscription.unsubscribe())
        finally:
            waiting.discard(woken)
            if not waiting:
                self._waiting.pop((table, key), None)

    async def _reached(self, table: type[R], key: int, woken: asyncio.Event, reached: Callable[[R], bool]) -> R:
        while True:
            woken.clear()
            if self._connection.state == "closed":
                raise self._connection.failure or ConnectionClosedError("The connection was closed.")
            row = self._connection.cache[table].find(key)
            if row is None:
                raise UnknownPlaceError(f"There is no {table.__name__.lower()} {key} that this agent can see.")
            if reached(row):
                return row
            await woken.wait()

    def _listen(self, table: type[Any]) -> None:
        if table in self._tables:
            return
        self._tables.add(table)
        cached = self._connection.cache[table]
        assert cached.primary_key is not None, "rows are waited for by their primary key"
        name = cached.primary_key

        def changed(*args: Any) -> None:
            for event in self._waiting.get((table, getattr(args[-1], name)), ()):
                event.set()

        cached.on_insert(changed)
        cached.on_update(changed)
        cached.on_delete(changed)
