"""Items on their way to a handler: at most so many at a time, each tried again after an exception."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from agent_spaces.errors import SpacesError
from agent_spaces.logs import get_logger

T = TypeVar("T")
RETRY_SECONDS = (0.5, 2.0, 8.0, 30.0)  # after the first, second, … exception; then an item waits for the next start
_log = get_logger("agents")


@dataclass(frozen=True, slots=True)
class Failure:
    """That a handler raised: for which item, the how manieth time, and when it will be tried again (None: not here)."""

    handler: str
    item: str
    error: Exception
    tries: int
    retry_seconds: float | None


Report = Callable[[Failure], None]


def log_failure(error: Exception, **about: Any) -> None:
    """Log what a handler raised: what the host refused in one line, everything else with its traceback."""
    if isinstance(error, SpacesError):
        _log.warning("handler.failed", reason=str(error), **about)
    else:
        _log.error("handler.failed", exc_info=error, **about)


@dataclass(slots=True)
class _Waiting(Generic[T]):
    key: Hashable
    item: T
    tries: int = 0


class Lane(Generic[T]):
    """Hands items to `handle`, `concurrency` at a time, in the order they came; each key once.

    What raises is reported, let wait, and tried again behind the others; it is `given_up` after the last try.
    """

    def __init__(
        self,
        name: str,
        concurrency: int,
        handle: Callable[[T], Awaitable[None]],
        report: Report,
        *,
        retry_seconds: tuple[float, ...] = RETRY_SECONDS,
        given_up: Callable[[T], Awaitable[None]] | None = None,
    ) -> None:
        self.name, self.concurrency = name, concurrency
        self._handle, self._report, self._given_up = handle, report, given_up
        self._retry_seconds = retry_seconds
        self._waiting: deque[_Waiting[T]] = deque()
        self._known: set[Hashable] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self._timers: set[asyncio.TimerHandle] = set()

    def put(self, key: Hashable, item: T) -> None:
        """Let an item wait for its turn; a key that is known already is left out."""
        if key not in self._known:
            self._known.add(key)
            self._enter(_Waiting(key, item))

    def forget(self, key: Hashable) -> None:
        """Let a key be put again: it was acknowledged, or is no longer there."""
        self._known.discard(key)

    def _enter(self, waiting: _Waiting[T]) -> None:
        self._waiting.append(waiting)
        self._wake.set()

    def start(self) -> None:
        """Begin to hand out."""
        self._tasks = [asyncio.create_task(self._work(), name=f"lane-{self.name}") for _ in range(self.concurrency)]

    async def stop(self, drain_seconds: float) -> None:
        """Hand out nothing more; what runs may take drain_seconds to end, then it is canceled."""
        self._stopping = True
        self._wake.set()
        for timer in self._timers:
            timer.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=drain_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self) -> None:
        while not self._stopping:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            await self._try(self._waiting.popleft())

    async def _try(self, waiting: _Waiting[T]) -> None:
        try:
            await self._handle(waiting.item)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is reported and ends only its try
            waiting.tries += 1
            again = waiting.tries <= len(self._retry_seconds)
            delay = self._retry_seconds[waiting.tries - 1] if again else None
            log_failure(error, handler=self.name, item=str(waiting.key), tries=waiting.tries)
            self._report(Failure(self.name, str(waiting.key), error, waiting.tries, delay))
            if delay is not None:
                self._later(delay, waiting)
            elif self._given_up is not None:
                await self._let_go(waiting)
        else:
            self.forget(waiting.key)

    async def _let_go(self, waiting: _Waiting[T]) -> None:
        assert self._given_up is not None, "asked before"
        try:
            await self._given_up(waiting.item)
        except Exception as error:  # noqa: BLE001 - the lane goes on whatever happens to one item
            log_failure(error, handler=self.name, item=str(waiting.key), tries=waiting.tries)

    def _later(self, delay: float, waiting: _Waiting[T]) -> None:
        def again() -> None:
            self._timers.discard(timer)
            self._enter(waiting)

        timer = asyncio.get_running_loop().call_later(delay, again)
        self._timers.add(timer)
