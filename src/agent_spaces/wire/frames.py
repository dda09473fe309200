"""What surrounds messages on the socket: the compression byte of a host's payload and the WebSocket frame's head.

Only payloads of the host have a compression byte, and a host may always send 0. Source: SpacetimeDB 2.8.3, seen.
"""

import zlib
from enum import IntEnum

import brotli

from agent_spaces.errors import DecodeError

COMPRESSION_BYTES_MIN = 1024  # a body must be longer to be worth compressing
_GZIP_WINDOW = 31
_BROTLI_QUALITY, _GZIP_LEVEL = 1, 1


class Compression(IntEnum):
    """How a payload is compressed; the value is its first byte."""

    NONE = 0
    BROTLI = 1
    GZIP = 2


def pack_payload(body: bytes, compression: Compression) -> bytes:
    """Return the compression byte and the body; one of at most COMPRESSION_BYTES_MIN bytes is never compressed."""
    if compression is Compression.NONE or len(body) <= COMPRESSION_BYTES_MIN:
        return b"\0" + body
    if compression is Compression.BROTLI:
        return b"\1" + bytes(brotli.compress(body, quality=_BROTLI_QUALITY))
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    return b"\2" + packer.compress(body) + packer.flush()


def unpack_payload(payload: bytes, bytes_max: int) -> bytes:
    """Return the body behind the compression byte, unpacked.

    Raises DecodeError if there is no such byte, it is unknown, the body does not unpack or ends early, or has more than
    `bytes_max` bytes; no more than that is ever allocated for it.
    """
    if not payload:
        raise DecodeError("payload", 0, "it is empty")
    kind = payload[0]
    if kind == Compression.NONE:
        body = payload[1:]
    elif kind == Compression.BROTLI:
        body = _unbrotli(payload[1:], bytes_max)
    elif kind == Compression.GZIP:
        body = _gunzip(payload[1:], bytes_max)
    else:
        raise DecodeError("payload", 0, f"unknown compression {kind:#x}")
    if len(body) > bytes_max:
        raise DecodeError("payload", 1, f"it unpacks to more than {bytes_max} bytes")
    return body


def _gunzip(data: bytes, bytes_max: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        body = unpacker.decompress(data, bytes_max + 1)
    except zlib.error as error:
        raise DecodeError("payload", 1, f"no gzip: {error}") from None
    if len(body) <= bytes_max and (not unpacker.eof or unpacker.unused_data):
        raise DecodeError("payload", 1, "gzip data end early or late")
    return body


def _unbrotli(data: bytes, bytes_max: int) -> bytes:
    unpacker = brotli.Decompressor()
    parts, size = [], 0
    try:
        part = unpacker.process(data, output_buffer_limit=bytes_max + 1)
        while part:
            parts.append(part)
            size += len(part)
            if size > bytes_max or unpacker.is_finished():
                break
            part = unpacker.process(b"", output_buffer_limit=bytes_max + 1 - size)
    except brotli.error as error:
        raise DecodeError("payload", 1, f"no brotli: {error}") from None
    if size <= bytes_max and not unpacker.is_finished():
        raise DecodeError("payload", 1, "brotli data end early")
    return b"".join(parts)


def ws_binary_frame(payload: bytes) -> bytes:
    """Return the payload as one whole unmasked binary frame, as a WebSocket server sends it (RFC 6455 section 5.2)."""
    size = len(payload)
    if size < 126:
        return bytes((0x82, size)) + payload
    if size < 0x10000:
        return b"\x82\x7e" + size.to_bytes(2, "big") + payload
    return b"\x82\x7f" + size.to_bytes(8, "big") + payload
