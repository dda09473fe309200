"""Connecting: protocols, tokens, refusals in the words of SpacetimeDB 2.8.3, payloads that make no sense."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import decode_server_payload, encode_client_message
from conformance.people import People
from conformance.raw import Target, open_socket

V2, V3 = "v2.bsatn.spacetimedb", "v3.bsatn.spacetimedb"


@pytest.mark.parametrize(
    ("offered", "chosen"), [((V2,), V2), ((V3, V2), V3), ((V2, V3), V3), (("v9.foo", V2), V2), ((V3,), V3)]
)
async def test_the_newest_protocol_on_offer_is_chosen(target: Target, offered: tuple[str, ...], chosen: str) -> None:
    socket = await open_socket(target, protocols=offered)
    first = decode_server_payload(await socket.recv(), 2**20)[0]
    await socket.close()

    assert socket.subprotocol == chosen
    assert isinstance(first, m.InitialConnection)


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": V2,
}


@pytest.mark.parametrize(
    ("query", "headers", "status", "text"),
    [
        ("", {"Sec-WebSocket-Protocol": "v9.foo"}, 400, "no valid protocol selected"),
        ("", {"Sec-WebSocket-Protocol": None}, 400, "no valid protocol selected"),
        ("?compression=Zip", {}, 400, "Failed to deserialize query string: unknown variant `Zip`"),
        ("?compression=gzip", {}, 400, "Failed to deserialize query string: unknown variant `gzip`"),
        ("?confirmed=maybe", {}, 400, "Failed to deserialize query string: provided string was not"),
        (f"?connection_id={'0' * 32}", {}, 400, "Invalid connection ID: the all-zeros ConnectionId is reserved."),
        ("?token=abc", {}, 401, "Invalid token: InvalidToken"),
        ("", {"Authorization": "Basic abc"}, 400, "Authorization is invalid: malformed token"),
        ("", {"Connection": None, "Upgrade": None}, 426, "This service requires use of the websocket protocol"),
        ("", {"Sec-WebSocket-Version": "12"}, 400, "`Sec-WebSocket-Version` header did not include '13'"),
        ("", {"Sec-WebSocket-Key": None}, 400, "`Sec-WebSocket-Key` header missing"),
    ],
)
async def test_handshakes_are_refused_in_the_hosts_words(
    target: Target, query: str, headers: dict[str, str | None], status: int, text: str
) -> None:
    sent = {key: value for key, value in (UPGRADE | headers).items() if value is not None}
    answer = await target.http("GET", f"database/{target.database}/subscribe{query}", headers=sent)

    assert (answer.status_code, answer.text[: len(text)]) == (status, text)


async def test_databases_that_are_not_there(target: Target) -> None:
    unknown = await target.http("GET", "database/no-such-database/subscribe", headers=UPGRADE)
    bad = await target.http("GET", "database/Not_A_Name/subscribe", headers=UPGRADE)

    assert (unknown.status_code, unknown.text) == (404, "`no-such-database` not found")
    assert (bad.status_code, bad.text) == (400, "Invalid URL: invalid characters in database name")


async def test_whoever_comes_without_a_token_gets_an_identity_and_keeps_it_with_the_token(people: People) -> None:
    first = await people.visitor()
    again = await people.visitor(first.token)

    assert first.first[0] == "InitialConnection"
    assert first.identity.hex().startswith("c200")
    assert (again.identity, again.token) == (first.identity, first.token)
    assert again.connection_id != first.connection_id


async def test_the_websocket_token_stands_for_the_same_identity(people: People, target: Target) -> None:
    person = await people.visitor()
    short = (await target.http("POST", "identity/websocket-token", person.token)).json()["token"]
    socket = await open_socket(target, query={"token": short})
    greeting = decode_server_payload(await socket.recv(), 2**20)[0]
    await socket.close()

    assert isinstance(greeting, m.InitialConnection)
    assert (greeting.identity, greeting.token) == (person.identity, short)


async def closing(target: Target, payload: bytes | str, protocol: str = V2) -> tuple[int | None, str | None]:
    socket = await open_socket(target, protocols=(protocol,))
    await socket.send(payload)
    async with asyncio.timeout(30):
        with suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code, socket.close_reason


QUERY = encode_client_message(m.OneOffQuery(1, "SELECT * FROM server WHERE id = 1"))


@pytest.mark.parametrize(
    ("protocol", "payload", "reason"),
    [
        (V2, b"\xff", "unknown tag 0xff for sum type ClientMessage"),
        (V2, b"\x09", "unknown tag 0x9 for sum type ClientMessage"),
        (V2, b"\x00\x01\x00\x00\x00\x01\x00\x00\x00", "data too short for u32: Expected 4, given 0"),
        (V2, b"", "data too short for u8: Expected 1, given 0"),
        (V2, b"\x01\x01\x00\x00\x00\x01\x00\x00\x00\x07", "unknown tag 0x7 for sum type UnsubscribeFlags"),
        (V2, "hello", "v2 websocket does not support text messages"),
        (V2, b"\x03\x01\x00\x00\x00\x01\x03\x00\x00\x00ack\x00\x00\x00\x00", "invalid call reducer flag 1"),
        (V3, b"", "v3 websocket binary payload must contain at least one v2 client message"),
        (V3, QUERY + b"\xff", "unknown tag 0xff for sum type ClientMessage"),
        (V3, "hello", "v3 websocket does not support text messages"),
    ],
)
async def test_what_makes_no_sense_closes_with_1011_and_the_reason(
    target: Target, protocol: str, payload: bytes | str, reason: str
) -> None:
    assert await closing(target, payload, protocol) == (1011, reason)


@pytest.mark.parametrize(("protocol", "answers"), [(V2, [1]), (V3, [1, 2, 3])])
async def test_v2_takes_one_message_a_payload_and_v3_all(target: Target, protocol: str, answers: list[int]) -> None:
    socket = await open_socket(target, protocols=(protocol,))
    several = [encode_client_message(m.OneOffQuery(n, "SELECT * FROM server WHERE id = 1")) for n in (1, 2, 3)]
    await socket.send(b"".join(several))
    await socket.send(encode_client_message(m.OneOffQuery(9, "SELECT * FROM server WHERE id = 1")))
    found: list[Any] = []
    async with asyncio.timeout(30):
        while not found or found[-1].request_id != 9:
            found += [
                x for x in decode_server_payload(await socket.recv(), 2**20) if isinstance(x, m.OneOffQueryResult)
            ]
    await socket.close()

    assert [message.request_id for message in found] == [*answers, 9]


async def test_a_token_that_is_none_is_401_at_the_upgrade(target: Target) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await open_socket(target, token="abc.def.ghi")

    assert refusal.value.response.status_code == 401


@pytest.mark.parametrize("compression", ["None", "Gzip", "Brotli"])
async def test_payloads_can_be_read_whatever_compression_was_asked_for(target: Target, compression: str) -> None:
    socket = await open_socket(target, query={"compression": compression})
    await socket.send(encode_client_message(m.Subscribe(1, 1, ["SELECT * FROM *"])))
    applied: list[m.ServerMessage] = []
    async with asyncio.timeout(30):
        while len(applied) < 2:
            applied += decode_server_payload(await socket.recv(), 2**30)
    await socket.close()

    assert isinstance(applied[1], m.SubscribeApplied)
    assert "server" in [entry.table for entry in applied[1].rows.tables]
