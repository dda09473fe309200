"""The one door to system time and randomness; everything else is handed a Clock and a Randomness."""

import os
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now_us(self) -> int:
        """Microseconds since 1970 by the system's clock, which may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, from an arbitrary start."""
        ...


class Randomness(Protocol):
    """Gives unpredictable bytes."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` bytes that nobody can guess."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Microseconds since 1970 by the system's clock, which may jump."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Seconds that never go back, from an arbitrary start."""
        return time.monotonic()


class SystemRandomness:
    """The machine's source of randomness."""

    def token_bytes(self, count: int) -> bytes:
        """Return `count` bytes that nobody can guess."""
        return os.urandom(count)


class ManualClock:
    """A clock that stands still until it is told to move: for tests and simulations."""

    def __init__(self, now_us: int = 1_700_000_000_000_000) -> None:
        self._now_us, self._monotonic = now_us, 0.0

    def now_us(self) -> int:
        """The time it was set to."""
        return self._now_us

    def monotonic(self) -> float:
        """Seconds it was moved forward."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both clocks forward."""
        self._now_us += round(seconds * 1_000_000)
        self._monotonic += seconds

    def set_us(self, now_us: int) -> None:
        """Let the system's clock jump, also backwards; the monotonic one stays."""
        self._now_us = now_us
