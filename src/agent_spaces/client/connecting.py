"""`connect()`: the way to a DbConnection."""

from collections.abc import Callable, Coroutine, Generator, Iterable
from types import TracebackType
from typing import Any

from agent_spaces.client.address import Address
from agent_spaces.client.connection import ClientOptions, DbConnection
from agent_spaces.client.over_http import fetch_schema
from agent_spaces.client.schema import ClientSchema


class Connecting:
    """What `connect()` returns: await it for a connection to close yourself, or use it in `async with`."""

    def __init__(self, opening: Callable[[], Coroutine[Any, Any, DbConnection]]) -> None:
        self._opening = opening
        self._connection: DbConnection | None = None

    def __await__(self) -> Generator[Any, None, DbConnection]:
        return self._opening().__await__()

    async def __aenter__(self) -> DbConnection:
        self._connection = await self._opening()
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            await self._connection.close()


def connect(
    host: str,
    *,
    database: str,
    token: str | None = None,
    tables: Iterable[type[Any]] = (),
    reducers: Iterable[Callable[..., None]] = (),
    schema: ClientSchema | None = None,
    options: ClientOptions | None = None,
) -> Connecting:
    """Give a connection to a database, in `async with` or awaited.

    Without a token the host makes a new identity; save `conn.token` to stay it. The tables and reducers are asked of
    the host, and your own typed classes take the place of those made from its answer; a `schema` given saves the
    question. HostUnreachableError, ConnectionRefusedByHostError, DefinitionError.
    """
    address = Address(host, database)

    async def opening() -> DbConnection:
        known = schema
        if known is None:
            known = ClientSchema.from_json(await fetch_schema(address, token))
        connection = DbConnection(
            address,
            known.with_types(tables, reducers) if tables or reducers else known,
            token,
            options or ClientOptions(),
        )
        await connection.open()
        return connection

    return Connecting(opening)
