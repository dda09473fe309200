"""Row lists: the hint the reference host chooses, and nothing read that does not fit it."""

import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent_spaces.errors import DecodeError
from agent_spaces.wire.rows import EMPTY_ROW_LIST, FIXED_SIZE_MAX, row_list, split_rows


@given(rows=st.lists(st.binary(max_size=12), max_size=20), before=st.binary(max_size=3), behind=st.binary(max_size=3))
@example(rows=[b"", b""], before=b"", behind=b"")
@example(rows=[b"ab", b"cd"], before=b"", behind=b"")
def test_rows_come_back_as_they_were_written(rows: list[bytes], before: bytes, behind: bytes) -> None:
    data = before + row_list(rows) + behind

    assert split_rows(data, len(before)) == (rows, len(data) - len(behind))


@given(rows=st.lists(st.binary(max_size=3), max_size=6))
def test_hint_is_fixed_size_exactly_when_all_rows_have_one_length_other_than_zero(rows: list[bytes]) -> None:
    lengths = {len(row) for row in rows}

    assert (row_list(rows)[0] == 0) == (len(lengths) == 1 and lengths != {0})


def test_fixed_size_ends_where_its_number_does() -> None:
    assert row_list([bytes(FIXED_SIZE_MAX)])[0] == 0
    assert row_list([bytes(FIXED_SIZE_MAX + 1)])[0] == 1


def test_no_rows_are_offsets_of_nothing() -> None:
    assert row_list([]) == EMPTY_ROW_LIST == bytes.fromhex("01" + "00" * 8)


def offsets(starts: list[int], data: bytes) -> bytes:
    return struct.pack(f"<BI{len(starts)}QI", 1, len(starts), *starts, len(data)) + data


@pytest.mark.parametrize(
    "data",
    [
        b"\x02" + bytes(8),
        struct.pack("<BHI", 0, 0, 1) + b"x",
        struct.pack("<BHI", 0, 2, 3) + b"xyz",
        struct.pack("<BHI", 0, 2, 4) + b"xyz",
        offsets([], b"x"),
        offsets([1], b"xy"),
        offsets([0, 2, 1], b"xyz"),
        offsets([0, 4], b"xyz"),
        struct.pack("<BI", 1, 2**32 - 1),
    ],
    ids=["hint", "size 0", "rest", "cut", "no row", "gap", "back", "behind", "count"],
)
def test_hints_that_do_not_fit_the_data_are_refused(data: bytes) -> None:
    with pytest.raises(DecodeError):
        split_rows(data)
