"""The opening handshake of `/v1/database/:name/subscribe`: what is checked, and the answer.

Source: SpacetimeDB 2.8.3, seen: order of the checks, status codes and texts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from agent_spaces.gateway.callers import RequestRefusedError
from agent_spaces.gateway.session import SessionV2, SessionV3
from agent_spaces.gateway.site import Site
from agent_spaces.gateway.tokens import Caller
from agent_spaces.gateway.ws_frames import accept_key
from agent_spaces.sats.special import ConnectionId

SUBSCRIBE_PATH = re.compile(r"/v1/database/([^/]+)/subscribe")
SESSIONS: dict[str, type[SessionV2]] = {"v3.bsatn.spacetimedb": SessionV3, "v2.bsatn.spacetimedb": SessionV2}
COMPRESSIONS = ("None", "Brotli", "Gzip")
QUERY_FIELDS_MAX = 32
Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Upgrade:
    """An accepted handshake: the bytes that answer it and the session that follows."""

    answer: bytes
    session: SessionV2


def header(headers: Headers, name: bytes) -> str | None:
    """Return a header, several of one name joined by commas; names are lower-case."""
    found = [value for key, value in headers if key == name]
    return b", ".join(found).decode("latin-1") if found else None


def query_fields(query: bytes) -> dict[str, str]:
    """Return the parameters of a URL, the first of each name; 400 if there are too many."""
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX)
    except ValueError:
        raise RequestRefusedError(400, "Failed to deserialize query string: too many parameters") from None
    return dict(reversed(pairs))


def _check_query(fields: dict[str, str]) -> None:
    def refuse(reason: str) -> RequestRefusedError:
        return RequestRefusedError(400, f"Failed to deserialize query string: {reason}")

    compression = fields.get("compression", "None")
    if compression not in COMPRESSIONS:
        raise refuse(f"unknown variant `{compression}`, expected one of `None`, `Brotli`, `Gzip`")
    if {fields.get("confirmed", "true"), fields.get("light", "false")} - {"true", "false"}:
        raise refuse("provided string was not `true` or `false`")


def _connection_id(fields: dict[str, str], site: Site) -> ConnectionId:
    text = fields.get("connection_id")
    if text is None:
        return site.new_connection_id()
    try:
        chosen = ConnectionId.from_hex(text)
    except ValueError as error:
        raise RequestRefusedError(400, f"Failed to deserialize query string: {error}") from None
    if not any(chosen):
        raise RequestRefusedError(400, "Invalid connection ID: the all-zeros ConnectionId is reserved.")
    return chosen


def _check_upgrade(headers: Headers) -> tuple[str, bytes]:
    """Return the subprotocol that is spoken and the handshake's key."""
    connection = {part.strip().lower() for part in (header(headers, b"connection") or "").split(",")}
    if "upgrade" not in connection or (header(headers, b"upgrade") or "").strip().lower() != "websocket":
        text = "This service requires use of the websocket protocol"
        raise RequestRefusedError(426, text, {"connection": "upgrade", "upgrade": "websocket"})
    if (header(headers, b"sec-websocket-version") or "").strip() != "13":
        raise RequestRefusedError(400, "`Sec-WebSocket-Version` header did not include '13'")
    key = header(headers, b"sec-websocket-key")
    if key is None:
        raise RequestRefusedError(400, "`Sec-WebSocket-Key` header missing")
    offered = {part.strip() for part in (header(headers, b"sec-websocket-protocol") or "").split(",")}
    for name in SESSIONS:
        if name in offered:
            return name, key.strip().encode("latin-1")
    text = "no valid protocol selected"
    if any(name.startswith("v1.") for name in offered):
        text += "; v1 is not spoken here, update the client to one of v2 or v3"
    raise RequestRefusedError(400, text)


def identity_headers(caller: Caller) -> dict[str, str]:
    """Return the headers that tell a caller who it is; every answer about a database has them."""
    return {"spacetime-identity": caller.identity.hex(), "spacetime-identity-token": caller.token}


def plan_upgrade(site: Site, path: str, query: bytes, headers: Headers) -> Upgrade:
    """Check a request for a socket; RequestRefusedError says how to answer otherwise."""
    site.gate.check_source(header(headers, b"host"), header(headers, b"origin"))
    fields = query_fields(query)
    caller = site.gate.caller_or_new(header(headers, b"authorization"), fields.get("token"))
    try:
        match = SUBSCRIBE_PATH.fullmatch(path)
        assert match is not None, "the door only asks for this path"
        _check_query(fields)
        connection_id = _connection_id(fields, site)
        site.check_database(match[1])
        protocol, key = _check_upgrade(headers)
    except RequestRefusedError as refusal:
        refusal.headers.update(identity_headers(caller))
        raise
    session = SESSIONS[protocol](
        site.database, caller, connection_id, site.config.incoming_messages_max, site.turnstile, site.rates
    )
    lines = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-accept": accept_key(key).decode(),
        "sec-websocket-protocol": protocol,
        **identity_headers(caller),
        "access-control-allow-origin": "*",
    }
    return Upgrade(head_bytes(101, lines), session)


_PHRASES = {
    101: "Switching Protocols",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


def head_bytes(status: int, headers: dict[str, str]) -> bytes:
    """Return the head of an answer that is written without the HTTP library."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} {_PHRASES[status]}\r\n{lines}\r\n".encode("latin-1")


def refusal_bytes(refusal: RequestRefusedError) -> bytes:
    """Return the whole answer to a refused handshake; the connection ends behind it."""
    body = refusal.text.encode()
    lines = {
        "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(body)),
        "connection": "close",
        "access-control-allow-origin": "*",
    }
    return head_bytes(refusal.status, lines | refusal.headers) + body
