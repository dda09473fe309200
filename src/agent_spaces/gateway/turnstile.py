"""How newcomers share the loop with those who are in: a bounded piece of work for each turn of the loop.

A connection costs the one thread about a hundred calls: its head, a signature, a transaction, and another at its end.
Many at once would keep everybody waiting until the last of them is in.
"""

import asyncio
from collections import deque
from collections.abc import Callable

SLICE_S = 0.0005  # a turn: what waits is let in until this is used up, at least one piece a turn


class Turnstile:
    """Does pieces of work in the order they came, as many as fit into a slice of each turn of the running loop.

    What waits is bounded by the number of connections: each has at most one beginning and one end in here.
    """

    def __init__(self, monotonic: Callable[[], float], slice_s: float = SLICE_S) -> None:
        self._now, self._slice_s = monotonic, slice_s
        self._waiting: deque[Callable[[], None]] = deque()
        self._spent_s = 0.0
        self._is_turning = False

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, work: Callable[[], None]) -> bool:
        """Do it at once if nobody waits and this turn has time left, else in a later turn; return whether it is done.

        What it raises is raised here, or goes to the loop's exception handler.
        """
        if self._waiting or (self._is_turning and self._spent_s >= self._slice_s):
            self._waiting.append(work)
            return False
        self._do(work)
        return True

    def _do(self, work: Callable[[], None]) -> None:
        began = self._now()
        try:
            work()
        finally:
            self._spent_s += self._now() - began
            if not self._is_turning:
                self._is_turning = True
                asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._is_turning, self._spent_s = False, 0.0
        while self._waiting:
            self._do(self._waiting.popleft())
            if self._spent_s >= self._slice_s:
                break
