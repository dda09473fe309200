from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.native import choice as native
from gateway.ws_client import frame

BYTES_MAX = 70_000
PAYLOADS = st.sampled_from([0, 1, 5, 8, 125, 126, 300, 65_535, 65_536, BYTES_MAX]).map(
    lambda size: bytes(number * 7 & 0xFF for number in range(size))
)


@given(st.lists(PAYLOADS, max_size=5), st.binary(max_size=3))
def test_plain_frames_are_unmasked_up_to_what_is_none(payloads: list[bytes], behind: bytes) -> None:
    stream = b"".join(map(frame, payloads)) + behind

    assert native.frames.split(stream, 0, BYTES_MAX) == (payloads, len(stream) - len(behind))


@given(PAYLOADS, st.data())
def test_a_frame_that_has_not_arrived_whole_is_left(payload: bytes, data: st.DataObject) -> None:
    stream = frame(b"whole") + frame(payload)
    cut = stream[: data.draw(st.integers(len(frame(b"whole")), len(stream) - 1))]

    assert native.frames.split(cut, 0, BYTES_MAX) == ([b"whole"], len(frame(b"whole")))


@given(st.integers(0, 255).filter(lambda first: first != 0x82))
def test_what_is_no_whole_binary_message_is_left(first: int) -> None:
    stream = frame(b"a") + frame(b"b", first) + frame(b"c")

    assert native.frames.split(stream, 0, BYTES_MAX) == ([b"a"], len(frame(b"a")))


def test_a_message_is_split_at_the_limit_and_left_one_past_it() -> None:
    for size in (100, 125, 126, 1000, 65_536):
        stream = frame(bytes(size))
        assert native.frames.split(stream, 0, size) == ([bytes(size)], len(stream))
        assert native.frames.split(stream, 0, size - 1) == ([], 0)


@given(st.binary(max_size=300), st.integers(0, 310))
def test_any_bytes_are_split_or_left(data: bytes, offset: int) -> None:
    payloads, end = native.frames.split(data, offset, 200)
    assert offset <= end <= max(offset, len(data))
    assert all(len(payload) <= 200 for payload in payloads)


def test_an_unmasked_frame_is_left_to_be_refused() -> None:
    assert native.frames.split(b"\x82\x01a" + bytes(10), 0, BYTES_MAX) == ([], 0)
