"""MCP over stdio for one identity, and over streamable HTTP for many, each with a token of its own."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from agent_spaces.agents.tool_kit import Profile
from agent_spaces.client import Address, ConnectionRefusedByHostError
from agent_spaces.errors import SpacesError
from agent_spaces.integrations.mcp.door import Door

CALLERS_MAX = 200  # connected at once; the one that was quiet longest makes room
PATH = "/mcp"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


async def serve_stdio(address: Address, token: str, *, profile: Profile = "core", channel: bool = False) -> None:
    """Serve the host that started this process, until it closes standard input."""
    async with Door.open(address, token, profile=profile, channel=channel) as door, stdio_server() as (read, write):
        options = door.server.create_initialization_options(experimental_capabilities=door.experimental())
        await door.server.run(read, write, options)


class _Caller:
    """A door with its own HTTP sessions, kept open by a task of its own: what is opened there is closed there."""

    def __init__(self, address: Address, token: str, profile: Profile, security: TransportSecuritySettings) -> None:
        self._address, self._token, self._profile, self._security = address, token, profile, security
        self.app: StreamableHTTPASGIApp | None = None
        self.identity = ""
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self._task = asyncio.create_task(self._live())

    async def ready(self) -> None:
        """Wait until it can be used; the error that opening it met otherwise."""
        await asyncio.shield(self._ready)

    async def close(self) -> None:
        """End its sessions and its connection."""
        self._over.set()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _live(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                door = await stack.enter_async_context(Door.open(self._address, self._token, profile=self._profile))
                manager = StreamableHTTPSessionManager(app=door.server, security_settings=self._security)
                await stack.enter_async_context(manager.run())
                self.app, self.identity = StreamableHTTPASGIApp(manager), door.box.session.me.hex()
                self._ready.set_result(None)
                await self._over.wait()
        except Exception as error:
            if self._ready.done():
                raise
            self._ready.set_exception(error)
            self._ready.exception()  # whoever waits gets it; perhaps nobody does


class Callers:
    """An ASGI application: one door for each token; requests without a good token are refused."""

    def __init__(self, address: Address, profile: Profile, security: TransportSecuritySettings) -> None:
        self._address, self._profile, self._security = address, profile, security
        self._callers: OrderedDict[str, _Caller] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request as its token's identity."""
        token = _bearer(scope)
        if token is None:
            await _refused(401, "Send the token of your Spaces login as Authorization: Bearer.")(scope, receive, send)
            return
        try:
            caller = await self._caller(token)
        except ConnectionRefusedByHostError as error:
            status = 401 if error.status in (401, 403) else 502
            await _refused(status, "The Spaces host does not accept this token.")(scope, receive, send)
            return
        except (SpacesError, TimeoutError) as error:
            await _refused(503, str(error) or "The Spaces host does not answer.")(scope, receive, send)
            return
        assert caller.app is not None, "a caller that is ready has its application"
        access = AccessToken(token=token, client_id=caller.identity, scopes=[], subject=caller.identity)
        scope["user"] = AuthenticatedUser(access)
        await caller.app(scope, receive, send)

    async def close(self) -> None:
        """Close every door."""
        callers, self._callers = list(self._callers.values()), OrderedDict()
        await asyncio.gather(*(caller.close() for caller in callers))

    async def _caller(self, token: str) -> _Caller:
        key = hashlib.sha256(token.encode()).hexdigest()
        caller = self._callers.get(key)
        if caller is None:
            caller = self._callers[key] = _Caller(self._address, token, self._profile, self._security)
        self._callers.move_to_end(key)
        if len(self._callers) > CALLERS_MAX:
            _, quiet = self._callers.popitem(last=False)
            await quiet.close()
        try:
            await caller.ready()
        except Exception:
            self._callers.pop(key, None)
            raise
        return caller


def http_app(
    address: Address, *, profile: Profile = "core", hosts: tuple[str, ...] = (), origins: tuple[str, ...] = ()
) -> Starlette:
    """Return the application to serve at PATH.

    It answers requests for this machine's own names, and `hosts` (`name:port`, `name:*`); pages of other `origins` than
    this machine's are refused, so that a web page cannot reach it through somebody's browser.
    """
    security = TransportSecuritySettings(
        allowed_hosts=[*(f"{name}:*" for name in _LOOPBACK), *hosts],
        allowed_origins=[*(f"http://{name}:*" for name in _LOOPBACK), *origins],
    )
    callers = Callers(address, profile, security)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        try:
            yield
        finally:
            await callers.close()

    return Starlette(routes=[Route(PATH, endpoint=callers)], lifespan=lifespan)


def _bearer(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            kind, _, token = value.decode("latin-1").partition(" ")
            return token.strip() or None if kind.lower() == "bearer" else None
    return None


def _refused(status: int, text: str) -> Response:
    return PlainTextResponse(text, status, {"www-authenticate": "Bearer"} if status == 401 else None)
