"""The parts of RFC 6455 that need no socket: close frames, close codes, frame sizes, the handshake's key."""

import base64
import hashlib

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without a wheel: the same in Python, 5 us a message slower
    from websockets.utils import apply_mask


unmask = apply_mask

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FINAL = 0x80
CONTROL_BYTES_MAX = 125
REASON_BYTES_MAX = CONTROL_BYTES_MAX - 2
PINGS_AT_ONCE_MAX = 64  # in what one read brings, each with an answer to write: more of them keep others waiting

NORMAL = 1000
GOING_AWAY = 1001
PROTOCOL_ERROR = 1002
INVALID_TEXT = 1007
TOO_BIG = 1009
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013

_HANDSHAKE_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_RESERVED_OPCODES = frozenset({0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF})
_NEVER_SENT_CODES = frozenset({1004, 1005, 1006, 1015})


class ProtocolViolationError(Exception):
    """The client broke the WebSocket protocol: the connection ends with `code`."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


def accept_key(key: bytes) -> bytes:
    """Return Sec-WebSocket-Accept for the client's Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1(key + _HANDSHAKE_GUID, usedforsecurity=False).digest())


def control_frame(opcode: int, payload: bytes) -> bytes:
    """Return a whole control frame; its payload is at most CONTROL_BYTES_MAX bytes."""
    assert len(payload) <= CONTROL_BYTES_MAX
    return bytes((FINAL | opcode, len(payload))) + payload


def close_frame(code: int, reason: str) -> bytes:
    """Return a Close frame; a reason that is too long for one loses its end, between two characters."""
    text = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore").encode()
    return control_frame(CLOSE, code.to_bytes(2, "big") + text)


def read_close(payload: bytes) -> tuple[int | None, str]:
    """Return (code, reason) of a Close frame's payload; no code if it is empty.

    Raises ProtocolViolationError for half a code, a code that may not be sent, or a reason that is no UTF-8.
    """
    if not payload:
        return None, ""
    if len(payload) == 1:
        raise ProtocolViolationError(PROTOCOL_ERROR, "close frame with half a code")
    code = int.from_bytes(payload[:2], "big")
    is_known = 1000 <= code <= 1014 and code not in _NEVER_SENT_CODES
    if not is_known and not 3000 <= code <= 4999:
        raise ProtocolViolationError(PROTOCOL_ERROR, f"close code {code} may not be sent")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError:
        raise ProtocolViolationError(INVALID_TEXT, "close reason is no UTF-8") from None


def check_head(first: int, length: int, *, in_message: bool) -> None:
    """Raise ProtocolViolationError if a frame may not begin like this; `in_message` is set between fragments."""
    opcode = first & 0x0F
    if first & 0x70:
        raise ProtocolViolationError(PROTOCOL_ERROR, "reserved bits are set")
    if opcode in _RESERVED_OPCODES:
        raise ProtocolViolationError(PROTOCOL_ERROR, f"unknown opcode {opcode:#x}")
    if opcode & 0x8:
        if not first & FINAL:
            raise ProtocolViolationError(PROTOCOL_ERROR, "fragmented control frame")
        if length > CONTROL_BYTES_MAX:
            raise ProtocolViolationError(PROTOCOL_ERROR, "control frame is too long")
    elif in_message and opcode != CONTINUATION:
        raise ProtocolViolationError(PROTOCOL_ERROR, "new message inside a fragmented one")
    elif opcode == CONTINUATION and not in_message:
        raise ProtocolViolationError(PROTOCOL_ERROR, "continuation of nothing")


def split(data: bytes, bytes_max: int) -> tuple[list[bytes], int]:
    """Return the payloads of the leading whole masked binary frames below 64 KiB, and where the first other begins."""
    payloads: list[bytes] = []
    offset, size = 0, len(data)
    while size - offset >= 6 and data[offset] == FINAL | BINARY:
        length, mask = data[offset + 1] ^ 0x80, offset + 2
        if length == 126:
            length, mask = data[offset + 2] << 8 | data[offset + 3], offset + 4
        elif length > 126:  # longer, or not masked
            break
        body = mask + 4
        end = body + length
        if end > size or length > bytes_max:
            break
        payloads.append(unmask(data[body:end], data[mask:body]))
        offset = end
    return payloads, offset


def frame_sizes(data: bytes) -> list[int]:
    """Return the sizes, heads included, of the whole unmasked frames that `data` is made of."""
    sizes, offset = [], 0
    while offset < len(data):
        length = data[offset + 1]
        if length < 126:
            size = 2 + length
        elif length == 126:
            size = 4 + int.from_bytes(data[offset + 2 : offset + 4], "big")
        else:
            size = 10 + int.from_bytes(data[offset + 2 : offset + 10], "big")
        sizes.append(size)
        offset += size
    assert offset == len(data), "only whole frames are sent"
    return sizes
