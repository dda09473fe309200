"""What a client does with messages: write its own, read those of the host. The reverse of host_side.py.

Source: SpacetimeDB 2.8.3, seen.
"""

from collections.abc import Callable
from typing import TypeVar

from agent_spaces.errors import DecodeError
from agent_spaces.sats.special import ConnectionId, Identity, TimeDuration, Timestamp
from agent_spaces.wire import messages as m
from agent_spaces.wire.frames import unpack_payload
from agent_spaces.wire.primitives import (
    byte_string,
    read_bytes,
    read_count,
    read_exactly,
    read_i64,
    read_string,
    read_u8,
    read_u32,
    string,
    u32,
    unknown_tag,
)
from agent_spaces.wire.rows import split_rows

T = TypeVar("T")
Reader = Callable[[bytes, int], tuple[T, int]]


def encode_client_message(message: m.ClientMessage) -> bytes:
    """Write the message: the whole payload in v2, a part of one in v3.

    Raises EncodeError for numbers or text that do not fit. Vectors: vectors/golden/client-messages.json.
    """
    match message:
        case m.Subscribe(request_id, query_set_id, texts):
            return b"\0" + u32(request_id) + u32(query_set_id) + u32(len(texts)) + b"".join(map(string, texts))
        case m.Unsubscribe(request_id, query_set_id, send_dropped_rows):
            return b"\1" + u32(request_id) + u32(query_set_id) + (b"\1" if send_dropped_rows else b"\0")
        case m.OneOffQuery(request_id, text):
            return b"\2" + u32(request_id) + string(text)
        case m.CallReducer(request_id, name, args):
            return b"\3" + u32(request_id) + b"\0" + string(name) + byte_string(args)
        case m.CallProcedure(request_id, name, args):
            return b"\4" + u32(request_id) + b"\0" + string(name) + byte_string(args)


def _array(data: bytes, offset: int, read: Reader[T], element_bytes_min: int) -> tuple[list[T], int]:
    count, offset = read_count(data, offset, element_bytes_min)
    items = []
    for _ in range(count):
        item, offset = read(data, offset)
        items.append(item)
    return items, offset


def _single_table_rows(data: bytes, offset: int) -> tuple[m.SingleTableRows, int]:
    table, offset = read_string(data, offset)
    rows, offset = split_rows(data, offset)
    return m.SingleTableRows(table, rows), offset


def _query_rows(data: bytes, offset: int) -> tuple[m.QueryRows, int]:
    tables, offset = _array(data, offset, _single_table_rows, 11)
    return m.QueryRows(tables), offset


def _table_rows(data: bytes, offset: int) -> tuple[m.PersistentTable | m.EventTable, int]:
    tag, at = read_u8(data, offset)
    if tag == 0:
        inserts, at = split_rows(data, at)
        deletes, at = split_rows(data, at)
        return m.PersistentTable(inserts, deletes), at
    if tag == 1:
        events, at = split_rows(data, at)
        return m.EventTable(events), at
    raise unknown_tag("TableUpdateRows", tag, offset)


def _table_update(data: bytes, offset: int) -> tuple[m.TableUpdate, int]:
    name, offset = read_string(data, offset)
    rows, offset = _array(data, offset, _table_rows, 8)
    return m.TableUpdate(name, rows), offset


def _query_set_update(data: bytes, offset: int) -> tuple[m.QuerySetUpdate, int]:
    query_set_id, offset = read_u32(data, offset)
    tables, offset = _array(data, offset, _table_update, 8)
    return m.QuerySetUpdate(query_set_id, tables), offset


def _transaction_update(data: bytes, offset: int) -> tuple[m.TransactionUpdate, int]:
    query_sets, offset = _array(data, offset, _query_set_update, 8)
    return m.TransactionUpdate(query_sets), offset


def _initial_connection(data: bytes, offset: int) -> tuple[m.InitialConnection, int]:
    identity, offset = read_exactly(data, offset, Identity.size)
    connection_id, offset = read_exactly(data, offset, ConnectionId.size)
    token, offset = read_string(data, offset)
    return m.InitialConnection(Identity(identity), ConnectionId(connection_id), token), offset


def _subscribe_applied(data: bytes, offset: int) -> tuple[m.SubscribeApplied, int]:
    request_id, offset = read_u32(data, offset)
    query_set_id, offset = read_u32(data, offset)
    rows, offset = _query_rows(data, offset)
    return m.SubscribeApplied(request_id, query_set_id, rows), offset


def _option(data: bytes, offset: int, read: Reader[T]) -> tuple[T | None, int]:
    tag, at = read_u8(data, offset)
    if tag == 0:
        return read(data, at)
    if tag == 1:
        return None, at
    raise unknown_tag("Option", tag, offset)


def _unsubscribe_applied(data: bytes, offset: int) -> tuple[m.UnsubscribeApplied, int]:
    request_id, offset = read_u32(data, offset)
    query_set_id, offset = read_u32(data, offset)
    rows, offset = _option(data, offset, _query_rows)
    return m.UnsubscribeApplied(request_id, query_set_id, rows), offset


def _subscription_error(data: bytes, offset: int) -> tuple[m.SubscriptionError, int]:
    request_id, offset = _option(data, offset, read_u32)
    query_set_id, offset = read_u32(data, offset)
    error, offset = read_string(data, offset)
    return m.SubscriptionError(request_id, query_set_id, error), offset


def _one_off_query_result(data: bytes, offset: int) -> tuple[m.OneOffQueryResult, int]:
    request_id, offset = read_u32(data, offset)
    tag, at = read_u8(data, offset)
    if tag == 0:
        rows, at = _query_rows(data, at)
        return m.OneOffQueryResult(request_id, rows), at
    if tag == 1:
        error, at = read_string(data, at)
        return m.OneOffQueryResult(request_id, error), at
    raise unknown_tag("Result", tag, offset)


def _reducer_outcome(data: bytes, offset: int) -> tuple[m.ReducerOutcome, int]:
    tag, at = read_u8(data, offset)
    if tag == 0:
        ret_value, at = read_bytes(data, at)
        update, at = _transaction_update(data, at)
        return m.ReducerOk(ret_value, update), at
    if tag == 1:
        return m.ReducerOkEmpty(), at
    if tag == 2:
        payload, at = read_bytes(data, at)
        return m.ReducerErr(payload), at
    if tag == 3:
        text, at = read_string(data, at)
        return m.InternalError(text), at
    raise unknown_tag("ReducerOutcome", tag, offset)


def _reducer_result(data: bytes, offset: int) -> tuple[m.ReducerResult, int]:
    request_id, offset = read_u32(data, offset)
    timestamp, offset = read_i64(data, offset)
    outcome, offset = _reducer_outcome(data, offset)
    return m.ReducerResult(request_id, Timestamp(timestamp), outcome), offset


def _procedure_result(data: bytes, offset: int) -> tuple[m.ProcedureResult, int]:
    tag, at = read_u8(data, offset)
    status: m.Returned | m.InternalError
    if tag == 0:
        value, at = read_bytes(data, at)
        status = m.Returned(value)
    elif tag == 1:
        text, at = read_string(data, at)
        status = m.InternalError(text)
    else:
        raise unknown_tag("ProcedureStatus", tag, offset)
    timestamp, at = read_i64(data, at)
    duration, at = read_i64(data, at)
    request_id, at = read_u32(data, at)
    return m.ProcedureResult(status, Timestamp(timestamp), TimeDuration(duration), request_id), at


_READERS: tuple[Reader[m.ServerMessage], ...] = (
    _initial_connection,
    _subscribe_applied,
    _unsubscribe_applied,
    _subscription_error,
    _transaction_update,
    _one_off_query_result,
    _reducer_result,
    _procedure_result,
)


def decode_server_message(data: bytes, offset: int = 0) -> tuple[m.ServerMessage, int]:
    """Read the message at `offset` of uncompressed data; return it and the offset behind it.

    Raises DecodeError. Vectors: vectors/golden/server-messages.json.
    """
    tag, at = read_u8(data, offset)
    if tag >= len(_READERS):
        raise unknown_tag("ServerMessage", tag, offset)
    return _READERS[tag](data, at)


def decode_server_payload(payload: bytes, bytes_max: int) -> list[m.ServerMessage]:
    """Read a binary WebSocket message of the host: its compression byte, then one or more messages.

    At most `bytes_max` bytes are unpacked. A v2 host sends one message in a payload, a v3 host one or more; both are
    read alike. Raises DecodeError.
    """
    body = unpack_payload(payload, bytes_max)
    if not body:
        raise DecodeError("ServerMessage", 0, "the payload holds no message")
    found, offset = [], 0
    while offset < len(body):
        message, offset = decode_server_message(body, offset)
        found.append(message)
    return found
