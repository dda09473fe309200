"""A command's connection to Spaces, and the look-ups that let people write names where ids are meant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent_spaces.cli.failures import NotFoundError
from agent_spaces.cli.settings import Target
from agent_spaces.client import ClientOptions, ClientSchema, DbConnection, connect
from agent_spaces.fabric import queries
from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.tables import Channel, UserProfile
from agent_spaces.module import definition_of
from agent_spaces.sats import Identity


def spaces_schema() -> ClientSchema:
    """Return the schema of Spaces without asking a host."""
    return ClientSchema.of(
        [table.row_class for table in SPACES.tables.values() if table.public],
        [reducer.function for reducer in SPACES.reducers.values() if reducer.callable_by_clients],
    )


@asynccontextmanager
async def connected(target: Target, *, reconnect: bool = False) -> AsyncIterator[DbConnection]:
    """Give a connection as the signed-in identity."""
    options = ClientOptions(reconnect=reconnect)
    address = target.address
    async with connect(
        address.base, database=address.database, token=target.signed_in(), schema=spaces_schema(), options=options
    ) as connection:
        yield connection


async def channel_named(connection: DbConnection, text: str, server_id: int | None = None) -> Channel:
    """Return a channel by id (`7`) or name (`#general`, `general`) among those the caller may see.

    NotFoundError if there is none, or if several servers have one of that name.
    """
    name = text.removeprefix("#")
    if name.isdigit():
        found: list[Channel] = await connection.query(queries.channel(int(name)))
    else:
        sql = f"SELECT * FROM {definition_of(Channel).name}" if server_id is None else queries.channels_of(server_id)
        found = [c for c in await connection.query(sql) if c.name.lower() == name.lower()]
    if not found:
        raise NotFoundError(f"There is no channel {text} that you can see. List them with: spaces channels")
    if len(found) > 1:
        places = ", ".join(f"{c.id} (server {c.server_id})" for c in sorted(found, key=lambda c: c.id))
        raise NotFoundError(f"Several servers have a channel {text}: write its id, one of {places}.")
    return found[0]


async def names_of(connection: DbConnection, identities: set[Identity]) -> dict[Identity, str]:
    """Return the usernames of identities; the start of the hex text for visitors."""
    names = {identity: identity.short() for identity in identities}
    for identity in sorted(identities):
        for profile in await connection.query(queries.profile_of(identity)):
            names[identity] = profile.username
    return names


async def own_profile(connection: DbConnection) -> UserProfile | None:
    """Return the caller's profile, None for a visitor."""
    found: list[UserProfile] = await connection.query(queries.profile_of(connection.identity))
    return found[0] if found else None
