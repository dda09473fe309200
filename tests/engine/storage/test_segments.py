"""Where a segment's bytes end."""

from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.engine.storage import segments


@given(
    st.lists(
        st.tuples(st.sampled_from([b"\0", b"\1", b"x\0y"]), st.sampled_from([0, 1, 2, 7, 8, 9, 63, 64])), max_size=6
    )
)
def test_the_written_end_is_behind_the_last_byte_that_is_not_zero(pieces: list[tuple[bytes, int]]) -> None:
    data = b"".join(piece * times for piece, times in pieces)
    kept, segments._ZEROS = segments._ZEROS, bytes(8)
    try:
        assert segments._written_end(data) == len(data.rstrip(b"\0"))
    finally:
        segments._ZEROS = kept
