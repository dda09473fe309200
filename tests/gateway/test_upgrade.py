"""The opening handshake: who is let in, and what everybody else is told."""

import asyncio

import pytest

from gateway.probe import Host, hosting
from gateway.ws_client import connect

PATH = "/v1/database/spaces/subscribe"
V2, V3 = "v2.bsatn.spacetimedb", "v3.bsatn.spacetimedb"


def protocol(name: str) -> str:
    return f"Sec-WebSocket-Protocol: {name}\r\n"


async def head_of(port: int, path: str = PATH, headers: str = protocol(V2)) -> tuple[int, dict[str, str]]:
    async with connect(port, path, headers) as client:
        status, *lines = client.head.decode().strip().split("\r\n")
        return int(status.split()[1]), dict(line.split(": ", 1) for line in lines)


async def body_of(port: int, request: bytes) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def request(path: str = PATH, **changes: str | None) -> bytes:
    headers: dict[str, str | None] = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "keep-alive, Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Protocol": V2,
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(V2, V2), (V3, V3), (f"{V3}, {V2}", V3), (f"{V2}, {V3}", V3), (f"v1.bsatn.spacetimedb, {V2}", V2)],
)
async def test_the_newest_offered_protocol_is_chosen(host: Host, offered: str, chosen: str) -> None:
    status, headers = await head_of(host.port, headers=protocol(offered))

    assert status == 101
    assert headers["sec-websocket-protocol"] == chosen
    assert headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    caller = host.tokens.verify(headers["spacetime-identity-token"])
    assert caller.identity.hex() == headers["spacetime-identity"]


async def test_a_token_comes_by_header_or_query(host: Host) -> None:
    caller = host.tokens.mint()
    by_header = f"Authorization: Bearer {caller.token}\r\n{protocol(V2)}"
    for path, headers in ((PATH, by_header), (f"{PATH}?token={caller.token}", protocol(V2))):
        status, answer = await head_of(host.port, path, headers)
        assert (status, answer["spacetime-identity"]) == (101, caller.identity.hex())


@pytest.mark.parametrize(
    "query",
    [
        "compression=Gzip&confirmed=false",
        "compression=Brotli&light=true",
        "compression=None",
        "foo=bar",
        "connection_id=0102030405060708090a0b0c0d0e0f10",
    ],
)
async def test_known_parameters_are_accepted_and_unknown_ones_ignored(host: Host, query: str) -> None:
    assert (await head_of(host.port, f"{PATH}?{query}"))[0] == 101


@pytest.mark.parametrize(
    ("sent", "status", "text"),
    [
        (request(Sec_WebSocket_Protocol="v9.foo"), 400, "no valid protocol selected"),
        (request(Sec_WebSocket_Protocol=None), 400, "no valid protocol selected"),
        (request(Sec_WebSocket_Protocol="v1.bsatn.spacetimedb"), 400, "v1 is not spoken here"),
        (request(f"{PATH}?compression=Zip"), 400, "unknown variant `Zip`, expected one of `None`, `Brotli`, `Gzip`"),
        (request(f"{PATH}?compression=gzip"), 400, "unknown variant `gzip`"),
        (request(f"{PATH}?confirmed=maybe"), 400, "provided string was not `true` or `false`"),
        (request(f"{PATH}?connection_id={'0' * 32}"), 400, "the all-zeros ConnectionId is reserved."),
        (request(f"{PATH}?connection_id=12"), 400, "Failed to deserialize query string"),
        (request(f"{PATH}?{'a=1&' * 100}"), 400, "Failed to deserialize query string"),
        (request(f"{PATH}?token=abc"), 401, "Invalid token: InvalidToken"),
        (request(Authorization="Basic abc"), 400, "Authorization is invalid: malformed token"),
        (request("/v1/database/nope/subscribe"), 404, "`nope` not found"),
        (request(f"/v1/database/c2{'0' * 62}/subscribe"), 404, "No such database."),
        (request("/v1/database/Not_A_Name/subscribe"), 400, "invalid characters in database name"),
        (request(Connection="close", Upgrade=None), 426, "This service requires use of the websocket protocol"),
        (request(Sec_WebSocket_Version="12"), 400, "`Sec-WebSocket-Version` header did not include '13'"),
        (request(Sec_WebSocket_Key=None), 400, "`Sec-WebSocket-Key` header missing"),
        (request(Origin="http://evil.example"), 403, "allowed_origins"),
        (request(Host="evil.example"), 403, "allowed_hosts"),
        (request(f"{PATH}/", Connection="close"), 404, ""),
    ],
)
async def test_what_is_not_let_in_is_told_why(host: Host, sent: bytes, status: int, text: str) -> None:
    answer = await body_of(host.port, sent)

    assert answer[0] == status
    assert text in answer[1]
    assert host.gateway.site.sockets == set()


async def test_nobody_without_a_token_is_let_in_where_that_is_forbidden() -> None:
    async with hosting(allow_anonymous=False) as host:
        assert await body_of(host.port, request()) == (401, "Authorization required")
        assert (await head_of(host.port, f"{PATH}?token={host.tokens.mint().token}"))[0] == 101
