"""A small module, and a host that serves it on a port of its own."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Annotated, Any

import httpx2
from starlette.routing import BaseRoute

from agent_spaces.clock import ManualClock, SystemRandomness
from agent_spaces.config import HostConfig
from agent_spaces.engine.memory import memory_database
from agent_spaces.errors import RefusedError
from agent_spaces.gateway.keys import SigningKey
from agent_spaces.gateway.serve import Gateway
from agent_spaces.gateway.tokens import Caller, TokenAuthority
from agent_spaces.module import AutoInc, Own, PrimaryKey, ReducerContext, lifecycle_reducer, reducer, table
from agent_spaces.module.definition import Module
from agent_spaces.sats import Identity, Timestamp, u64

KEY = SigningKey.generate()


class Kind(IntEnum):
    TEXT = 0
    AGENT_EVENT = 1


@table("note", public=True)
class Note:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    sender: Identity
    text: str
    thread_id: u64 | None
    kind: Kind
    created_at: Timestamp


@table("secret", public=True, visible_to=Own(("owner",)))
class Secret:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    owner: Identity
    text: str


@table("visit", public=True)
class Visit:
    id: Annotated[u64, PrimaryKey(), AutoInc()]
    identity: Identity
    is_arrival: bool


@lifecycle_reducer
def client_connected(ctx: ReducerContext) -> None:
    if any(secret.text == "locked out" and secret.owner == ctx.sender for secret in ctx.db[Secret]):
        raise RefusedError("You are locked out.")
    ctx.db[Visit].insert(Visit(0, ctx.sender, True))


@lifecycle_reducer
def client_disconnected(ctx: ReducerContext) -> None:
    ctx.db[Visit].insert(Visit(0, ctx.sender, False))


@reducer
def add_note(ctx: ReducerContext, text: str, thread_id: u64 | None, kind: Kind) -> None:
    if not text:
        raise RefusedError("nö: a note cannot be “empty”")
    ctx.db[Note].insert(Note(0, ctx.sender, text, thread_id, kind, ctx.timestamp))


@reducer
def keep_secret(ctx: ReducerContext, text: str) -> None:
    ctx.db[Secret].insert(Secret(0, ctx.sender, text))


@reducer
def noop(ctx: ReducerContext) -> None:
    assert ctx.connection_id is not None


@reducer
def boom(ctx: ReducerContext) -> None:
    raise ZeroDivisionError


PROBE = Module([Note, Secret, Visit], [client_connected, client_disconnected, add_note, keep_secret, noop, boom])


@dataclass
class Host:
    """A running host: its gateway, its owner, and an HTTP client that knows its address."""

    gateway: Gateway
    tokens: TokenAuthority
    owner: Caller
    http: httpx2.AsyncClient
    clock: ManualClock = field(default_factory=ManualClock)

    @property
    def database(self) -> Any:
        return self.gateway.site.database

    @property
    def port(self) -> int:
        return self.gateway.port

    async def call(self, name: str, body: str = "[]", caller: Caller | None = None, **headers: str) -> httpx2.Response:
        sent = {"content-type": "application/json"} | bearer(caller) | headers
        return await self.http.post(f"/v1/database/spaces/call/{name}", content=body.encode(), headers=sent)

    async def sql(self, text: str, caller: Caller | None = None) -> httpx2.Response:
        return await self.http.post("/v1/database/spaces/sql", content=text.encode(), headers=bearer(caller))


def bearer(caller: Caller | None) -> dict[str, str]:
    return {} if caller is None else {"authorization": f"Bearer {caller.token}"}


@asynccontextmanager
async def hosting(routes: Sequence[BaseRoute] = (), **settings: Any) -> AsyncIterator[Host]:
    """Serve the probe module with these settings on a port that the system chooses."""
    config = HostConfig(**({"listen_port": 0, "close_timeout_s": 0.2} | settings))
    clock = ManualClock()
    tokens = TokenAuthority(KEY, clock, SystemRandomness(), config.issuers)
    owner = tokens.mint()
    gateway = Gateway(memory_database(PROBE, clock, owner=owner.identity), config, tokens, clock=clock, routes=routes)
    await gateway.start()
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}", trust_env=False) as http:
        try:
            yield Host(gateway, tokens, owner, http, clock)
        finally:
            await gateway.stop()
