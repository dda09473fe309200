"""Readers of messages: any message comes back, any prefix is refused, no length is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.errors import DecodeError, EncodeError
from agent_spaces.sats.special import ConnectionId, Identity, TimeDuration, Timestamp
from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import decode_server_message, encode_client_message
from agent_spaces.wire.host_side import decode_client_message, encode_server_message

u32 = st.integers(0, 2**32 - 1)
i64 = st.integers(-(2**63), 2**63 - 1)
text = st.text(max_size=12)
data = st.binary(max_size=12)
rows = st.lists(st.binary(max_size=5), max_size=4)
client_messages = st.one_of(
    st.builds(m.Subscribe, u32, u32, st.lists(text, max_size=3)),
    st.builds(m.Unsubscribe, u32, u32, st.booleans()),
    st.builds(m.OneOffQuery, u32, text),
    st.builds(m.CallReducer, u32, text, data),
    st.builds(m.CallProcedure, u32, text, data),
)
query_rows = st.builds(m.QueryRows, st.lists(st.builds(m.SingleTableRows, text, rows), max_size=3))
table_rows = st.one_of(st.builds(m.PersistentTable, rows, rows), st.builds(m.EventTable, rows))
updates = st.builds(
    m.TransactionUpdate,
    st.lists(
        st.builds(
            m.QuerySetUpdate,
            u32,
            st.lists(st.builds(m.TableUpdate, text, st.lists(table_rows, max_size=2)), max_size=2),
        ),
        max_size=2,
    ),
)
times, durations = i64.map(Timestamp), i64.map(TimeDuration)
failures = st.builds(m.InternalError, text)
outcomes = st.one_of(
    st.builds(m.ReducerOk, data, updates), st.just(m.ReducerOkEmpty()), text.map(m.ReducerErr.of), failures
)
server_messages = st.one_of(
    st.builds(
        m.InitialConnection,
        st.binary(min_size=32, max_size=32).map(Identity),
        st.binary(min_size=16, max_size=16).map(ConnectionId),
        text,
    ),
    st.builds(m.SubscribeApplied, u32, u32, query_rows),
    st.builds(m.UnsubscribeApplied, u32, u32, st.none() | query_rows),
    st.builds(m.SubscriptionError, st.none() | u32, u32, text),
    updates,
    st.builds(m.OneOffQueryResult, u32, query_rows | text),
    st.builds(m.ReducerResult, u32, times, outcomes),
    st.builds(m.ProcedureResult, st.builds(m.Returned, data) | failures, times, durations, u32),
)


@given(message=client_messages, before=data, behind=data)
def test_client_message_comes_back_from_anywhere_in_a_payload(
    message: m.ClientMessage, before: bytes, behind: bytes
) -> None:
    payload = before + encode_client_message(message) + behind

    assert decode_client_message(payload, len(before)) == (message, len(payload) - len(behind))


@given(message=server_messages, before=data, behind=data)
def test_server_message_comes_back_from_anywhere_in_a_payload(
    message: m.ServerMessage, before: bytes, behind: bytes
) -> None:
    payload = before + encode_server_message(message) + behind

    assert decode_server_message(payload, len(before)) == (message, len(payload) - len(behind))


@given(message=client_messages, cut=st.floats(0, 1, exclude_max=True))
def test_a_client_message_that_is_cut_off_is_refused(message: m.ClientMessage, cut: float) -> None:
    payload = encode_client_message(message)

    with pytest.raises(DecodeError):
        decode_client_message(payload[: int(len(payload) * cut)])


@given(message=server_messages, cut=st.floats(0, 1, exclude_max=True))
def test_a_server_message_that_is_cut_off_is_refused(message: m.ServerMessage, cut: float) -> None:
    payload = encode_server_message(message)

    with pytest.raises(DecodeError):
        decode_server_message(payload[: int(len(payload) * cut)])


@given(payload=st.binary(max_size=200))
def test_garbage_is_a_message_or_a_decode_error_and_nothing_else(payload: bytes) -> None:
    for decode in (decode_client_message, decode_server_message):
        try:
            _, end = decode(payload)
        except DecodeError:
            continue
        assert end <= len(payload)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("ff", "unknown tag 0xff for sum type ClientMessage"),
        ("09", "unknown tag 0x9 for sum type ClientMessage"),
        ("", "data too short for u8: Expected 1, given 0"),
        ("000100000001000000", "data too short for u32: Expected 4, given 0"),
        ("01010000000100000007", "unknown tag 0x7 for sum type UnsubscribeFlags"),
        ("030000000001", "invalid call reducer flag 1"),
    ],
)
def test_reasons_are_those_of_the_reference_host(payload: str, reason: str) -> None:
    with pytest.raises(DecodeError) as raised:
        decode_client_message(bytes.fromhex(payload))

    assert raised.value.reason == reason


@pytest.mark.parametrize("tag", ["00", "01"])
def test_a_count_of_four_billion_is_refused_before_anything_is_allocated(tag: str) -> None:
    decode = decode_client_message if tag == "00" else decode_server_message
    with pytest.raises(DecodeError, match="data too short for array"):
        decode(bytes.fromhex(tag + "00" * 8 + "ffffffff" + "00" * 64))


@pytest.mark.parametrize(
    "message",
    [m.OneOffQuery(2**32, ""), m.OneOffQuery(-1, ""), m.OneOffQuery(0, "\ud800")],
    ids=["high", "low", "text"],
)
def test_values_that_do_not_fit_are_refused_when_written(message: m.ClientMessage) -> None:
    with pytest.raises(EncodeError):
        encode_client_message(message)
