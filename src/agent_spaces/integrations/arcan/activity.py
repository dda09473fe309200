"""What an agent does, told to a channel as AgentEvents, without ever being in the agent's way."""

import asyncio
import json
import math
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from agent_spaces.agents.session import Session
from agent_spaces.clock import Clock, SystemClock
from agent_spaces.errors import SpacesError
from agent_spaces.fabric.types import MessageType
from agent_spaces.logs import get_logger
from agent_spaces.peer_text import one_line

LOG_CHANNEL = "agent-logs"
QUEUE_MAX = 256  # events that wait to be posted; one more is dropped and counted
RUNS_MAX = 256  # runs whose calls are counted; the one that was quiet longest is forgotten
DRAIN_SECONDS = 2.0
NAME_CHARS_MAX = 100
REASON_CHARS_MAX = 200
_log = get_logger("arcan")


@dataclass(slots=True)
class _Counts:
    tools: int = 0
    failed: int = 0
    tool_ms: int = 0


class Activity:
    """Posts `tool.completed`, `tool.failed` and `run.finished` to a channel; made by `Activity.open`.

    Its methods only put something into a queue of `queue_max`, on the thread of the event loop. What does not fit is
    dropped, counted in `dropped` and told with the next event; what cannot be posted is counted in `failed` and logged.
    """

    def __init__(
        self,
        session: Session,
        channel: int | str = LOG_CHANNEL,
        *,
        queue_max: int = QUEUE_MAX,
        clock: Clock | None = None,
    ) -> None:
        """Nothing is posted before `open` runs it."""
        self._session, self._channel, self._queue_max = session, channel, queue_max
        self._clock = clock or SystemClock()
        self._waiting: deque[dict[str, Any]] = deque()
        self._runs: OrderedDict[str, _Counts] = OrderedDict()
        self._wake, self._idle = asyncio.Event(), asyncio.Event()
        self._idle.set()
        self.posted = self.failed = self.dropped = 0
        self._untold = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        session: Session,
        channel: int | str = LOG_CHANNEL,
        *,
        queue_max: int = QUEUE_MAX,
        clock: Clock | None = None,
    ) -> AsyncIterator["Activity"]:
        """Post in the background for a block; at its end what waits may take DRAIN_SECONDS more."""
        activity = cls(session, channel, queue_max=queue_max, clock=clock)
        posting = asyncio.create_task(activity.post_all(), name="spaces-activity")
        try:
            yield activity
        finally:
            await activity.drain(DRAIN_SECONDS)
            posting.cancel()
            await asyncio.gather(posting, return_exceptions=True)
            activity.give_up()

    def tool_finished(self, tool: str, *, failed: bool, duration_ms: float, run: str = "") -> bool:
        """Tell that a tool call has ended; False if there was no room for it."""
        run_name = one_line(run, NAME_CHARS_MAX)
        counts = self._counts_of(run_name)
        counts.tools += 1
        counts.failed += failed
        counts.tool_ms += _whole(duration_ms)
        return self._put(
            {
                "event": "tool.failed" if failed else "tool.completed",
                "tool": one_line(tool, NAME_CHARS_MAX),
                "run": run_name,
                "duration_ms": _whole(duration_ms),
            }
        )

    def run_finished(self, run: str = "", *, reason: str, duration_ms: float, iterations: int | None = None) -> bool:
        """Tell that a run has ended, with the count of its tool calls; False if there was no room for it."""
        run_name = one_line(run, NAME_CHARS_MAX)
        counts = self._runs.pop(run_name, _Counts())
        event = {
            "event": "run.finished",
            "run": run_name,
            "reason": one_line(reason, REASON_CHARS_MAX),
            "duration_ms": _whole(duration_ms),
            "tools": counts.tools,
            "tools_failed": counts.failed,
            "tools_ms": counts.tool_ms,
        }
        return self._put(event if iterations is None else {**event, "iterations": iterations})

    @contextmanager
    def tool(self, name: str, *, run: str = "") -> Iterator[None]:
        """Tell how the tool call in the block ended and how long it took; an exception passes through as a failure."""
        begun, failed = self._clock.monotonic(), True
        try:
            yield
            failed = False
        finally:
            self.tool_finished(name, failed=failed, duration_ms=self._ms_since(begun), run=run)

    @contextmanager
    def run(self, name: str = "") -> Iterator[None]:
        """Tell how the run in the block ended: completed, or the name of the exception, which passes through."""
        begun, reason = self._clock.monotonic(), "completed"
        try:
            yield
        except BaseException as error:
            reason = type(error).__name__
            raise
        finally:
            self.run_finished(name, reason=reason, duration_ms=self._ms_since(begun))

    async def post_all(self) -> None:
        """Post what is put, in order, until canceled."""
        while True:
            await self._wake.wait()
            while self._waiting:
                await self._post(self._waiting.popleft())
            self._wake.clear()
            self._idle.set()

    async def drain(self, seconds: float) -> None:
        """Wait until everything is posted, so many seconds at most."""
        try:
            await asyncio.wait_for(self._idle.wait(), seconds)
        except TimeoutError:
            _log.warning("activity.not_drained", waiting=len(self._waiting))

    def give_up(self) -> None:
        """Count what still waits as dropped, and log how many were; one that was under way may have been posted."""
        self.dropped += len(self._waiting)
        self._waiting.clear()
        if self.dropped or self.failed:
            _log.warning("activity.ended", posted=self.posted, dropped=self.dropped, failed=self.failed)

    async def _post(self, event: dict[str, Any]) -> None:
        untold, self._untold = self._untold, 0
        content = {**event, "dropped": untold} if untold else event
        try:
            place = await self._session.channel(self._channel)
            text = json.dumps(content, ensure_ascii=False)
            # A key of its own: inside a handler the automatic ones belong to what the handler sends.
            key = f"activity/{token_hex(16)}"
            await self._session.post(place.id, text, kind=MessageType.AGENT_EVENT, key=key)
        except asyncio.CancelledError:
            self.dropped += 1
            raise
        except (SpacesError, TimeoutError) as error:
            self.failed += 1
            self._untold += untold
            _log.warning("activity.not_posted", activity=event["event"], reason=str(error))
        except Exception:  # noqa: BLE001 - whatever it is, the agent has nothing to do with it
            self.failed += 1
            self._untold += untold
            _log.exception("activity.not_posted", activity=event["event"])
        else:
            self.posted += 1

    def _put(self, event: dict[str, Any]) -> bool:
        if len(self._waiting) >= self._queue_max:
            self.dropped += 1
            self._untold += 1
            return False
        self._waiting.append(event)
        self._idle.clear()
        self._wake.set()
        return True

    def _counts_of(self, run: str) -> _Counts:
        counts = self._runs.setdefault(run, _Counts())
        self._runs.move_to_end(run)
        if len(self._runs) > RUNS_MAX:
            self._runs.popitem(last=False)
        return counts

    def _ms_since(self, begun: float) -> float:
        return (self._clock.monotonic() - begun) * 1000


def _whole(duration_ms: float) -> int:
    return max(0, round(duration_ms)) if math.isfinite(duration_ms) else 0
