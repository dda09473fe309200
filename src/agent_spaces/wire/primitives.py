"""Reading and writing the few BSATN primitives that messages are made of.

Readers take (data, offset) and give (value, next offset). A length is compared with what is left before anything
is allocated for it. The reasons in DecodeError are the texts of the reference host, which travel in Close frames.
Source: SpacetimeDB 2.8.3, seen.
"""

import struct

from agent_spaces.errors import DecodeError, EncodeError

_U16, _U32, _I64 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<q")
U32_MAX = 2**32 - 1


def too_short(kind: str, data: bytes, offset: int, expected: int) -> DecodeError:
    """Make the error for `expected` bytes of `kind` at `offset` of data that ends before them."""
    given = max(len(data) - offset, 0)
    return DecodeError(kind, offset, f"data too short for {kind}: Expected {expected}, given {given}")


def unknown_tag(sum_type: str, tag: int, offset: int) -> DecodeError:
    """Make the error for a tag that `sum_type` does not have."""
    return DecodeError(sum_type, offset, f"unknown tag {tag:#x} for sum type {sum_type}")


def read_u8(data: bytes, offset: int) -> tuple[int, int]:
    """Read one byte as a number."""
    if offset >= len(data):
        raise too_short("u8", data, offset, 1)
    return data[offset], offset + 1


def read_u16(data: bytes, offset: int) -> tuple[int, int]:
    """Read two bytes as a number."""
    if offset + 2 > len(data):
        raise too_short("u16", data, offset, 2)
    return int(_U16.unpack_from(data, offset)[0]), offset + 2


def read_u32(data: bytes, offset: int) -> tuple[int, int]:
    """Read four bytes as a number."""
    if offset + 4 > len(data):
        raise too_short("u32", data, offset, 4)
    return int(_U32.unpack_from(data, offset)[0]), offset + 4


def read_i64(data: bytes, offset: int) -> tuple[int, int]:
    """Read eight bytes as a signed number."""
    if offset + 8 > len(data):
        raise too_short("i64", data, offset, 8)
    return int(_I64.unpack_from(data, offset)[0]), offset + 8


def read_exactly(data: bytes, offset: int, count: int) -> tuple[bytes, int]:
    """Read `count` bytes that have no length before them."""
    end = offset + count
    if end > len(data):
        raise too_short("[u8]", data, offset, count)
    return data[offset:end], end


def read_bytes(data: bytes, offset: int) -> tuple[bytes, int]:
    """Read a u32 length, then so many bytes."""
    count, offset = read_u32(data, offset)
    return read_exactly(data, offset, count)


def read_string(data: bytes, offset: int) -> tuple[str, int]:
    """Read a u32 length in bytes, then UTF-8."""
    raw, end = read_bytes(data, offset)
    try:
        return raw.decode(), end
    except UnicodeDecodeError as error:
        raise DecodeError("String", end - len(raw) + error.start, f"invalid utf-8 sequence: {error.reason}") from None


def read_count(data: bytes, offset: int, element_bytes_min: int) -> tuple[int, int]:
    """Read the u32 element count of an array whose elements take at least `element_bytes_min` bytes each.

    A count that cannot fit into what is left is refused here, so that nobody loops or allocates for it.
    """
    count, offset = read_u32(data, offset)
    if count * element_bytes_min > len(data) - offset:
        raise too_short("array", data, offset, count * element_bytes_min)
    return count, offset


def u32(number: int) -> bytes:
    """Write a number as four bytes; EncodeError if it does not fit."""
    if not 0 <= number <= U32_MAX:
        raise EncodeError("u32", f"{number} does not fit")
    return _U32.pack(number)


def i64(number: int) -> bytes:
    """Write a signed number as eight bytes; EncodeError if it does not fit."""
    if not -(2**63) <= number < 2**63:
        raise EncodeError("i64", f"{number} does not fit")
    return _I64.pack(number)


def byte_string(data: bytes) -> bytes:
    """Write a u32 length, then the bytes."""
    return u32(len(data)) + data


def string(text: str) -> bytes:
    """Write text as its length in bytes, then UTF-8; EncodeError if it holds a lone surrogate."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise EncodeError("String", f"{error.reason} at character {error.start}") from None
    return byte_string(data)
