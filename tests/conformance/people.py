"""Who takes part in a test: identities, servers and channels that no other test knows of."""

import secrets
from collections.abc import Awaitable, Callable

from conformance.raw import Client, Row, Target

Connect = Callable[..., Awaitable[Client]]


class People:
    """Makes persons, agents and servers with fresh names."""

    def __init__(self, connect: Connect, target: Target) -> None:
        self._connect, self._target = connect, target

    async def owner(self) -> Client:
        """Connect as the owner of the database."""
        return await self._connect(self._target.owner_token)

    async def visitor(self, token: str | None = None) -> Client:
        return await self._connect(token)

    async def person(self, *, is_agent: bool = False) -> Client:
        client = await self._connect()
        await client.ok("register_user", fresh("p"), None, is_agent)
        return client

    async def agent(self, *skills: str) -> Client:
        client = await self.person(is_agent=True)
        if skills:
            await client.ok("set_agent_card", "helps", list(skills), None)
        return client

    async def server(self, owner: Client) -> Row:
        name = fresh("server")
        await owner.ok("create_server", name, None, None)
        return await owner.one(f"SELECT * FROM server WHERE name = '{name}'")

    async def channel(self, admin: Client, server_id: int, kind: str = "text") -> Row:
        name = fresh("channel")
        await admin.ok("create_channel", server_id, name, kind, None)
        return await admin.one(f"SELECT * FROM channel WHERE server_id = {server_id} AND name = '{name}'")

    async def community(self, members: int = 1) -> tuple[Row, Row, Client, list[Client]]:
        """Return a server, its channel general, its owner and so many members who have joined."""
        owner = await self.person()
        server = await self.server(owner)
        general = await owner.one(f"SELECT * FROM channel WHERE server_id = {server['id']}")
        joined = [await self.person() for _ in range(members)]
        for member in joined:
            await member.ok("join_server", server["id"])
        return server, general, owner, joined


def fresh(stem: str) -> str:
    """Return a name that nothing else has."""
    return f"{stem}-{secrets.token_hex(5)}"


async def say(
    client: Client, channel_id: int, content: str, reply_to: int | None = None, thread: int | None = None
) -> Row:
    """Send a Text message and return its row."""
    key = fresh("key")
    await client.ok("send_message", channel_id, content, "text", thread, reply_to, key, None)
    used = await client.one(f"SELECT * FROM idempotency_key WHERE client_key = '{key}'")
    return await client.one(f"SELECT * FROM message WHERE id = {used['ref_id']}")
