"""The HTTP API `/v1` as a Starlette app: routes, and what is the same for all of them.

Source: SpacetimeDB 2.8.3, seen, for paths, statuses, headers and texts. Errors are plain text.
"""

from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response

from agent_spaces.gateway import routes_call, routes_database, routes_host, routes_identity, routes_sql
from agent_spaces.gateway.callers import RequestRefusedError
from agent_spaces.gateway.upgrade import header
from agent_spaces.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from agent_spaces.gateway.site import Site

_log = get_logger("gateway")
_VARY = b"origin, access-control-request-method, access-control-request-headers"
_CORS = [(b"vary", _VARY), (b"access-control-allow-origin", b"*")]
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
_PREFLIGHT = {
    "access-control-allow-methods": "*",
    "access-control-allow-headers": "authorization,accept,content-type",
}


class Surroundings:
    """Around every request: who may ask from where, CORS, counting."""

    def __init__(self, app: "ASGIApp", site: "Site") -> None:
        self._app, self._site = app, site

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request."""
        site, method = self._site, scope["method"]
        counted = method if method in _METHODS else "other"

        async def send_on(message: "Message") -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_CORS]
                site.metrics.requests.labels(counted, str(message["status"])).inc()
            await send(message)

        headers = scope["headers"]
        answer: Any = self._app
        try:
            site.gate.check_source(header(headers, b"host"), header(headers, b"origin"))
        except RequestRefusedError as refusal:
            answer = refused(refusal)
        else:
            if method == "OPTIONS" and header(headers, b"access-control-request-method") is not None:
                answer = Response(headers=_PREFLIGHT)
        await answer(scope, receive, send_on)


def refused(refusal: RequestRefusedError) -> Response:
    """Return the answer for a refusal."""
    return PlainTextResponse(refusal.text, refusal.status, refusal.headers)


async def _refused(_request: "Request", error: Exception) -> Response:
    assert isinstance(error, RequestRefusedError)
    return refused(error)


async def _no_route(_request: "Request", error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Response(status_code=error.status_code, headers=error.headers)


async def _broken(request: "Request", error: Exception) -> Response:
    _log.error("request.failed", method=request.method, path=request.url.path, exc_info=error)
    return PlainTextResponse("The host failed to answer; its log says why.", 500)


def http_app(site: "Site", more: "Sequence[BaseRoute]" = ()) -> Starlette:
    """Return the app for one host; `more` are routes behind those of the API."""
    routes = [
        *routes_host.ROUTES,
        *routes_identity.ROUTES,
        *routes_call.ROUTES,
        *routes_sql.ROUTES,
        *routes_database.ROUTES,
        *more,
    ]
    app = Starlette(
        routes=routes,
        middleware=[Middleware(Surroundings, site=site)],
        exception_handlers={RequestRefusedError: _refused, HTTPException: _no_route, Exception: _broken},
    )
    app.router.redirect_slashes = False
    app.state.site = site
    return app
