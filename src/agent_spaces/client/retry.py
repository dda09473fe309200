"""How long to wait before connecting again: full jitter, so that a thousand clients do not come back at once."""

from collections.abc import Callable

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 30.0
HALVING_SECONDS = 0.25


class Backoff:
    """Waits before attempts: uniform between 0 and a bound that doubles with each, from 0.1 to 30 seconds.

    A connection that held halves the bound for every quarter of a second: whoever loses one every second is back soon,
    and a host that lets a client in only to throw it out is left alone. `random` gives a float in [0, 1).
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._bound = FIRST_SECONDS

    def wait(self, held_seconds: float) -> float:
        """Return the seconds to wait after a connection that held so long; 0 if none was made."""
        halvings = min(int(held_seconds / HALVING_SECONDS), 64)
        self._bound = max(FIRST_SECONDS, self._bound / 2**halvings)
        seconds = self._random() * self._bound
        self._bound = min(LONGEST_SECONDS, self._bound * 2)
        return seconds
