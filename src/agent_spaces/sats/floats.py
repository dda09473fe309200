"""Single precision floats as bits: Python's own conversion would set the quiet bit of a NaN and so change it."""

import math
import struct

_SINGLE, _SINGLE_BITS = struct.Struct("<f"), struct.Struct("<I")
_DOUBLE, _DOUBLE_BITS = struct.Struct("<d"), struct.Struct("<Q")
_PAYLOAD = (1 << 23) - 1
_QUIET = 1 << 22


def f32_to_bits(value: float) -> int:
    """Return the 32 bits of the nearest f32; NaN keeps sign and payload. OverflowError if it is out of range."""
    if math.isnan(value):
        bits: int = _DOUBLE_BITS.unpack(_DOUBLE.pack(value))[0]
        return (bits >> 32 & 1 << 31) | 0x7F800000 | ((bits >> 29 & _PAYLOAD) or _QUIET)
    single: int = _SINGLE_BITS.unpack(_SINGLE.pack(value))[0]
    return single


def f32_from_bits(bits: int) -> float:
    """Return the value of 32 bits; NaN keeps sign and payload."""
    value: float
    if bits & 0x7F800000 == 0x7F800000 and bits & _PAYLOAD:
        wide = (bits & 1 << 31) << 32 | 0x7FF << 52 | (bits & _PAYLOAD) << 29
        value = _DOUBLE.unpack(_DOUBLE_BITS.pack(wide))[0]
    else:
        value = _SINGLE.unpack(_SINGLE_BITS.pack(bits))[0]
    return value
