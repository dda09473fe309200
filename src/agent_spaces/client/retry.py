"""How long to wait before connecting again: full jitter, so that a thousand clients do not come back at once."""

from collections.abc import Callable

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 30.0
HALVING_SECONDS = 0.25


class Backoff:
    """Waits before attempts: uniform between 0 and a bound that grows with each, from 0.1 to 30 seconds.

    The bound doubles, but past 0.2 it is never more than what was waited so far: a host that was away for some seconds
    is found again within as many. A connection that held halves it for every quarter of a second: whoever loses one
    every second is back soon, and a host that lets a client in only to throw it out is left alone. `random` gives a
    float in [0, 1).
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._bound = FIRST_SECONDS
        self._waited = 0.0

    def wait(self, held_seconds: float) -> float:
        """Return the seconds to wait after a connection that held so long; 0 if none was made."""
        share = 0.5 ** min(int(held_seconds / HALVING_SECONDS), 64)
        self._waited *= share
        bound = max(FIRST_SECONDS, self._bound * share)
        seconds = self._random() * bound
        self._waited += seconds
        self._bound = min(LONGEST_SECONDS, bound * 2, max(2 * FIRST_SECONDS, self._waited))
        return seconds
