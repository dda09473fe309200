"""Compiled codecs for the shapes that most rows and arguments have: flat products of fixed-size values and texts.

Each has its generated form as reference, to which it leaves what is unusual; see `agent_spaces.native`.
"""

from collections.abc import Callable
from typing import Any

from agent_spaces.native import choice as native
from agent_spaces.sats.shapes import WIRE_BYTES, Enumeration, Option, Record, Scalar, Shape, Special

Encode = Callable[[Any], bytes]
Decode = Callable[[bytes, int], tuple[Any, int]]
Kind = tuple[int, type[Any] | None, int]  # native.codec.Kind, class, size of FIXED_BYTES

_SCALARS = ("Bool", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F64", "String", "Bytes")


def _kind(shape: Shape) -> Kind | None:
    kinds: Any = native.codec.Kind  # asked for only where it is there
    match shape:
        case Scalar(name) if name in _SCALARS:
            return kinds[name.upper()], None, 0
        case Special(cls) if cls in WIRE_BYTES:
            return kinds.FIXED_BYTES, cls, WIRE_BYTES[cls]
        case Special(cls):
            return kinds.TIME, cls, 0
        case Enumeration(cls):
            return kinds.MEMBER, cls, 0
    return None


def _fields(shape: Shape) -> list[tuple[bool, Kind]] | None:
    """Return whether each field is an option, and what it is; None for a shape that stays with its reference."""
    if native.codec is None or not isinstance(shape, Record) or len(shape.fields) > native.codec.FIELDS_MAX:
        return None
    fields = []
    for field in shape.fields:
        optional = isinstance(field, Option)
        kind = _kind(field.inner if isinstance(field, Option) else field)
        if kind is None:
            return None
        fields.append((optional, kind))
    return fields


def compiled_encoder(shape: Shape, reference: Encode) -> Encode:
    """Return the compiled encoder of a shape, or the reference if there is none."""
    fields = _fields(shape)
    if fields is None or not isinstance(shape, Record):
        return reference
    named = zip(shape.names, fields, strict=True)
    program = [(name, kind, optional, cls, size) for name, (optional, (kind, cls, size)) in named]
    try:
        encoder: Encode = native.codec.Encoder(shape.cls, program, reference)
    except TypeError:  # a class without slots
        return reference
    return encoder


def compiled_decoder(shape: Shape, reference: Decode, makers: Callable[[type[Any]], Any]) -> Decode:
    """Return the compiled decoder of a shape, or the reference; `makers` gives what makes instances of a class."""
    fields = _fields(shape)
    if fields is None or not isinstance(shape, Record):
        return reference
    program = [(kind, optional, None if cls is None else makers(cls), size) for optional, (kind, cls, size) in fields]
    decoder: Decode = native.codec.Decoder(shape.cls, program, reference)
    return decoder
