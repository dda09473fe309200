"""How many calls an identity may make: a token bucket each, over all its connections and HTTP.

A refusal says when to try again; nothing is dropped. Only calls of reducers count.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent_spaces.engine.connection import Connection
    from agent_spaces.engine.database import Database
    from agent_spaces.sats import Identity

BUCKETS_MAX = 10_000  # beyond it those that are full again are forgotten; a full one is as good as none
CALL_TAG = 3  # of a CallReducer among client messages


def refusal_text(wait_seconds: float) -> str:
    """Return what a caller is told, rounded up to hundredths of a second."""
    return f"Too many calls at once; try again in {math.ceil(wait_seconds * 100) / 100:.2f} s."


class RateLimits:
    """The buckets: `burst` calls at once, then `per_second` of them; owners have one like everybody."""

    def __init__(self, per_second: int, burst: int, monotonic: Callable[[], float]) -> None:
        self._per_second, self._burst, self._now = per_second, max(1, burst), monotonic
        self._buckets: dict[Identity, tuple[float, float]] = {}  # (calls left, when that was)

    def wait_of(self, identity: "Identity") -> float:
        """Count a call and return 0; or, where it is one too many, the seconds until one is free, uncounted."""
        now = self._now()
        left, at = self._buckets.get(identity, (float(self._burst), now))
        left = min(self._burst, left + (now - at) * self._per_second)
        if left < 1:
            return (1 - left) / self._per_second
        if identity not in self._buckets and len(self._buckets) >= BUCKETS_MAX:
            self._forget_full(now)
        self._buckets[identity] = (left - 1, now)
        return 0.0

    def _forget_full(self, now: float) -> None:
        refill = self._burst / self._per_second
        self._buckets = {who: (left, at) for who, (left, at) in self._buckets.items() if now - at < refill}

    def receiving(self, database: "Database") -> "Callable[..., int]":
        """Return what takes client messages in front of the database's own `receive`."""

        def receive(connection: "Connection", payload: bytes, offset: int = 0) -> int:
            if payload[offset : offset + 1] == bytes((CALL_TAG,)):
                wait = self.wait_of(connection.identity)
                if wait > 0:
                    return database.refuse(connection, payload, offset, refusal_text(wait))
            return database.receive(connection, payload, offset)

        return receive
