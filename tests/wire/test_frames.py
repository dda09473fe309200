"""Payloads and frame heads: what is packed unpacks, and never to more than the reader allows."""

import zlib

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.errors import DecodeError
from agent_spaces.wire.client_side import decode_server_payload
from agent_spaces.wire.frames import COMPRESSION_BYTES_MIN, Compression, pack_payload, unpack_payload, ws_binary_frame

BODY = bytes(range(256)) * 64


@pytest.mark.parametrize("compression", Compression)
@given(body=st.one_of(st.binary(max_size=64), st.integers(0, 5000).map(bytes)))
def test_what_is_packed_unpacks_to_itself(compression: Compression, body: bytes) -> None:
    assert unpack_payload(pack_payload(body, compression), len(body)) == body


@pytest.mark.parametrize("compression", [Compression.BROTLI, Compression.GZIP])
def test_only_bodies_over_the_threshold_are_compressed(compression: Compression) -> None:
    assert pack_payload(bytes(COMPRESSION_BYTES_MIN), compression)[0] == Compression.NONE
    assert pack_payload(bytes(COMPRESSION_BYTES_MIN + 1), compression)[0] == compression


@pytest.mark.parametrize("compression", Compression)
def test_a_body_may_reach_the_limit_and_not_pass_it(compression: Compression) -> None:
    payload = pack_payload(BODY, compression)

    assert unpack_payload(payload, len(BODY)) == BODY
    with pytest.raises(DecodeError, match="unpacks to more than"):
        unpack_payload(payload, len(BODY) - 1)


@pytest.mark.parametrize("compression", [Compression.BROTLI, Compression.GZIP])
def test_data_that_end_early_or_are_garbage_are_refused(compression: Compression) -> None:
    payload = pack_payload(BODY, compression)

    for broken in (payload[:-1], payload[:1], payload[:1] + b"\xff\xfe\xfd" * 9):
        with pytest.raises(DecodeError):
            unpack_payload(broken, 1 << 20)


def test_a_bomb_is_stopped_at_the_limit() -> None:
    zeros = bytes(1 << 26)
    bombs = [b"\1" + brotli.compress(zeros, quality=1), b"\2" + zlib.compress(zeros, wbits=31)]

    for bomb in bombs:
        assert len(bomb) < 1 << 17
        with pytest.raises(DecodeError, match="unpacks to more than"):
            unpack_payload(bomb, 1 << 16)


@pytest.mark.parametrize("payload", [b"", b"\x03abc", b"\x00", b"\x00\x00"])
def test_payload_without_a_whole_message_is_refused(payload: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_server_payload(payload, 1 << 20)


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, "8200"),
        (125, "827d"),
        (126, "827e007e"),
        (65535, "827effff"),
        (65536, "827f0000000000010000"),
    ],
)
def test_frame_head_takes_the_shortest_length_form(size: int, head: str) -> None:
    assert ws_binary_frame(bytes(size)) == bytes.fromhex(head) + bytes(size)
