"""A subscription: queries whose rows the cache holds while it lives."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from agent_spaces.client.connection import DbConnection

State = Literal["pending", "active", "ending", "ended"]


class Subscription:
    """A handle on one query set: `await unsubscribe()` ends it; `error` tells why the host ended it."""

    def __init__(self, connection: "DbConnection", query_set_id: int, queries: tuple[str, ...]) -> None:
        self.query_set_id, self.queries = query_set_id, queries
        self.state: State = "pending"
        self.error: str | None = None
        self.on_applied: Callable[[], None] | None = None
        self.on_error: Callable[[str], None] | None = None
        self._connection = connection
        self.applied: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def unsubscribe(self) -> None:
        """End it; returns when its rows have left the cache. Once ended, it does nothing."""
        await self._connection.end_subscription(self)

    def __repr__(self) -> str:
        return f"Subscription({self.query_set_id}, {self.state}, {', '.join(self.queries)})"
