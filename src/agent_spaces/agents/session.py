"""An agent's connection: calls that are repeated until their outcome is known, and names wherever ids are meant."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from agent_spaces.agents.errors import UnknownPlaceError
from agent_spaces.agents.hints import hint_for
from agent_spaces.agents.keys import Key, key_for
from agent_spaces.client import (
    CallResult,
    ClientOptions,
    ClientSchema,
    DbConnection,
    OutcomeUnknownError,
    ReducerFailedError,
    connect,
)
from agent_spaces.client.address import Address
from agent_spaces.fabric import queries
from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.reducers.direct import send_dm, start_dm
from agent_spaces.fabric.reducers.messages import send_message
from agent_spaces.fabric.tables import Channel, DirectConversation, DirectMessage, IdempotencyKey, Message, UserProfile
from agent_spaces.fabric.types import MessageType
from agent_spaces.sats import Identity

T = TypeVar("T")
_TOO_MANY = re.compile(r"Too many calls at once; try again in ([0-9.]+) s\.")
_IDENTITY = re.compile(r"[0-9A-Fa-f]{64}")  # longer than any username
KEY_USED = "This client key was used for another call."


@dataclass(frozen=True, slots=True)
class Author:
    """Who somebody is. `is_agent` is what they said of themselves, once and for ever; the identity is checked."""

    identity: Identity
    name: str
    is_agent: bool

    def __str__(self) -> str:
        return f"@{self.name}"


@dataclass(frozen=True, slots=True)
class Sent:
    """What a call with a client key made. `duplicate`: an earlier call with the key had made it."""

    id: int
    key: str
    duplicate: bool


def spaces_schema() -> ClientSchema:
    """Return the schema of Spaces without asking a host."""
    return ClientSchema.of(
        [table.row_class for table in SPACES.tables.values() if table.public],
        [reducer.function for reducer in SPACES.reducers.values() if reducer.callable_by_clients],
    )


async def open_connection(address: Address, token: str, options: ClientOptions | None = None) -> DbConnection:
    """Return a connection as the token's identity; HostUnreachableError, ConnectionRefusedByHostError."""
    return await connect(
        address.base, database=address.database, token=token, schema=spaces_schema(), options=options or ClientOptions()
    )


class Session:
    """What every part of an agent asks of its connection."""

    def __init__(self, connection: DbConnection) -> None:
        self.connection = connection
        self.me: Identity = connection.identity
        self._authors: dict[Identity, Author] = {}
        self._channels: dict[int, Channel] = {}
        self._conversations: dict[Identity, DirectConversation] = {}

    async def settle(self, reducer: Callable[..., None], *args: Any) -> CallResult:
        """Call a reducer that may be repeated without harm, until its outcome is known."""
        while True:
            try:
                return await self.call(reducer, *args)
            except OutcomeUnknownError:
                await self.connection.wait_connected()

    async def send(self, reducer: Callable[..., None], args: dict[str, Any], key: str | None) -> Sent:
        """Call a reducer once for its client key and tell what it made.

        Of an automatic key, which a handler's earlier run has used with other words, the earlier call counts.
        """
        chosen = key_for(key)
        try:
            return await self._send(reducer, args, chosen)
        except ReducerFailedError as refusal:
            if not chosen.automatic or refusal.text != KEY_USED:
                raise
        [used] = await self.rows(queries.key_used(chosen.text))
        if used.action == reducer.__name__:
            return Sent(used.ref_id, chosen.text, duplicate=True)
        return await self._send(reducer, args, Key(f"{chosen.text}/{reducer.__name__}"))

    async def _send(self, reducer: Callable[..., None], args: dict[str, Any], key: Key) -> Sent:
        call = asyncio.ensure_future(self.call(reducer, **args, client_key=key.text))
        await asyncio.sleep(0)  # the call is on its way before the question what it made
        look = asyncio.ensure_future(self.rows(queries.key_used(key.text)))
        try:
            result = await call
            found: list[IdempotencyKey] = await look
        finally:
            call.cancel()
            look.cancel()
            await asyncio.gather(call, look, return_exceptions=True)
        if not found:  # the question had overtaken a call that was sent again
            found = await self.rows(queries.key_used(key.text))
        return Sent(found[0].ref_id, key.text, duplicate=int(found[0].created_at) != result.timestamp)

    async def call(self, reducer: str | Callable[..., None], *args: Any, **kwargs: Any) -> CallResult:
        """Call a reducer, and again after the seconds that the host says where it lets nobody call so often.

        ReducerFailedError has the host's words, and as a note what would be possible instead.
        """
        while True:
            try:
                return await self.connection.call(reducer, *args, **kwargs)
            except ReducerFailedError as refusal:
                wait = _TOO_MANY.fullmatch(refusal.text)
                if wait is None:
                    hint = hint_for(refusal.text)
                    if hint is not None:
                        refusal.add_note(hint)
                    raise
                await asyncio.sleep(float(wait[1]))

    async def rows(self, sql: str) -> list[Any]:
        """Return the rows of one query."""
        return await self.connection.query(sql)

    async def author(self, identity: Identity) -> Author:
        """Return who an identity is; the start of its hex text for somebody without a name."""
        known = self._authors.get(identity)
        if known is not None:
            return known
        found: list[UserProfile] = await self.rows(queries.profile_of(identity))
        if not found:
            return Author(identity, identity.short(), is_agent=False)
        self._authors[identity] = Author(identity, found[0].username, found[0].is_agent)
        return self._authors[identity]

    async def identity_of(self, person: str | Author | Identity) -> Identity:
        """Return whose name this is, or whose identity in hex; UnknownPlaceError if nobody has the name."""
        if isinstance(person, Author):
            return person.identity
        if isinstance(person, Identity):
            return person
        if _IDENTITY.fullmatch(person):
            return Identity.from_hex(person)
        name = person.removeprefix("@")
        found: list[UserProfile] = await self.rows(queries.profile_named(name))
        if not found:
            raise UnknownPlaceError(f"There is nobody called @{name}.")
        return found[0].identity

    async def channel(self, place: str | int) -> Channel:
        """Return a channel by id or by name (`#general`, `general`, `7`); UnknownPlaceError says what is wrong."""
        name = str(place).removeprefix("#").lower()
        by_id = isinstance(place, int) or (not place.startswith("#") and name.isdigit())
        found = self._known(name, by_id=by_id)
        if len(found) != 1:
            self._channels = {channel.id: channel for channel in await self.rows("SELECT * FROM channel")}
            found = self._known(name, by_id=by_id)
        if not found:
            raise UnknownPlaceError(f"There is no channel {place} that this agent can see.")
        if len(found) > 1:
            ids = ", ".join(str(channel.id) for channel in found)
            raise UnknownPlaceError(f"Several servers have a channel {place}: give its id, one of {ids}.")
        return found[0]

    def _known(self, name: str, *, by_id: bool) -> list[Channel]:
        if by_id:
            channel = self._channels.get(int(name))
            return [] if channel is None else [channel]
        return [channel for channel in self._channels.values() if channel.name.lower() == name]

    async def conversation_with(self, person: str | Author | Identity) -> DirectConversation:
        """Return the conversation with somebody, opened if there was none."""
        other = await self.identity_of(person)
        known = self._conversations.get(other)
        if known is not None:
            return known
        await self.settle(start_dm, other)
        for row in await self.rows("SELECT * FROM direct_conversation"):
            self._conversations[row.participant_b if row.participant_a == self.me else row.participant_a] = row
        return self._conversations[other]

    async def post(
        self,
        channel_id: int,
        text: str,
        *,
        kind: MessageType = MessageType.TEXT,
        thread_id: int | None = None,
        reply_to_id: int | None = None,
        meta: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Sent:
        """Send a message to a channel."""
        args = {
            "channel_id": channel_id,
            "content": text,
            "message_type": kind,
            "thread_id": thread_id,
            "reply_to_id": reply_to_id,
            "meta": None if meta is None else json.dumps(meta, ensure_ascii=False),
        }
        return await self.send(send_message, args, key)

    async def write(
        self,
        conversation_id: int,
        text: str,
        *,
        reply_to_id: int | None = None,
        meta: dict[str, Any] | None = None,
        key: str | None = None,
    ) -> Sent:
        """Send a message to the other one of a conversation of two."""
        args = {
            "conversation_id": conversation_id,
            "content": text,
            "reply_to_id": reply_to_id,
            "meta": None if meta is None else json.dumps(meta, ensure_ascii=False),
        }
        return await self.send(send_dm, args, key)

    async def message_row(self, message_id: int) -> Message | None:
        """Return a message's row, None if it is gone."""
        found: list[Message] = await self.rows(f"SELECT * FROM message WHERE id = {message_id}")
        return found[0] if found else None

    async def direct_row(self, message_id: int) -> DirectMessage | None:
        """Return a direct message's row, None if it is gone."""
        found: list[DirectMessage] = await self.rows(f"SELECT * FROM direct_message WHERE id = {message_id}")
        return found[0] if found else None
