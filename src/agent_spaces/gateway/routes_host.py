"""Routes about the host itself: is it alive, what it counts."""

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from agent_spaces.gateway.requests import credentials, json_response, site_of

if TYPE_CHECKING:
    from starlette.requests import Request

# Clients and tools read the version to know what the host can do; COMPAT.md says what is the same.
COMPATIBLE_VERSION = "2.8.3"


async def ping(request: "Request") -> Response:
    """Say that the host answers; a token that is sent along must be good."""
    site_of(request).gate.caller(*credentials(request))
    return Response()


async def health(request: "Request") -> Response:
    """Say what this is."""
    del request
    return json_response(
        {"nodes": [0], "package_name": "spacetimedb-client-api", "schedulable": True, "version": COMPATIBLE_VERSION}
    )


async def metrics(request: "Request") -> Response:
    """Give the figures for Prometheus."""
    site = site_of(request)
    if site.gate.caller(*credentials(request)) is None:
        site.gate.check_anonymous()
    return Response(site.metrics.text(), media_type="text/plain; version=0.0.4")


async def scrape_targets(request: "Request") -> Response:
    """Tell Prometheus where to read them."""
    return json_response([{"targets": [request.headers.get("host", "localhost")], "labels": {}}])


ROUTES = [
    Route("/v1/ping", ping, methods=["GET"]),
    Route("/v1/health", health, methods=["GET"]),
    Route("/v1/metrics", metrics, methods=["GET"]),
    Route("/v1/prometheus/sd_config", scrape_targets, methods=["GET"]),
]
