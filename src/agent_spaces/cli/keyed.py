"""Calls of commands that make something: sent once for a client key, and answered with the id of what was made."""

from collections.abc import Callable
from secrets import token_hex
from typing import Annotated, Any

import typer

from agent_spaces.cli.failures import NotFoundError
from agent_spaces.client import DbConnection
from agent_spaces.fabric import queries
from agent_spaces.sats import Identity

KeyOption = Annotated[str | None, typer.Option("--key", help="A client key: the same key makes it once.")]


async def made(connection: DbConnection, reducer: Callable[..., None], key: str | None, /, **arguments: Any) -> int:
    """Call a reducer that takes a client key and return the id of what it made, now or before."""
    client_key = key or f"cli/{token_hex(16)}"
    await connection.call(reducer, **arguments, client_key=client_key)
    [used] = await connection.query(queries.key_used(client_key))
    return int(used.ref_id)


async def one(connection: DbConnection, table: str, row_id: int, column: str = "id") -> Any:
    """Return a row by its id; NotFoundError if the caller can see none."""
    found = await connection.query(f"SELECT * FROM {table} WHERE {column} = {row_id}")
    if not found:
        raise NotFoundError(f"There is no {table} {row_id} that you can see.")
    return found[0]


async def person_named(connection: DbConnection, text: str) -> Identity:
    """Return the identity of `@name`, `name` or 64 hex digits; NotFoundError if nobody is called so."""
    name = text.removeprefix("@")
    try:
        return Identity.from_hex(name)
    except ValueError:
        found = await connection.query(queries.profile_named(name))
    if not found:
        raise NotFoundError(f"There is nobody called @{name}.")
    identity: Identity = found[0].identity
    return identity
