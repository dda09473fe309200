"""BSATN, the binary form of values: encoders and decoders that are generated once per type and kept.

Decoders take (data, offset) and return (value, next offset); what stands behind the value is not looked at. They are
strict: a bool is 00 or 01, tags must be known, strings must be UTF-8, and lengths must fit what is left before anything
is made of them. DecodeError says at which byte and why; EncodeError names the field.

Integers accept bool and IntEnum members, timestamps and durations plain integers, floats integers; nothing else is
converted. Source: SpacetimeDB 2.8.3, seen. Vectors: vectors/golden/bsatn-values.json
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from agent_spaces.errors import DecodeError, EncodeError
from agent_spaces.sats.decoding import decoder_of, whole_values_decoder
from agent_spaces.sats.encoding import encoder_of
from agent_spaces.sats.mapping import arguments_shape, shape_of
from agent_spaces.sats.shapes import shape_of_type
from agent_spaces.sats.types import AlgebraicType, inline

__all__ = [
    "DecodeError",
    "Decoder",
    "EncodeError",
    "Encoder",
    "arguments_decoder",
    "arguments_encoder",
    "decoder",
    "decoder_for_type",
    "encoder",
    "encoder_for_type",
    "row_decoder",
    "row_encoder",
    "rows_decoder",
]

Encoder = Callable[[Any], bytes]
Decoder = Callable[[bytes, int], tuple[Any, int]]
Parameters = Sequence[tuple[str, Any]]


def encoder(annotation: Any) -> Encoder:
    """Return the function that writes a value of this annotation; keep it, for finding it again costs more."""
    return encoder_of(shape_of(annotation))


def decoder(annotation: Any) -> Decoder:
    """Return the function that reads a value of this annotation."""
    return decoder_of(shape_of(annotation))


def row_encoder(row_class: type[Any]) -> Encoder:
    """Return the function that writes a row of this class."""
    return encoder(row_class)


def row_decoder(row_class: type[Any]) -> Decoder:
    """Return the function that reads a row of this class."""
    return decoder(row_class)


def rows_decoder(annotation: Any) -> Callable[[Iterable[bytes]], list[Any]]:
    """Return the function that makes a list of rows of this class, each of all bytes of one item."""
    return whole_values_decoder(shape_of(annotation))


def arguments_encoder(parameters: Parameters) -> Encoder:
    """Return the function that writes a sequence of arguments for (name, annotation) parameters."""
    return encoder_of(arguments_shape(parameters))


def arguments_decoder(parameters: Parameters) -> Decoder:
    """Return the function that reads a tuple of arguments for (name, annotation) parameters."""
    return decoder_of(arguments_shape(parameters))


def encoder_for_type(t: AlgebraicType, typespace: Sequence[AlgebraicType] = ()) -> Encoder:
    """Return the function that writes a value of a bare type, whose Refs point into the typespace."""
    return encoder_of(shape_of_type(inline(t, typespace)))


def decoder_for_type(t: AlgebraicType, typespace: Sequence[AlgebraicType] = ()) -> Decoder:
    """Return the function that reads a value of a bare type, whose Refs point into the typespace."""
    return decoder_of(shape_of_type(inline(t, typespace)))
