"""Close frames, close codes and frame sizes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.gateway import ws_frames as ws
from agent_spaces.wire.frames import ws_binary_frame


def test_accept_key_is_the_one_of_the_standard() -> None:
    assert ws.accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@given(code=st.integers(3000, 4999), reason=st.text(max_size=200))
def test_any_reason_fits_and_is_read_as_a_beginning_of_itself(code: int, reason: str) -> None:
    frame = ws.close_frame(code, reason)

    assert len(frame) <= 2 + ws.CONTROL_BYTES_MAX
    read_code, read_reason = ws.read_close(frame[2:])
    assert read_code == code
    assert reason.startswith(read_reason)
    assert read_reason == reason or len(read_reason.encode()) > ws.REASON_BYTES_MAX - 4


@given(code=st.integers(0, 0xFFFF))
def test_only_codes_that_may_be_sent_are_read(code: int) -> None:
    allowed = code in {1000, 1001, 1002, 1003, *range(1007, 1015)} or 3000 <= code <= 4999
    payload = code.to_bytes(2, "big")

    if allowed:
        assert ws.read_close(payload) == (code, "")
    else:
        with pytest.raises(ws.ProtocolViolationError):
            ws.read_close(payload)


@given(payloads=st.lists(st.sampled_from([0, 1, 125, 126, 65535, 65536]).map(bytes), max_size=5))
def test_frames_are_told_apart_by_their_sizes(payloads: list[bytes]) -> None:
    frames = [ws_binary_frame(payload) for payload in payloads]

    assert ws.frame_sizes(b"".join(frames)) == [len(frame) for frame in frames]
