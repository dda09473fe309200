"""What every participant of the demo has: an identity of its own, a connection, and AgentEvents in one channel."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from agent_spaces.cli.session import spaces_schema
from agent_spaces.client import Address, ClientOptions, DbConnection, EventContext, connect
from agent_spaces.client.over_http import new_identity
from agent_spaces.fabric import queries
from agent_spaces.fabric.reducers.messages import send_message
from agent_spaces.fabric.reducers.users import register_user
from agent_spaces.fabric.tables import Message
from agent_spaces.fabric.types import MessageType
from agent_spaces.sats import Identity

Event = dict[str, Any]


class Participant:
    """One client of the swarm. `events` are the survey's events so far, in the channel's order."""

    def __init__(self, connection: DbConnection, channel_id: int) -> None:
        self.connection, self.channel_id = connection, channel_id
        self.events: list[tuple[int, Identity, Event]] = []  # (seq, sender, event)
        self.changed = asyncio.Event()
        self.heard: Callable[[Identity, Event], None] | None = None

    async def listen(self) -> None:
        """Take in what the channel has and whatever comes."""
        self.connection.cache[Message].on_insert(self._hear)
        await self.connection.subscribe(queries.messages_in(self.channel_id))

    async def post(self, event: Event, key: str) -> None:
        """Post an event once, however often this is tried with the key."""
        content = msgspec.json.encode(event).decode()
        await self.connection.call(
            send_message, self.channel_id, content, MessageType.AGENT_EVENT, None, None, key, None
        )

    async def say(self, text: str, key: str) -> None:
        """Post a message for people, once."""
        await self.connection.call(send_message, self.channel_id, text, MessageType.TEXT, None, None, key, None)

    def _hear(self, ctx: EventContext, message: Message) -> None:
        del ctx
        if message.message_type != MessageType.AGENT_EVENT:
            return
        event: Event = msgspec.json.decode(message.content)
        self.events.append((message.seq, message.sender, event))
        self.events.sort(key=lambda entry: entry[0])
        if self.heard is not None:
            self.heard(message.sender, event)
        self.changed.set()


async def join(address: Address, username: str, token: str | None) -> tuple[DbConnection, str]:
    """Connect as a new identity, or as the one of a saved token, and register; returns the token to save."""
    if token is None:
        _, token = await new_identity(address)
    connection = await connect(
        address.base, database=address.database, token=token, schema=spaces_schema(), options=ClientOptions()
    )
    if not await connection.query(queries.profile_of(connection.identity)):
        await connection.call(register_user, username, None, True)
    return connection, token
