"""Routes about identities: making them, checking tokens, short tokens for sockets."""

from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from agent_spaces.gateway.callers import RequestRefusedError
from agent_spaces.gateway.requests import credentials, json_response, site_of
from agent_spaces.sats.special import Identity

if TYPE_CHECKING:
    from starlette.requests import Request


def _identity(request: "Request") -> Identity:
    """Return the identity in the path: 64 hex digits without 0x."""
    text: str = request.path_params["identity"]
    try:
        digits = bytes.fromhex(text)
    except ValueError:
        reason = f'invalid value: string "{text}", expected a byte array or hex string'
        raise RequestRefusedError(400, f"Invalid URL: {reason}") from None
    if len(digits) != Identity.size:
        amount = "few" if len(digits) < Identity.size else "many"
        raise RequestRefusedError(400, f"Invalid URL: too {amount} elements for array")
    return Identity(digits[::-1])


async def create_identity(request: "Request") -> Response:
    """Make a new identity with a token that never expires; tokens sent along are not looked at."""
    caller = site_of(request).gate.new_caller()
    return json_response({"identity": caller.identity.hex(), "token": caller.token})


async def websocket_token(request: "Request") -> Response:
    """Give a token for the same identity that lasts a minute, for the URL of a socket."""
    site = site_of(request)
    caller = site.gate.known_caller(*credentials(request))
    return json_response({"token": site.tokens.websocket_token(caller)})


async def public_key(request: "Request") -> Response:
    """Give the key that this host's tokens are checked with."""
    return Response(site_of(request).tokens.public_pem, media_type="application/pem-certificate-chain")


async def verify(request: "Request") -> Response:
    """Say whether the token is that identity's."""
    identity = _identity(request)
    caller = site_of(request).gate.known_caller(*credentials(request))
    return Response(status_code=204 if caller.identity == identity else 400)


async def databases(request: "Request") -> Response:
    """List the databases that an identity owns here."""
    identity = _identity(request)
    database = site_of(request).database
    return json_response({"identities": [database.identity.hex()] if identity == database.owner else []})


async def energy(request: "Request") -> Response:
    """Say that nothing is charged here."""
    _identity(request)
    return json_response({"balance": "0"})


ROUTES = [
    Route("/v1/identity", create_identity, methods=["POST"]),
    Route("/v1/identity/public-key", public_key, methods=["GET"]),
    Route("/v1/identity/websocket-token", websocket_token, methods=["POST"]),
    Route("/v1/identity/{identity}/verify", verify, methods=["GET"]),
    Route("/v1/identity/{identity}/databases", databases, methods=["GET"]),
    Route("/v1/energy/{identity}", energy, methods=["GET"]),
]
