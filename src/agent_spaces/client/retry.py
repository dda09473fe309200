"""How long to wait before connecting again: full jitter, so that a thousand clients do not come back at once."""

from collections.abc import Callable, Iterator

FIRST_SECONDS = 0.1
LONGEST_SECONDS = 30.0


def delays(random: Callable[[], float]) -> Iterator[float]:
    """Yield seconds to wait before each attempt, for ever: uniform between 0 and a bound that doubles from 0.1 to 30.

    `random` gives a float in [0, 1).
    """
    bound = FIRST_SECONDS
    while True:
        yield random() * bound
        bound = min(LONGEST_SECONDS, bound * 2)
