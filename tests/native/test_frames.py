import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.gateway.ws_frames import split
from agent_spaces.native import choice as native
from gateway.ws_client import frame

BYTES_MAX = 70_000
PAYLOADS = st.sampled_from([0, 1, 5, 8, 125, 126, 300, 65_535]).map(
    lambda size: bytes(number * 7 & 0xFF for number in range(size))
)


@given(st.lists(PAYLOADS, max_size=5), st.binary(max_size=3))
def test_plain_frames_are_unmasked_up_to_what_is_none(payloads: list[bytes], behind: bytes) -> None:
    stream = b"".join(map(frame, payloads)) + behind

    assert native.frames.split(stream, BYTES_MAX) == (payloads, len(stream) - len(behind))


@given(PAYLOADS, st.data())
def test_a_frame_that_has_not_arrived_whole_is_left(payload: bytes, data: st.DataObject) -> None:
    stream = frame(b"whole") + frame(payload)
    cut = stream[: data.draw(st.integers(len(frame(b"whole")), len(stream) - 1))]

    assert native.frames.split(cut, BYTES_MAX) == ([b"whole"], len(frame(b"whole")))


@given(st.integers(0, 255).filter(lambda first: first != 0x82))
def test_what_is_no_whole_binary_message_is_left(first: int) -> None:
    stream = frame(b"a") + frame(b"b", first) + frame(b"c")

    assert native.frames.split(stream, BYTES_MAX) == ([b"a"], len(frame(b"a")))


def test_a_message_is_split_at_the_limit_and_left_one_past_it() -> None:
    for size in (100, 125, 126, 1000, 65_535):
        stream = frame(bytes(size))
        assert native.frames.split(stream, size) == ([bytes(size)], len(stream))
        assert native.frames.split(stream, size - 1) == ([], 0)


@given(
    st.lists(PAYLOADS.map(frame) | st.binary(max_size=20), max_size=5).map(b"".join),
    st.sampled_from([0, 100, BYTES_MAX]),
)
def test_any_bytes_are_split_as_in_the_reference(data: bytes, bytes_max: int) -> None:
    assert native.frames.split(data, bytes_max) == split(data, bytes_max)


@pytest.mark.parametrize("size", [65_536, BYTES_MAX])
def test_long_messages_are_left(size: int) -> None:
    assert native.frames.split(frame(bytes(size)), BYTES_MAX) == ([], 0)


def test_an_unmasked_frame_is_left_to_be_refused() -> None:
    assert native.frames.split(b"\x82\x01a" + bytes(10), BYTES_MAX) == ([], 0)
