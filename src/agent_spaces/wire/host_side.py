"""What a host does with messages: read those of clients, write its own. The reverse of client_side.py.

Client messages carry no compression byte. Bytes behind a message are somebody else's: v2 ignores them, v3 has the next
message there. Source: SpacetimeDB 2.8.3, seen.
"""

from agent_spaces.errors import DecodeError
from agent_spaces.wire import messages as m
from agent_spaces.wire.primitives import (
    byte_string,
    i64,
    read_bytes,
    read_count,
    read_string,
    read_u8,
    read_u32,
    string,
    u32,
    unknown_tag,
)
from agent_spaces.wire.rows import row_list


def _flags(data: bytes, offset: int, what: str) -> int:
    flags, end = read_u8(data, offset)
    if flags:
        raise DecodeError("ClientMessage", offset, f"invalid call {what} flag {flags}")
    return end


def _subscribe(data: bytes, offset: int) -> tuple[m.Subscribe, int]:
    request_id, offset = read_u32(data, offset)
    query_set_id, offset = read_u32(data, offset)
    count, offset = read_count(data, offset, 4)
    texts = []
    for _ in range(count):
        text, offset = read_string(data, offset)
        texts.append(text)
    return m.Subscribe(request_id, query_set_id, texts), offset


def _unsubscribe(data: bytes, offset: int) -> tuple[m.Unsubscribe, int]:
    request_id, offset = read_u32(data, offset)
    query_set_id, offset = read_u32(data, offset)
    flag, end = read_u8(data, offset)
    if flag > 1:
        raise unknown_tag("UnsubscribeFlags", flag, offset)
    return m.Unsubscribe(request_id, query_set_id, flag == 1), end


def _one_off_query(data: bytes, offset: int) -> tuple[m.OneOffQuery, int]:
    request_id, offset = read_u32(data, offset)
    text, offset = read_string(data, offset)
    return m.OneOffQuery(request_id, text), offset


def _call_reducer(data: bytes, offset: int) -> tuple[m.CallReducer, int]:
    request_id, offset = read_u32(data, offset)
    offset = _flags(data, offset, "reducer")
    name, offset = read_string(data, offset)
    args, offset = read_bytes(data, offset)
    return m.CallReducer(request_id, name, args), offset


def _call_procedure(data: bytes, offset: int) -> tuple[m.CallProcedure, int]:
    request_id, offset = read_u32(data, offset)
    offset = _flags(data, offset, "procedure")
    name, offset = read_string(data, offset)
    args, offset = read_bytes(data, offset)
    return m.CallProcedure(request_id, name, args), offset


_READERS = (_subscribe, _unsubscribe, _one_off_query, _call_reducer, _call_procedure)


def decode_client_message(data: bytes, offset: int = 0) -> tuple[m.ClientMessage, int]:
    """Read the message at `offset`; return it and the offset behind it.

    Raises DecodeError whose reason is the text for the Close frame: cut off, unknown tag, flags that must be 0, text
    that is no UTF-8. Vectors: vectors/golden/client-messages.json.
    """
    tag, at = read_u8(data, offset)
    if tag >= len(_READERS):
        raise unknown_tag("ClientMessage", tag, offset)
    return _READERS[tag](data, at)


def encode_query_rows(rows: m.QueryRows) -> bytes:
    """Write QueryRows: one entry a query."""
    return u32(len(rows.tables)) + b"".join(string(entry.table) + row_list(entry.rows) for entry in rows.tables)


def _table_rows(rows: m.PersistentTable | m.EventTable) -> bytes:
    if isinstance(rows, m.EventTable):
        return b"\1" + row_list(rows.events)
    return b"\0" + row_list(rows.inserts) + row_list(rows.deletes)


def _table_update(update: m.TableUpdate) -> bytes:
    return string(update.table_name) + u32(len(update.rows)) + b"".join(map(_table_rows, update.rows))


def encode_query_sets(updates: list[m.QuerySetUpdate]) -> bytes:
    """Write the array of QuerySetUpdate: the whole of a TransactionUpdate behind its tag."""
    parts = [u32(len(updates))]
    for update in updates:
        parts += (u32(update.query_set_id), u32(len(update.tables)), *map(_table_update, update.tables))
    return b"".join(parts)


def _outcome(outcome: m.ReducerOutcome) -> bytes:
    match outcome:
        case m.ReducerOk(ret_value, update):
            return b"\0" + byte_string(ret_value) + encode_query_sets(update.query_sets)
        case m.ReducerOkEmpty():
            return b"\1"
        case m.ReducerErr(payload):
            return b"\2" + byte_string(payload)
        case m.InternalError(text):
            return b"\3" + string(text)


def _procedure_status(status: m.Returned | m.InternalError) -> bytes:
    if isinstance(status, m.Returned):
        return b"\0" + byte_string(status.value)
    return b"\1" + string(status.text)


def encode_server_message(message: m.ServerMessage) -> bytes:
    """Write the message, without the compression byte that opens a payload (frames.pack_payload adds it).

    Raises EncodeError for numbers or text that do not fit. Vectors: vectors/golden/server-messages.json.
    """
    match message:
        case m.InitialConnection(identity, connection_id, token):
            return b"\0" + identity + connection_id + string(token)
        case m.SubscribeApplied(request_id, query_set_id, rows):
            return b"\1" + u32(request_id) + u32(query_set_id) + encode_query_rows(rows)
        case m.UnsubscribeApplied(request_id, query_set_id, dropped):
            option = b"\1" if dropped is None else b"\0" + encode_query_rows(dropped)
            return b"\2" + u32(request_id) + u32(query_set_id) + option
        case m.SubscriptionError(maybe_id, query_set_id, error):
            option = b"\1" if maybe_id is None else b"\0" + u32(maybe_id)
            return b"\3" + option + u32(query_set_id) + string(error)
        case m.TransactionUpdate(query_sets):
            return b"\4" + encode_query_sets(query_sets)
        case m.OneOffQueryResult(request_id, result):
            answer = b"\1" + string(result) if isinstance(result, str) else b"\0" + encode_query_rows(result)
            return b"\5" + u32(request_id) + answer
        case m.ReducerResult(request_id, timestamp, outcome):
            return b"\6" + u32(request_id) + i64(timestamp) + _outcome(outcome)
        case m.ProcedureResult(status, timestamp, duration, request_id):
            return b"\7" + _procedure_status(status) + i64(timestamp) + i64(duration) + u32(request_id)
