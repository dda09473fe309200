"""What route handlers share: the caller of a request, its body, and a short-lived connection around a call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import wraps
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response

from agent_spaces.engine.connection import NOWHERE
from agent_spaces.errors import RefusedError, StorageError
from agent_spaces.gateway.callers import RequestRefusedError
from agent_spaces.gateway.tokens import Caller
from agent_spaces.gateway.upgrade import identity_headers
from agent_spaces.wire.http import BODY_TOO_LONG, json_bytes

if TYPE_CHECKING:
    from starlette.requests import Request

    from agent_spaces.gateway.site import Site
    from agent_spaces.sats.special import ConnectionId

Handler = Callable[["Request"], Awaitable[Response]]
DatabaseHandler = Callable[["Request", Caller], Awaitable[Response]]


def site_of(request: "Request") -> "Site":
    """Return the host that answers."""
    site: Site = request.app.state.site
    return site


def credentials(request: "Request") -> tuple[str | None, str | None]:
    """Return the Authorization header and the token of the query."""
    return request.headers.get("authorization"), request.query_params.get("token")


def json_response(data: object, headers: dict[str, str] | None = None) -> Response:
    """Return compact JSON."""
    return Response(json_bytes(data), media_type="application/json", headers=headers)


def about_database(handler: DatabaseHandler) -> Handler:
    """Make a handler of `/database/:db…`: every answer tells the caller who it is, errors too.

    Without a token the caller gets a new identity for this request. The path's `db` must be this database.
    """

    @wraps(handler)
    async def handle(request: "Request") -> Response:
        site = site_of(request)
        caller = site.gate.caller_or_new(*credentials(request))
        try:
            site.check_database(request.path_params["db"])
            response = await handler(request, caller)
        except RequestRefusedError as refusal:
            response = PlainTextResponse(refusal.text, refusal.status, refusal.headers)
        except StorageError as error:
            response = PlainTextResponse(str(error), 503)
        response.headers.update(identity_headers(caller))
        return response

    return handle


async def read_body(request: "Request") -> bytes:
    """Return the body; 413 if it is longer than http_body_bytes_max, 408 if it takes longer than body_timeout_s."""
    config = site_of(request).config
    body = bytearray()
    try:
        async with asyncio.timeout(config.body_timeout_s):
            async for part in request.stream():
                body += part
                if len(body) > config.http_body_bytes_max:
                    raise RequestRefusedError(413, BODY_TOO_LONG, {"connection": "close"})
    except TimeoutError:
        raise RequestRefusedError(408, "The request's body did not arrive in time.", {"connection": "close"}) from None
    except ClientDisconnect:  # nobody reads the answer; it only ends the request
        raise RequestRefusedError(400, "The request's body did not arrive whole.") from None
    return bytes(body)


@asynccontextmanager
async def short_connection(site: "Site", caller: Caller) -> AsyncIterator["ConnectionId"]:
    """Run client_connected before and client_disconnected after what is done inside; 403 if it refuses."""
    connection_id = site.new_connection_id()
    try:
        connection = site.database.connect(NOWHERE, caller.identity, connection_id, caller.token)
    except RefusedError as error:
        raise RequestRefusedError(403, str(error)) from None
    try:
        yield connection_id
    finally:
        site.database.disconnect(connection)
