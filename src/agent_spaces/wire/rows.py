"""Lists of rows on the wire (BsatnRowList): a size hint, then the rows' BSATN back to back.

The hint is FixedSize (tag 0, u16) when all rows have one equal length other than 0, also for types whose rows could
differ; otherwise RowOffsets (tag 1, array of u64 starts). An empty list is RowOffsets of nothing.
Source: SpacetimeDB 2.8.3, seen.
"""

import struct
from collections.abc import Sequence
from itertools import accumulate

from agent_spaces.errors import DecodeError
from agent_spaces.wire.primitives import read_bytes, read_count, read_u8, read_u16, unknown_tag

_FIXED = struct.Struct("<BHI")
FIXED_SIZE_MAX = 0xFFFF
EMPTY_ROW_LIST = b"\1" + bytes(8)


def row_list(rows: Sequence[bytes]) -> bytes:
    """Return the rows as a BsatnRowList with the hint that the reference host would choose."""
    if not rows:
        return EMPTY_ROW_LIST
    size = len(rows[0])
    if len(rows) == 1 and 0 < size <= FIXED_SIZE_MAX:
        return _FIXED.pack(0, size, size) + rows[0]
    data = b"".join(rows)
    if 0 < size <= FIXED_SIZE_MAX and all(len(row) == size for row in rows):
        return _FIXED.pack(0, size, len(data)) + data
    starts = [0, *accumulate(map(len, rows[:-1]))]
    return struct.pack(f"<BI{len(starts)}QI", 1, len(starts), *starts, len(data)) + data


def split_rows(data: bytes, offset: int = 0) -> tuple[list[bytes], int]:
    """Read a BsatnRowList at `offset`; return the rows and the offset behind the list.

    Raises DecodeError for a hint that does not fit the data: sizes that do not divide it, offsets that do not start
    at 0, go back, or point behind its end.
    """
    tag, at = read_u8(data, offset)
    if tag == 0:
        size, at = read_u16(data, at)
        rows, at = read_bytes(data, at)
        if not rows:
            return [], at
        if not size or len(rows) % size:
            raise DecodeError("BsatnRowList", offset, f"{len(rows)} bytes are not made of rows of {size} bytes")
        return [rows[start : start + size] for start in range(0, len(rows), size)], at
    if tag != 1:
        raise unknown_tag("RowSizeHint", tag, offset)
    count, at = read_count(data, at, 8)
    starts = struct.unpack_from(f"<{count}Q", data, at)
    rows, at = read_bytes(data, at + 8 * count)
    ends = (*starts[1:], len(rows))
    if count == 0 and rows:
        raise DecodeError("BsatnRowList", offset, f"{len(rows)} bytes belong to no row")
    if count and starts[0] != 0:
        raise DecodeError("BsatnRowList", offset, f"the first row starts at {starts[0]}")
    for start, end in zip(starts, ends, strict=False):
        if start > end or end > len(rows):
            raise DecodeError("BsatnRowList", offset, f"a row from {start} to {end} in {len(rows)} bytes")
    return [rows[start:end] for start, end in zip(starts, ends, strict=False)], at
