"""What the tests of the client against a real host share."""

import asyncio
from collections.abc import Callable

from agent_spaces.client import ClientSchema, DbConnection, connect
from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.reducers.messages import send_message
from agent_spaces.fabric.reducers.users import register_user
from agent_spaces.fabric.types import MessageType

SCHEMA = ClientSchema.of(
    [table.row_class for table in SPACES.tables.values() if table.public],
    [reducer.function for reducer in SPACES.reducers.values() if reducer.callable_by_clients],
)
GENERAL = 1
MESSAGES = f"SELECT * FROM message WHERE channel_id = {GENERAL}"
_names = iter(range(1_000_000))


async def registered(url: str, name: str = "user") -> DbConnection:
    """Give a connection of somebody new with a username of their own."""
    conn = await connect(url, database="spaces", schema=SCHEMA)
    await conn.call(register_user, f"{name}-{next(_names)}", None, False)
    return conn


async def say(conn: DbConnection, content: str, client_key: str | None = None) -> None:
    await conn.call(send_message, GENERAL, content, MessageType.TEXT, None, None, client_key, None)


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds; TimeoutError if it does not."""
    async with asyncio.timeout(60):
        while not condition():  # anything may be asked, and most of it sets no event
            await asyncio.sleep(0.005)
