"""A transport whose other side reads as much as a test says: asyncio's rules for write buffers, without a socket."""

import asyncio
from typing import Any


class SlowTransport(asyncio.Transport):
    """Takes `window` bytes at once and keeps the rest until `read`; high-water mark as set by the protocol."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window, self.buffer, self.sent = window, bytearray(), bytearray()
        self.high, self.paused = 1 << 16, False
        self.closing = self.aborted = self.half_closed = False
        self.protocol: Any = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high is not None
        self.high = high

    def get_write_buffer_size(self) -> int:
        return len(self.buffer)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.closing:
            return
        self.buffer += data
        self.flush()
        if len(self.buffer) > self.high and not self.paused:
            self.paused = True
            self.protocol.pause_writing()

    def read(self, count: int) -> None:
        """Let the other side read so many bytes more."""
        self.window += count
        self.flush()
        if not self.buffer and self.paused:
            self.paused = False
            self.protocol.resume_writing()

    def flush(self) -> None:
        now, self.buffer = self.buffer[: self.window], self.buffer[self.window :]
        self.sent += now
        self.window -= len(now)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.half_closed = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True
        self.buffer.clear()
        asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default
