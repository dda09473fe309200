"""Every captured message is read and written to the same bytes, on both sides."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent_spaces.sats.special import ConnectionId, Identity, TimeDuration, Timestamp
from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import decode_server_message, decode_server_payload, encode_client_message
from agent_spaces.wire.frames import Compression, pack_payload, unpack_payload
from agent_spaces.wire.host_side import decode_client_message, encode_server_message

GOLDEN = Path(__file__).parents[2] / "vectors" / "golden"
CLIENT = json.loads((GOLDEN / "client-messages.json").read_text())
SERVER = json.loads((GOLDEN / "server-messages.json").read_text())
UNPACKED_BYTES_MAX = 1 << 20


def named(entries: list[dict[str, Any]]) -> list[Any]:
    return [pytest.param(entry, id=entry["name"]) for entry in entries]


def query_rows(data: dict[str, Any]) -> m.QueryRows:
    return m.QueryRows([m.SingleTableRows(entry["table"], row_list(entry["rows"])) for entry in data["tables"]])


def row_list(data: dict[str, Any]) -> list[bytes]:
    raw = bytes.fromhex(data["rows_data"])
    hint = data["size_hint"]
    if "FixedSize" in hint:
        size = hint["FixedSize"]
        return [raw[start : start + size] for start in range(0, len(raw), size)]
    starts = [int(text) for text in hint["RowOffsets"]]
    return [raw[start:end] for start, end in zip(starts, [*starts[1:], len(raw)], strict=False)]


def table_rows(data: dict[str, Any]) -> m.PersistentTable | m.EventTable:
    if "EventTable" in data:
        return m.EventTable(row_list(data["EventTable"]["events"]))
    rows = data["PersistentTable"]
    return m.PersistentTable(row_list(rows["inserts"]), row_list(rows["deletes"]))


def update(data: dict[str, Any]) -> m.TransactionUpdate:
    return m.TransactionUpdate(
        [
            m.QuerySetUpdate(
                entry["query_set_id"]["id"],
                [
                    m.TableUpdate(table["table_name"], [table_rows(r) for r in table["rows"]])
                    for table in entry["tables"]
                ],
            )
            for entry in data["query_sets"]
        ]
    )


def client_message(data: dict[str, Any]) -> m.ClientMessage:
    ((name, fields),) = data.items()
    match name:
        case "Subscribe":
            return m.Subscribe(fields["request_id"], fields["query_set_id"]["id"], fields["query_strings"])
        case "Unsubscribe":
            flag = "SendDroppedRows" in fields["flags"]
            return m.Unsubscribe(fields["request_id"], fields["query_set_id"]["id"], flag)
        case "OneOffQuery":
            return m.OneOffQuery(fields["request_id"], fields["query_string"])
        case "CallReducer":
            return m.CallReducer(fields["request_id"], fields["reducer"], bytes.fromhex(fields["args"]))
    return m.CallProcedure(fields["request_id"], fields["procedure"], bytes.fromhex(fields["args"]))


def outcome(data: dict[str, Any]) -> m.ReducerOutcome:
    ((name, value),) = data.items()
    match name:
        case "Ok":
            return m.ReducerOk(bytes.fromhex(value["ret_value"]), update(value["transaction_update"]))
        case "OkEmpty":
            return m.ReducerOkEmpty()
        case "Err":
            return m.ReducerErr(bytes.fromhex(value))
    return m.InternalError(value)


def server_message(data: dict[str, Any]) -> m.ServerMessage:
    ((name, f),) = data.items()
    match name:
        case "InitialConnection":
            identity = Identity.from_hex(f["identity"]["hex"])
            return m.InitialConnection(identity, ConnectionId.from_hex(f["connection_id"]["hex"]), f["token"])
        case "SubscribeApplied":
            return m.SubscribeApplied(f["request_id"], f["query_set_id"]["id"], query_rows(f["rows"]))
        case "UnsubscribeApplied":
            rows = query_rows(f["rows"]["some"]) if "some" in f["rows"] else None
            return m.UnsubscribeApplied(f["request_id"], f["query_set_id"]["id"], rows)
        case "SubscriptionError":
            return m.SubscriptionError(f["request_id"].get("some"), f["query_set_id"]["id"], f["error"])
        case "TransactionUpdate":
            return update(f)
        case "OneOffQueryResult":
            result = f["result"]
            return m.OneOffQueryResult(f["request_id"], query_rows(result["ok"]) if "ok" in result else result["err"])
        case "ReducerResult":
            time = Timestamp(f["timestamp"]["__timestamp_micros_since_unix_epoch__"])
            return m.ReducerResult(f["request_id"], time, outcome(f["result"]))
    ((kind, value),) = f["status"].items()
    status = m.Returned(bytes.fromhex(value)) if kind == "Returned" else m.InternalError(value)
    time = Timestamp(f["timestamp"]["__timestamp_micros_since_unix_epoch__"])
    duration = TimeDuration(f["total_host_execution_duration"]["__time_duration_micros__"])
    return m.ProcedureResult(status, time, duration, f["request_id"])


@pytest.mark.parametrize("entry", named(CLIENT["messages"]))
def test_client_message_is_read_and_written_to_the_captured_bytes(entry: dict[str, Any]) -> None:
    data, message = bytes.fromhex(entry["hex"]), client_message(entry["message"])

    assert decode_client_message(data) == (message, len(data))
    assert encode_client_message(message) == data


@pytest.mark.parametrize("entry", named(SERVER["messages"]))
def test_server_message_is_read_and_written_to_the_captured_bytes(entry: dict[str, Any]) -> None:
    data, message = bytes.fromhex(entry["hex"]), server_message(entry["message"])

    assert decode_server_message(data) == (message, len(data))
    assert encode_server_message(message) == data


def test_error_text_of_a_reducer_is_a_string_inside_bytes() -> None:
    (entry,) = (entry for entry in SERVER["messages"] if "err_payload_string" in entry)
    message, _ = decode_server_message(bytes.fromhex(entry["hex"]))

    assert isinstance(message, m.ReducerResult)
    assert message.result == m.ReducerErr.of(entry["err_payload_string"])
    assert isinstance(message.result, m.ReducerErr)
    assert message.result.text == entry["err_payload_string"]


@pytest.mark.parametrize("frame", CLIENT["v3_frames"])
def test_v3_payload_of_a_client_is_read_until_it_is_used_up(frame: dict[str, Any]) -> None:
    payload, offset, found = bytes.fromhex(frame["frame_hex"]), 0, []
    while offset < len(payload):
        message, offset = decode_client_message(payload, offset)
        found.append(message)

    assert found == [client_message(entry["message"]) for entry in frame["messages"]]
    assert b"".join(map(encode_client_message, found)) == payload


@pytest.mark.parametrize("frame", named(SERVER["frames"]))
def test_payload_of_a_host_is_unpacked_and_packed(frame: dict[str, Any]) -> None:
    payload = bytes.fromhex(frame["frame_hex"])
    body = bytes.fromhex("".join(frame["messages_hex"]))

    assert unpack_payload(payload, UNPACKED_BYTES_MAX) == body
    assert unpack_payload(pack_payload(body, Compression(payload[0])), UNPACKED_BYTES_MAX) == body
    messages = decode_server_payload(payload, UNPACKED_BYTES_MAX)
    assert [encode_server_message(message).hex() for message in messages] == frame["messages_hex"]
