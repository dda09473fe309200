"""Values that SpacetimeDB recognises by the shape of their type: identities, times, durations, schedules.

Identity, ConnectionId and Uuid are `bytes` in wire order (little-endian), so that encoding is a copy and hashing is
that of bytes; their text and their order are those of the big-endian number, as everywhere in SpacetimeDB.
Source: SpacetimeDB 2.8.3, seen; vectors/golden/identity.json, vectors/golden/bsatn-values.json.
"""

from dataclasses import dataclass
from typing import Self


class _WireBytes(bytes):
    """Bytes that stand for a little-endian number and are written as big-endian hex."""

    __slots__ = ()
    size: int

    def __new__(cls, wire: bytes) -> Self:
        if len(wire) != cls.size:
            msg = f"{cls.__name__} takes {cls.size} bytes, not {len(wire)}"
            raise ValueError(msg)
        return super().__new__(cls, wire)

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """Read `2 * size` hex digits, with or without 0x; ValueError otherwise."""
        digits = text.removeprefix("0x")
        if len(digits) != 2 * cls.size or not digits.isascii() or not digits.isalnum():
            msg = f"{cls.__name__} is written as {2 * cls.size} hex digits"
            raise ValueError(msg)
        return cls(bytes.fromhex(digits)[::-1])

    @classmethod
    def from_int(cls, number: int) -> Self:
        """Take the number that the bytes stand for."""
        return cls(number.to_bytes(cls.size, "little"))

    def to_int(self) -> int:
        """Return the number that the bytes stand for."""
        return int.from_bytes(self, "little")

    def hex(self) -> str:  # type: ignore[override]
        """Return the text form: big-endian, lower case, no prefix."""
        return self[::-1].hex()

    def __str__(self) -> str:
        return self.hex()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.hex()})"

    def __lt__(self, other: bytes) -> bool:
        return self[::-1] < other[::-1]

    def __le__(self, other: bytes) -> bool:
        return self[::-1] <= other[::-1]

    def __gt__(self, other: bytes) -> bool:
        return self[::-1] > other[::-1]

    def __ge__(self, other: bytes) -> bool:
        return self[::-1] >= other[::-1]

    def __getnewargs__(self) -> tuple[bytes]:
        return (bytes(self),)


class Identity(_WireBytes):
    """Who somebody is, across connections: 32 bytes, derived from a token's issuer and subject."""

    __slots__ = ()
    size = 32

    def short(self) -> str:
        """Return the first eight hex digits after the fixed prefix, for logs and screens."""
        return self.hex()[4:12]


class ConnectionId(_WireBytes):
    """Which connection: 16 bytes, random."""

    __slots__ = ()
    size = 16


class Uuid(_WireBytes):
    """A UUID; the text is the usual one with dashes."""

    __slots__ = ()
    size = 16

    def __str__(self) -> str:
        digits = self.hex()
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the usual text with dashes; ValueError otherwise."""
        return cls.from_hex(text.replace("-", ""))


ZERO_IDENTITY = Identity(bytes(32))


class Timestamp(int):
    """A point in time: microseconds since 1970, may be negative."""

    __slots__ = ()


class TimeDuration(int):
    """A span of time: microseconds, signed."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Interval:
    """ScheduleAt: again and again, `duration` apart."""

    duration: TimeDuration


@dataclass(frozen=True, slots=True)
class Time:
    """ScheduleAt: once, at `at`."""

    at: Timestamp


ScheduleAt = Interval | Time
