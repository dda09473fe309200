"""The server's side of a WebSocket (RFC 6455) on a transport, for any handler.

Everything one read brings is handled before the next read, and what the handler sends for it goes out as it comes:
this loop is the hot path of the host. Extensions are never negotiated.
"""

import asyncio
import codecs
import os
from collections import deque
from collections.abc import Callable
from typing import Protocol

from agent_spaces.errors import DecodeError
from agent_spaces.gateway import ws_frames as ws
from agent_spaces.gateway.ws_buffer import ReadBuffer
from agent_spaces.gateway.ws_frames import unmask
from agent_spaces.gateway.ws_limits import SocketLimits
from agent_spaces.native import choice as native

HELD_BYTES_FREE = 64 << 10  # a socket that holds no more than this is never sent away for what others hold
Utf8Decoder = codecs.getincrementaldecoder("utf-8")


split: Callable[[bytes, int], tuple[list[bytes], int]] = native.frames.split if native.frames else ws.split


class Handler(Protocol):
    """What a WebSocket is for; all of it runs on the loop and must not block."""

    def opened(self, socket: "WebSocket") -> None:
        """Begin: the handshake is sent and nothing has been read yet."""
        ...

    @property
    def binary(self) -> Callable[[bytes], object]:
        """What takes a whole binary message, asked for once it is open; DecodeError ends the connection with 1011."""
        ...

    def text(self, text: str) -> None:
        """Take a whole text message."""
        ...

    def lost(self) -> None:
        """Stop: nothing more is read or sent; called once."""
        ...


def _descriptor(transport: asyncio.Transport) -> int:
    """Return the socket to write to while the transport holds nothing back, or -1 if it does more than hold back."""
    if type(transport).__module__ != "asyncio.selector_events":
        return -1
    descriptor: int = transport.get_extra_info("socket").fileno()
    return descriptor


def _ignore(_data: bytes) -> None:
    """Take the place of what must not be called any more."""


class WebSocket(asyncio.BufferedProtocol):
    """One connection after its handshake; engine.Link for the engine.

    It is open, then closing (our Close is sent, nothing is handled or sent any more), then lost. `ended` is told the
    reason once the transport is gone, in a word for logs and metrics: "client", "host", "protocol", "idle",
    "outgoing_messages", "outgoing_bytes", "partial_bytes", "refused" or "lost".
    """

    __slots__ = (
        "_backlog",
        "_backlog_bytes",
        "_binary",
        "_buffer",
        "_choked",
        "_clock",
        "_decoder",
        "_ended",
        "_fd",
        "_handler",
        "_heard_at",
        "_held",
        "_limits",
        "_loop",
        "_need",
        "_open",
        "_parts",
        "_ping_at",
        "_ping_waits",
        "_pings",
        "_reason",
        "_rest",
        "_shared",
        "_stopped",
        "_timer",
        "_told",
        "_transport",
        "_write",
    )

    _transport: asyncio.Transport

    def __init__(
        self, handler: Handler, limits: SocketLimits, buffer: ReadBuffer, ended: Callable[[str], None] | None = None
    ) -> None:
        self._handler, self._limits, self._shared, self._ended = handler, limits, buffer, ended
        self._buffer, self._held = buffer.memory, 0
        self._loop = asyncio.get_running_loop()
        self._clock = self._loop.time
        self._open = False
        self._binary: Callable[[bytes], object] = _ignore
        self._write: Callable[[bytes], None] = _ignore
        self._fd = -1
        self._rest, self._need, self._pings = bytearray(), 0, 0
        self._parts: bytearray | None = None
        self._decoder: codecs.IncrementalDecoder | None = None
        self._choked = self._stopped = self._told = self._ping_waits = False
        self._backlog: deque[int] = deque()
        self._backlog_bytes = 0
        self._heard_at = self._ping_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._reason = "lost"

    def attach(self, transport: asyncio.Transport, leftover: bytes = b"") -> None:
        """Take over a transport whose handshake is written; `leftover` is what came behind the request's head."""
        self._transport = transport
        transport.set_protocol(self)
        transport.set_write_buffer_limits(high=0)  # pause_writing is called exactly when something did not fit
        self._open = True
        self._write = transport.write
        self._fd = _descriptor(transport)
        self._heard_at = self._clock()
        self._ping_at = self._heard_at + self._limits.ping_interval_s
        self._timer = self._loop.call_later(self._limits.ping_interval_s, self._tick)
        self._handler.opened(self)
        if self._open:
            self._binary = self._handler.binary
        if leftover:
            self._feed(leftover)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Give the loop the shared buffer."""
        del sizehint
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Handle everything that has arrived whole."""
        self._heard_at = self._clock()
        if not self._rest:
            self._feed(bytes(self._buffer[:nbytes]))
        else:
            self._rest += self._buffer[:nbytes]
            if len(self._rest) >= self._need:
                data, self._rest = bytes(self._rest), bytearray()
                self._feed(data)
        if self._rest or self._parts is not None or self._held:
            self._account()

    def _account(self) -> None:
        """Note what is kept of messages that have not arrived whole; too much for the host ends the connection."""
        held = len(self._rest) + len(self._parts or b"")
        self._shared.held_bytes += held - self._held
        self._held = held
        if held > HELD_BYTES_FREE and self._shared.held_bytes > self._limits.partial_bytes_max:
            self._close(ws.TRY_AGAIN_LATER, "too many large messages arrive at once", "partial_bytes")
            self._stop_reading()

    def _feed(self, data: bytes) -> None:
        try:
            offset = self._frames(data)
        except ws.ProtocolViolationError as violation:
            self._fail(violation.code, violation.reason)
            return
        if offset < len(data) and not self._stopped:
            self._rest = bytearray(data[offset:])

    def _frames(self, data: bytes) -> int:
        """Handle the whole frames in `data`; return the offset of the first that is not and note what it needs."""
        offset, size = 0, len(data)
        self._need = self._pings = 0
        if self._parts is None:  # what most clients send, and nothing else
            payloads, offset = split(data, self._limits.message_bytes_max)
            for payload in payloads:
                try:
                    self._binary(payload)
                except DecodeError as error:
                    self.close(ws.INTERNAL_ERROR, error.reason)
                if self._stopped:
                    return offset
        while size - offset >= 6 and not self._stopped:
            first, length, head = data[offset], data[offset + 1] ^ 0x80, offset + 2
            if length > 125:
                if length > 127:
                    raise ws.ProtocolViolationError(ws.PROTOCOL_ERROR, "unmasked frame")
                head += 2 if length == 126 else 8
                if head > size:
                    break
                length = int.from_bytes(data[offset + 2 : head], "big")
            is_plain = first == 0x82 and self._parts is None
            if not is_plain:
                ws.check_head(first, length, in_message=self._parts is not None)
            if length > self._limits.message_bytes_max:
                raise ws.ProtocolViolationError(ws.TOO_BIG, "message is too big")
            body = head + 4
            end = body + length
            if end > size:
                self._need = end - offset
                break
            payload = unmask(data[body:end], data[head:body])
            offset = end
            if is_plain:
                self._take(payload)
            else:
                self._other(first, payload)
        if size - offset >= 2 and not data[offset + 1] & 0x80 and not self._stopped:
            raise ws.ProtocolViolationError(ws.PROTOCOL_ERROR, "unmasked frame")
        return offset

    def _take(self, payload: bytes) -> None:
        try:
            self._binary(payload)
        except DecodeError as error:
            self.close(ws.INTERNAL_ERROR, error.reason)

    def _other(self, first: int, payload: bytes) -> None:
        opcode = first & 0x0F
        if opcode == ws.CLOSE:
            self._closed_by_client(payload)
        elif opcode == ws.PING:
            self._pings += 1
            if self._pings > ws.PINGS_AT_ONCE_MAX:
                raise ws.ProtocolViolationError(ws.TRY_AGAIN_LATER, "too many pings at once")
            self.send(ws.control_frame(ws.PONG, payload))
        elif opcode == ws.PONG:
            self._ping_waits = False
        else:
            self._part(payload, is_text=opcode == ws.TEXT, final=first >= ws.FINAL)

    def _part(self, payload: bytes, *, is_text: bool, final: bool) -> None:
        parts = self._parts
        if parts is None:
            parts = self._parts = bytearray()
            self._decoder = Utf8Decoder() if is_text else None
        if len(parts) + len(payload) > self._limits.message_bytes_max:
            raise ws.ProtocolViolationError(ws.TOO_BIG, "message is too big")
        parts += payload
        decoder = self._decoder
        if decoder is not None:
            try:
                decoder.decode(payload, final)
            except UnicodeDecodeError:
                raise ws.ProtocolViolationError(ws.INVALID_TEXT, "text is no UTF-8") from None
        if not final:
            return
        self._parts = self._decoder = None
        if decoder is None:
            self._take(bytes(parts))
        elif self._open:
            self._handler.text(parts.decode())

    def send(self, data: bytes) -> None:
        """Write whole frames, once they are complete; a client that does not read is cut off at the limits."""
        if self._fd >= 0 and not self._choked:
            # The transport holds nothing back, so it need not be asked first.
            try:
                sent = os.write(self._fd, data)
            except OSError:  # a full socket, or a broken one: the transport knows what to do
                sent = 0
            if sent != len(data):
                self.send_rest(data, sent)
        else:
            self.send_rest(data, 0)

    def send_rest(self, data: bytes, sent: int) -> None:
        """Leave to the transport what the socket did not take."""
        self._write(data[sent:])
        if self._choked and self._open:
            self._count_backlog(data)

    def _count_backlog(self, data: bytes) -> None:
        backlog, limits = self._backlog, self._limits
        backlog.extend(ws.frame_sizes(data))
        self._backlog_bytes += len(data)
        unsent = self._transport.get_write_buffer_size()
        while backlog and self._backlog_bytes - backlog[0] >= unsent:
            self._backlog_bytes -= backlog.popleft()
        # The first is being written: however long it is, only what waits behind it counts.
        if len(backlog) - 1 > limits.outgoing_messages_max:
            self._cut_off("outgoing_messages")
        elif backlog and self._backlog_bytes - backlog[0] > limits.outgoing_bytes_max:
            self._cut_off("outgoing_bytes")

    def pause_writing(self) -> None:
        """Begin to count: the socket's own buffer is full."""
        self._choked = True

    def resume_writing(self) -> None:
        """Stop counting: everything is written."""
        self._choked = False
        self._backlog.clear()
        self._backlog_bytes = 0

    def close(self, code: int, reason: str) -> None:
        """Send Close and wait for the client's; after close_timeout_s the connection is cut."""
        self._close(code, reason, "host")

    def abort(self, why: str) -> None:
        """Cut the connection without a Close."""
        self._end(why)
        self._stopped = True
        self._transport.abort()

    def _close(self, code: int, reason: str, why: str) -> None:
        if self._open:
            self._write(ws.close_frame(code, reason))
            self._end(why)

    def _end(self, why: str) -> None:
        """Neither handle nor send anything from now on; the handler is told when the caller's work is done."""
        if not self._open:
            return
        self._open = False
        self._reason = why
        self._write = self._binary = _ignore
        self._fd = -1
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(self._limits.close_timeout_s, self._transport.abort)
        self._loop.call_soon(self._tell)

    def _cut_off(self, why: str) -> None:
        """End a connection that reads too slowly: Close goes behind what is queued, if it gets there in time."""
        self._close(ws.TRY_AGAIN_LATER, "too slow", why)
        self._stop_reading()

    def _fail(self, code: int, reason: str) -> None:
        """End a connection that broke the protocol: nothing behind the violation can be believed."""
        self._close(code, reason, "protocol")
        self._stop_reading()

    def _stop_reading(self) -> None:
        # Half closing lets the client see Close and the end; a full close here could reset what it has not read yet.
        self._stopped = True
        self._release()
        if not self._transport.is_closing() and self._transport.can_write_eof():
            self._transport.write_eof()

    def _release(self) -> None:
        self._rest, self._parts = bytearray(), None
        self._account()

    def _closed_by_client(self, payload: bytes) -> None:
        code, _ = ws.read_close(payload)
        self._stopped = True
        if self._open:
            self._write(ws.control_frame(ws.CLOSE, b"" if code is None else payload[:2]))
            self._end("client")
        self._transport.close()

    def _tick(self) -> None:
        limits, now = self._limits, self._clock()
        silent_s = now - self._heard_at
        if silent_s >= limits.idle_timeout_s:
            self.abort("idle")
            return
        if now >= self._ping_at and not self._ping_waits:
            self._ping_waits = True
            self._ping_at = now + limits.ping_interval_s
            self.send(ws.control_frame(ws.PING, b""))
        if self._open:
            wait_s = min(limits.ping_interval_s, limits.idle_timeout_s - silent_s)
            self._timer = self._loop.call_later(wait_s, self._tick)

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._handler.lost()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the handler, unless it knows."""
        del exc
        self._open = False
        self._stopped = True
        self._write = self._binary = _ignore
        self._fd = -1  # closed after this, and then somebody else's
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._release()
        self._tell()
        if self._ended is not None:
            self._ended(self._reason)

    def is_open(self) -> bool:
        """Return whether messages are handled and sent: from attach until either side closes."""
        return self._open


if native.frames is not None:
    native.frames.write_to(WebSocket, "_fd", "_choked")
