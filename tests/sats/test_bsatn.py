from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent_spaces.errors import DecodeError, EncodeError
from agent_spaces.fabric import tables as fabric_tables
from agent_spaces.fabric.types import MessageType
from agent_spaces.sats import Identity, Some, SumValue, Timestamp, i8, types, u8, u32, u64
from agent_spaces.sats.bsatn import (
    arguments_decoder,
    arguments_encoder,
    decoder,
    decoder_for_type,
    encoder,
    encoder_for_type,
    row_decoder,
    row_encoder,
    rows_decoder,
)
from agent_spaces.sats.decoding import IDENTITIES_MAX, _identities
from agent_spaces.sats.json import type_from_json
from agent_spaces.sats.mapping import type_of
from agent_spaces.sats.source import UNSIZED_ELEMENTS_MAX
from agent_spaces.sats.types import AlgebraicType, Array
from agent_spaces.testing.strategies import algebraic_types, types_and_values, values_of
from sats import reference
from sats.vectors import CASES, INVALID, case_id, loaded

ROW_CLASSES = [cls for cls in vars(fabric_tables).values() if getattr(cls, "__table__", None) is not None]
PARAMETERS = (("channel_id", u64), ("thread_id", u64 | None), ("content", str), ("message_type", MessageType))


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_golden_values_are_written_and_read_as_the_vectors_say(case: dict[str, Any]) -> None:
    t, value, data = loaded(case)

    assert encoder_for_type(t)(value) == data
    # repr tells -0 from 0 and finds NaN equal to NaN
    assert repr(decoder_for_type(t)(data, 0)) == repr((value, len(data)))


REASONS = {
    "bool byte 2": (0, "byte 0x02 is neither 0 nor 1"),
    "option tag 2": (0, "unknown tag 0x2 for sum type <unknown>"),
    "enum tag 5 of 5": (0, "unknown tag 0x5 for sum type <unknown>"),
    "string longer than input": (4, "data too short for [u8]: Expected 5, given 3"),
    "string not UTF-8": (4, "invalid utf8"),
    "truncated u32": (0, "data too short for u32: Expected 4, given 2"),
    "array count past the end": (0, "data too short for 2 elements: Expected 4, given 2"),
}


@pytest.mark.parametrize("case", INVALID, ids=case_id)
def test_invalid_bytes_are_refused_with_place_and_reason_and_trailing_ones_ignored(case: dict[str, Any]) -> None:
    t, data = type_from_json(case["type"]), bytes.fromhex(case["hex"])
    if case["label"] == "trailing byte after a value":
        assert decoder_for_type(t)(data, 0) == (1, 1)
        return

    with pytest.raises(DecodeError) as caught:
        decoder_for_type(t)(b"\xff" * 3 + data, 3)

    offset, reason = REASONS[case["label"]]
    assert (caught.value.offset, caught.value.reason) == (3 + offset, reason)


@given(types_and_values())
def test_generated_code_equals_the_plain_recursive_codec_and_loses_nothing(pair: tuple[AlgebraicType, Any]) -> None:
    t, value = pair
    data = encoder_for_type(t)(value)
    found, end = decoder_for_type(t)(b"##" + data + b"rest", 2)

    assert data == reference.write(t, value)
    assert (repr(found), end) == (repr(value), 2 + len(data))
    assert encoder_for_type(t)(found) == data


@pytest.mark.parametrize("row_class", ROW_CLASSES, ids=lambda cls: cls.__name__)
@settings(max_examples=15)
@given(data=st.data())
def test_every_row_of_the_fabric_survives_and_equals_the_plain_codec(row_class: type[Any], data: st.DataObject) -> None:
    row = data.draw(values_of(row_class))
    raw = row_encoder(row_class)(row)

    assert raw == reference.write(type_of(row_class), reference.plain(row))
    assert row_decoder(row_class)(raw, 0) == (row, len(raw))
    assert rows_decoder(row_class)([raw, raw]) == [row, row]


def test_rows_that_are_decoded_together_are_whole_or_refused() -> None:
    """The error is the one that the row alone would give; bytes behind a row are one too."""
    raw = row_encoder(fabric_tables.MessageEdit)(fabric_tables.MessageEdit(1, 2, 3, 4, "text", Timestamp(5)))
    with pytest.raises(DecodeError) as alone:
        row_decoder(fabric_tables.MessageEdit)(raw[:-1], 0)
    with pytest.raises(DecodeError) as together:
        rows_decoder(fabric_tables.MessageEdit)([raw, raw[:-1]])
    assert str(together.value) == str(alone.value)
    with pytest.raises(DecodeError, match="1 bytes are left over"):
        rows_decoder(fabric_tables.MessageEdit)([raw, raw + b"x"])


@given(types_and_values(), st.data())
def test_every_truncation_is_refused_within_what_is_there(pair: tuple[AlgebraicType, Any], data: st.DataObject) -> None:
    t, value = pair
    whole = encoder_for_type(t)(value)
    if not whole:
        return
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(DecodeError) as caught:
        decoder_for_type(t)(whole[:cut], 0)

    assert 0 <= caught.value.offset <= cut
    assert caught.value.reason


@given(algebraic_types(), st.binary(max_size=60))
def test_any_bytes_are_taken_or_refused_as_the_plain_codec_does(t: AlgebraicType, data: bytes) -> None:
    """And what is taken is canonical: written again it gives the same bytes."""
    try:
        expected = reference.read(t, data, 0)
    except reference.MalformedError:
        with pytest.raises(DecodeError) as caught:
            decoder_for_type(t)(data, 0)
        assert 0 <= caught.value.offset <= len(data)
        return

    value, end = decoder_for_type(t)(data, 0)
    assert (repr(value), end) == (repr(expected[0]), expected[1])
    assert encoder_for_type(t)(value) == data[:end]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.builds(SumValue, st.integers(-1, 3), inner)
    ),
    max_leaves=4,
)


@given(algebraic_types(), ANYTHING)
@example(types.STRING, "\ud800")
@example(types.F32, 1e300)
@example(types.option_of(types.option_of(types.U8)), 5)
def test_a_value_is_written_so_that_it_reads_back_or_is_refused(t: AlgebraicType, value: Any) -> None:
    try:
        data = encoder_for_type(t)(value)
    except EncodeError:
        return

    found, end = decoder_for_type(t)(data, 0)
    assert end == len(data)
    assert encoder_for_type(t)(found) == data


@pytest.mark.parametrize(
    ("annotation", "value", "reason"),
    [
        (u8, 256, "256 is not between 0 and 255"),
        (i8, -129, "-129 is not between -128 and 127"),
        (bool, 1, "1 is no bool"),
        (u64, 1.0, "1.0 is no integer"),
        (str, b"x", "b'x' is no str"),
        (str, "\ud800", "the text holds a lone surrogate, which UTF-8 cannot carry"),
        (Identity, bytes(32), f"{bytes(32)!r} is no Identity"),
        (MessageType, 1, "1 is no MessageType"),
        (list[str], ["a", 5], "[1]: 5 is no str"),
        (list[u32], [1, -1], "[1]: -1 is not between 0 and 4294967295"),
        (Some[u8 | None] | None, 5, "5 must be a Some(…): the option holds an option"),
    ],
)
def test_a_refused_value_is_named_with_its_place(annotation: Any, value: Any, reason: str) -> None:
    with pytest.raises(EncodeError) as caught:
        encoder(annotation)(value)

    assert caught.value.reason == reason


@given(st.tuples(*(values_of(annotation) for _, annotation in PARAMETERS)))
def test_arguments_are_a_tuple_of_what_the_parameters_name(arguments: tuple[Any, ...]) -> None:
    data = arguments_encoder(PARAMETERS)(list(arguments))

    assert arguments_decoder(PARAMETERS)(data, 0) == (arguments, len(data))
    with pytest.raises(EncodeError):
        arguments_encoder(PARAMETERS)(arguments[:-1])


def test_a_length_is_refused_before_anything_is_made_of_it() -> None:
    """Four billion announced elements cost nothing, whatever they are."""
    announced = b"\xff" * 4 + bytes(8)
    for element in (types.U8, types.U64, types.STRING, types.UNIT, Array(types.UNIT), types.option_of(types.U8)):
        with pytest.raises(DecodeError):
            decoder_for_type(Array(element))(announced, 0)


def test_a_list_of_units_may_have_so_many_elements_and_not_one_more() -> None:
    t = Array(types.UNIT)
    most = [()] * UNSIZED_ELEMENTS_MAX
    data = encoder_for_type(t)(most)

    assert decoder_for_type(t)(data, 0) == (most, 4)
    with pytest.raises(EncodeError):
        encoder_for_type(t)([*most, ()])
    with pytest.raises(DecodeError):
        decoder_for_type(t)((UNSIZED_ELEMENTS_MAX + 1).to_bytes(4, "little"), 0)


def test_equal_identities_that_are_read_share_one_object_and_their_cache_is_bounded() -> None:
    read = decoder(Identity)
    first, second = read(bytes(range(32)), 0)[0], read(b"x" + bytes(range(32)), 1)[0]
    assert first is second

    for number in range(IDENTITIES_MAX + 10):
        read(number.to_bytes(32, "little"), 0)
    assert len(_identities) <= IDENTITIES_MAX


def test_a_timestamp_is_read_as_its_class() -> None:
    assert type(decoder(Timestamp | None)(b"\0" + bytes(8), 0)[0]) is Timestamp
