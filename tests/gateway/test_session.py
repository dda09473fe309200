"""A client's socket in front of a real database, by protocol v2 and v3."""

import pytest

from agent_spaces.gateway import ws_frames as ws
from agent_spaces.sats import ConnectionId
from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import decode_server_payload, encode_client_message
from gateway.probe import Host, Note, Visit, hosting
from gateway.ws_client import Client, connect, frame

PATH = "/v1/database/spaces/subscribe"
ARGS = b"\x02\0\0\0hi\x01\0"


def protocol(version: str) -> str:
    return f"Sec-WebSocket-Protocol: {version}.bsatn.spacetimedb\r\n"


async def message(client: Client) -> m.ServerMessage:
    first, payload = await client.receive()
    assert first == ws.FINAL | ws.BINARY, (first, payload)
    (found,) = decode_server_payload(payload, 1 << 20)
    return found


def add_note(request_id: int) -> bytes:
    return encode_client_message(m.CallReducer(request_id, "add_note", ARGS))


SUBSCRIBE = encode_client_message(m.Subscribe(1, 1, ["SELECT * FROM note"]))


@pytest.mark.parametrize("version", ["v2", "v3"])
async def test_the_first_message_says_who_one_is_and_repeats_the_token(host: Host, version: str) -> None:
    caller = host.tokens.mint()
    path = f"{PATH}?connection_id=0102030405060708090a0b0c0d0e0f10&token={caller.token}"
    async with connect(host.port, path, protocol(version)) as client:
        expected = ConnectionId.from_hex("0102030405060708090a0b0c0d0e0f10")
        assert await message(client) == m.InitialConnection(caller.identity, expected, caller.token)


async def test_calls_before_the_first_message_are_answered_after_it(host: Host) -> None:
    async with connect(host.port, PATH, protocol("v2")) as client:
        client.send(frame(SUBSCRIBE), frame(add_note(2)))

        answers = [await message(client) for _ in range(3)]
        assert [type(answer) for answer in answers] == [m.InitialConnection, m.SubscribeApplied, m.ReducerResult]
        assert isinstance(answers[2], m.ReducerResult)
        assert isinstance(answers[2].result, m.ReducerOk)
        assert len(answers[2].result.transaction_update.query_sets) == 1


async def test_v3_carries_several_messages_in_a_payload_and_v2_one(host: Host) -> None:
    both = add_note(1) + add_note(2)
    async with connect(host.port, PATH, protocol("v3")) as client:
        client.send(frame(both))
        await message(client)
        requests = [await message(client) for _ in range(2)]
        assert [request.request_id for request in requests if isinstance(request, m.ReducerResult)] == [1, 2]
    async with connect(host.port, PATH, protocol("v2")) as client:
        client.send(frame(both))
        await message(client)
        await message(client)
    assert len(host.database.tables[Note]) == 3


@pytest.mark.parametrize(
    ("version", "sent", "code", "reason"),
    [
        ("v2", frame(b"\xff"), 1011, "unknown tag 0xff for sum type ClientMessage"),
        ("v2", frame(b""), 1011, "data too short for u8: Expected 1, given 0"),
        ("v2", frame(b"hello", ws.FINAL | ws.TEXT), 1011, "v2 websocket does not support text messages"),
        ("v3", frame(b"hello", ws.FINAL | ws.TEXT), 1011, "v3 websocket does not support text messages"),
        ("v3", frame(b""), 1011, "v3 websocket binary payload must contain at least one v2 client message"),
        ("v3", frame(add_note(1) + b"\xff"), 1011, "unknown tag 0xff for sum type ClientMessage"),
    ],
)
async def test_what_makes_no_sense_closes_with_the_reference_hosts_reason(
    host: Host, version: str, sent: bytes, code: int, reason: str
) -> None:
    async with connect(host.port, PATH, protocol(version)) as client:
        client.send(sent)
        payload = b""
        while (received := await client.receive())[0] not in (0, ws.FINAL | ws.CLOSE):
            pass
        payload = received[1]

        assert (int.from_bytes(payload[:2], "big"), payload[2:].decode()) == (code, reason)


async def test_messages_before_one_that_makes_no_sense_are_carried_out(host: Host) -> None:
    async with connect(host.port, PATH, protocol("v3")) as client:
        client.send(frame(add_note(1) + b"\xff" + add_note(2)))
        assert await client.close_code() == 1011

    assert len(host.database.tables[Note]) == 1


async def test_a_payload_may_hold_as_many_messages_as_may_wait_and_not_one_more() -> None:
    async with hosting(incoming_messages_max=3) as host:
        async with connect(host.port, PATH, protocol("v3")) as client:
            client.send(frame(add_note(1) * 3))
            assert [type(await message(client)) for _ in range(4)][1:] == [m.ReducerResult] * 3
            client.send(frame(add_note(1) * 4))
            assert await client.close_code() == 1013
        assert len(host.database.tables[Note]) == 6


async def test_whoever_client_connected_refuses_is_cut_without_a_close(host: Host) -> None:
    caller = host.tokens.mint()
    await host.call("keep_secret", '["locked out"]', caller)
    async with connect(host.port, f"{PATH}?token={caller.token}", protocol("v2")) as client:
        assert client.head.startswith(b"HTTP/1.1 101")
        assert await client.receive() == (0, b"")


async def test_leaving_runs_client_disconnected_once(host: Host) -> None:
    caller = host.tokens.mint()
    async with connect(host.port, f"{PATH}?token={caller.token}", protocol("v2")) as client:
        await message(client)
    await host.gateway.site.sockets_gone()

    visits = [visit.is_arrival for visit in host.database.tables[Visit] if visit.identity == caller.identity]
    assert visits == [True, False]


async def test_others_hear_of_a_call_by_http(host: Host) -> None:
    async with connect(host.port, PATH, protocol("v2")) as client:
        client.send(frame(SUBSCRIBE))
        await message(client)
        await message(client)
        await host.call("add_note", '["hi", null, [0, []]]')

        update = await message(client)
        assert isinstance(update, m.TransactionUpdate)
        assert update.query_sets[0].tables[0].table_name == "note"


async def test_a_subscriber_that_does_not_read_is_cut_off_and_the_reason_counted() -> None:
    async with hosting(outgoing_bytes_max=2**20) as host, connect(host.port, PATH, protocol("v2")) as client:
        client.send(frame(SUBSCRIBE))
        await message(client)
        await message(client)
        note = f'["{"x" * 10**6}", null, [0, []]]'
        for _ in range(40):
            if not host.gateway.site.sockets:
                break
            assert (await host.call("add_note", note)).status_code == 200
        await host.gateway.site.sockets_gone()

        metrics = (await host.http.get("/v1/metrics")).text
        assert 'spaces_sockets_ended_total{reason="outgoing_bytes"} 1.0' in metrics
