"""The log lines that `/logs` shows: the last ones, in memory, and those to come."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

from agent_spaces.clock import Clock

FOLLOWER_LINES_MAX = 1000
TARGET = "__spacetimedb__"
_LEVELS = {"debug": "Debug", "info": "Info", "warning": "Warn", "error": "Error", "critical": "Error"}
_NOT_SHOWN = frozenset({"event", "level", "timestamp", "logger", "exception"})


class LogRing:
    """Keeps the last `lines_max` lines; a follower that falls FOLLOWER_LINES_MAX lines behind is let go."""

    def __init__(self, lines_max: int, clock: Clock) -> None:
        self._lines: deque[bytes] = deque(maxlen=lines_max)
        self._followers: dict[asyncio.Queue[bytes | None], asyncio.AbstractEventLoop] = {}
        self._clock = clock
        self._closed = False

    def tap(self, event: Mapping[str, Any]) -> None:
        """Take an event of the structured log (logs.configure's `tap`), on any thread."""
        keys = " ".join(f"{key}={value}" for key, value in event.items() if key not in _NOT_SHOWN)
        level = _LEVELS.get(str(event.get("level")), "Info")
        self.add(level, f"{event['event']} {keys}".rstrip(), function=str(event.get("reducer", TARGET)))

    def add(self, level: str, message: str, function: str = TARGET) -> None:
        """Append a line, in the reference host's form."""
        line = {
            "level": level,
            "ts": self._clock.now_us(),
            "target": TARGET,
            "filename": TARGET,
            "function": function,
            "message": message,
        }
        data = json.dumps(line, separators=(",", ":"), ensure_ascii=False).encode(errors="replace") + b"\n"
        self._lines.append(data)
        for follower, loop in list(self._followers.items()):
            if loop is asyncio._get_running_loop():  # noqa: SLF001 - the documented one raises in other threads
                self._give(follower, data)
            else:
                loop.call_soon_threadsafe(self._give, follower, data)

    def _give(self, follower: asyncio.Queue[bytes | None], data: bytes) -> None:
        if follower in self._followers:
            try:
                follower.put_nowait(data)
            except asyncio.QueueFull:
                self._let_go(follower)

    def last(self, count: int | None) -> list[bytes]:
        """Return the last `count` lines, all that are kept if None."""
        lines = list(self._lines)
        return lines if count is None else lines[len(lines) - count :] if 0 < count < len(lines) else lines[:count]

    async def follow(self, count: int | None) -> AsyncIterator[bytes]:
        """Give the last `count` lines, then each new one, until the host stops."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(FOLLOWER_LINES_MAX)
        lines = self.last(count)
        self._followers[queue] = asyncio.get_running_loop()
        try:
            for line in lines:
                yield line
            while not self._closed or not queue.empty():
                line_or_end = await queue.get()
                if line_or_end is None:
                    return
                yield line_or_end
        finally:
            self._followers.pop(queue, None)

    def _let_go(self, follower: asyncio.Queue[bytes | None]) -> None:
        self._followers.pop(follower, None)
        if follower.full():
            follower.get_nowait()
        follower.put_nowait(None)

    def close(self) -> None:
        """End every follower."""
        self._closed = True
        for follower in list(self._followers):
            self._let_go(follower)
