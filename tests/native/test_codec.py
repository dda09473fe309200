from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from agent_spaces.errors import DecodeError, EncodeError
from agent_spaces.fabric import tables as fabric_tables
from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.reducers.messages import send_message
from agent_spaces.fabric.types import MessageType
from agent_spaces.module import reducer_definition_of
from agent_spaces.native import choice as native
from agent_spaces.sats import types
from agent_spaces.sats.bsatn import (
    arguments_decoder,
    arguments_encoder,
    decoder_for_type,
    encoder_for_type,
    row_decoder,
    row_encoder,
)
from agent_spaces.sats.shapes import SPECIAL_TYPES
from agent_spaces.sats.types import AlgebraicType, Element, Product
from agent_spaces.testing.strategies import values_of

ROW_CLASSES = [cls for cls in vars(fabric_tables).values() if getattr(cls, "__table__", None) is not None]
LEAVES = st.sampled_from(
    [t for name, t in types.PRIMITIVES.items() if name[1:] not in {"128", "256", "32"} or name in {"U32", "I32"}]
    + [types.BYTES, *SPECIAL_TYPES.values()]
)
FLAT = st.lists(LEAVES | LEAVES.map(types.option_of), min_size=1, max_size=8).map(
    lambda fields: Product(tuple(Element(f"f{number}", t) for number, t in enumerate(fields)))
)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(),
    st.text(max_size=3) | st.just("\ud800"),
    st.binary(max_size=33),
    st.lists(st.integers(0, 3), max_size=3),
)


def outcome(function: Callable[..., Any], *args: Any) -> str:
    """What a codec did, so that NaN equals NaN and -0 is not 0."""
    try:
        return repr(function(*args))
    except (DecodeError, EncodeError) as error:
        return f"{type(error).__name__}: {error}"


def is_special(t: AlgebraicType) -> bool:
    return t in SPECIAL_TYPES.values()


@given(st.data())
def test_any_flat_product_is_written_and_read_as_the_reference_does(data: st.DataObject) -> None:
    t = data.draw(FLAT.filter(lambda each: not is_special(each)))
    value = data.draw(values_of(t))
    encode, decode = encoder_for_type(t), decoder_for_type(t)
    assert isinstance(encode, native.codec.Encoder)
    assert isinstance(decode, native.codec.Decoder)
    raw = encode(value)

    assert raw == encode.reference(value)
    assert outcome(decode, b"\7" * 3 + raw + b"\7", 3) == outcome(decode.reference, b"\7" * 3 + raw + b"\7", 3)


@given(st.data())
def test_values_that_do_not_fit_end_as_they_do_in_the_reference(data: st.DataObject) -> None:
    t = data.draw(FLAT.filter(lambda each: not is_special(each)))
    value = list(data.draw(values_of(t)))
    value[data.draw(st.integers(0, len(value) - 1))] = data.draw(ODD)
    odd = data.draw(st.sampled_from([tuple(value), value, tuple(value[1:]), (*value, 1)]))
    encode = encoder_for_type(t)

    assert outcome(encode, odd) == outcome(encode.reference, odd)  # type: ignore[attr-defined]


def mangled(raw: bytes) -> SearchStrategy[bytes]:
    """Cuts, flips and other bytes."""
    flips = st.tuples(st.integers(0, max(0, len(raw) - 1)), st.integers(0, 255))
    flipped = flips.map(lambda flip: raw[: flip[0]] + bytes([flip[1]]) + raw[flip[0] + 1 :])
    return st.integers(0, len(raw)).map(lambda end: raw[:end]) | flipped | st.binary(max_size=40)


@given(st.data())
def test_any_bytes_are_read_or_refused_as_in_the_reference(data: st.DataObject) -> None:
    t = data.draw(FLAT.filter(lambda each: not is_special(each)))
    raw = data.draw(mangled(encoder_for_type(t)(data.draw(values_of(t)))))
    start = data.draw(st.integers(0, len(raw) + 2))
    decode = decoder_for_type(t)

    assert outcome(decode, raw, start) == outcome(decode.reference, raw, start)  # type: ignore[attr-defined]


@pytest.mark.parametrize("row_class", ROW_CLASSES)
@given(data=st.data())
def test_every_row_of_the_fabric_is_the_same_in_both_forms(row_class: type[Any], data: st.DataObject) -> None:
    row = data.draw(values_of(row_class))
    encode, decode = row_encoder(row_class), row_decoder(row_class)
    if not isinstance(encode, native.codec.Encoder):
        return  # it has columns that stay with the reference; the next test says which may not
    raw = encode(row)

    assert raw == encode.reference(row)
    assert outcome(decode, raw, 0) == outcome(decode.reference, raw, 0)  # type: ignore[attr-defined]


def test_only_lists_choices_and_empty_products_stay_with_the_reference() -> None:
    left = {each.__table__.name for each in ROW_CLASSES if not isinstance(row_encoder(each), native.codec.Encoder)}
    calls = {
        name
        for name, each in SPACES.reducers.items()
        if not name.startswith("import_") and not isinstance(arguments_decoder(each.parameters), native.codec.Decoder)
    }
    assert left == {"agent_card", "timer", "vote"}  # lists of skills and options, a schedule
    assert calls == {"ack", "open_vote", "run_timer", "set_agent_card"}


def test_arguments_of_a_call_are_the_same_in_both_forms() -> None:
    parameters = reducer_definition_of(send_message).parameters
    encode, decode = arguments_encoder(parameters), arguments_decoder(parameters)
    for args in (
        (7, "wörd 🙂", MessageType.TEXT, None, 3, "key", None),
        (2**64 - 1, "", MessageType.AGENT_EVENT, 1, None, None, "{}"),
    ):
        raw = encode.reference(args)  # type: ignore[attr-defined]
        assert encode(args) == raw
        assert outcome(decode, raw, 0) == outcome(decode.reference, raw, 0)  # type: ignore[attr-defined]


def test_bytes_that_are_no_bytes_object_are_read_all_the_same() -> None:
    decode = decoder_for_type(Product((Element("a", types.PRIMITIVES["U8"]),)))
    assert decode(bytearray(b"\5"), 0) == ((5,), 1)  # type: ignore[arg-type]
