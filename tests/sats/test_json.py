import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.errors import JsonError
from agent_spaces.fabric.tables.messages import Message
from agent_spaces.fabric.types import MessageType
from agent_spaces.sats import (
    Identity,
    Interval,
    Some,
    SumValue,
    TimeDuration,
    Uuid,
    f32,
    f64,
    i8,
    i256,
    types,
    u8,
    u64,
    u128,
    u256,
)
from agent_spaces.sats.json import Form, arguments_from_json, from_json, to_json, type_from_json, type_to_json
from agent_spaces.sats.types import AlgebraicType, Array, Element, Product, Ref
from agent_spaces.testing.strategies import algebraic_types, types_and_values, values_of
from sats.vectors import CASES, case_id, loaded

FORMS: tuple[Form, Form] = ("row", "named")
WHOLE = (1 << 256) - 1


def comparable(t: AlgebraicType, data: Any) -> Any:
    """Give both sides one spelling: an f32 may have more digits than needed, and a unit may be {}."""
    if t == types.F32 and data is not None:
        return struct.pack("<f", data)
    if data == {"some": {"none": {}}}:
        return repr({"some": {"none": []}})
    return repr(data)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_golden_values_are_written_in_both_forms_and_read_from_both(case: dict[str, Any]) -> None:
    t, value, _ = loaded(case)
    for form, key in zip(FORMS, ("sats_json_row", "sats_json"), strict=True):
        expected = json.loads(case[key])

        assert comparable(t, to_json(t, value, form)) == comparable(t, expected)
        if "null" not in case[key]:
            assert repr(from_json(t, expected)) == repr(value)


def holds_null(data: Any) -> bool:
    return "null" in json.dumps(data)


@given(types_and_values())
def test_what_is_written_reads_back_unless_a_float_was_not_finite(pair: tuple[AlgebraicType, Any]) -> None:
    t, value = pair
    for form in FORMS:
        text = json.dumps(to_json(t, value, form), allow_nan=False)
        if not holds_null(json.loads(text)):
            assert repr(from_json(t, json.loads(text))) == repr(value)


@given(values_of(Message))
def test_rows_are_written_by_position_or_by_name_and_read_as_rows(row: Message) -> None:
    array, named = to_json(Message, row), to_json(Message, row, "named")

    assert list(named) == [column.name for column in Message.__table__.columns]
    assert len(array) == len(named)
    assert from_json(Message, array) == from_json(Message, dict(reversed(named.items()))) == row


ENUM = MessageType
FIELD = Product((Element("x", types.I32), Element("y", types.STRING)))


@pytest.mark.parametrize(
    ("annotation", "data", "value"),
    [
        (ENUM, {"agentEvent": []}, ENUM.AGENT_EVENT),
        (ENUM, {"agentEvent": {}}, ENUM.AGENT_EVENT),
        (ENUM, {"2": []}, ENUM.AGENT_EVENT),
        (ENUM, [2, []], ENUM.AGENT_EVENT),
        (ENUM, ["agentEvent", {}], ENUM.AGENT_EVENT),
        (u64 | None, None, None),
        (u64 | None, {"none": []}, None),
        (u64 | None, [0, 5], 5),
        (Some[u8 | None] | None, {"some": None}, Some(None)),
        (Identity, ["0xc2"], Identity.from_int(0xC2)),
        (Identity, {"__identity__": "0xC2"}, Identity.from_int(0xC2)),
        (Uuid, [7], Uuid.from_int(7)),
        (types.SCHEDULE_AT, {"Interval": [5]}, Interval(TimeDuration(5))),
        (bytes, "00FF", b"\0\xff"),
        (bytes, [0, 255], b"\0\xff"),
        (f64, 1, 1.0),
        (f32, 0.1, 0.10000000149011612),
        (i256, "-0x1f", -31),
        (u256, "0x" + "0" * 70 + "1", 1),
        (FIELD, {"y": "a", "x": 1}, (1, "a")),
        (types.result_of(types.U8, types.STRING), {"err": "no"}, SumValue(1, "no")),
    ],
)
def test_every_accepted_spelling_is_read(annotation: Any, data: Any, value: Any) -> None:
    assert repr(from_json(annotation, data)) == repr(value)


@pytest.mark.parametrize(
    ("annotation", "data", "text"),
    [
        (u64, "x", '.: invalid type: string "x", expected u64'),
        (u64, 1.0, ".: invalid type: floating point `1.0`, expected u64"),
        (u64, -1, ".: invalid value: integer `-1`, expected u64"),
        (u64, True, ".: invalid type: boolean `true`, expected u64"),
        (i8, 128, ".: invalid value: integer `128`, expected i8"),
        (u128, "1", '.: invalid type: string "1", expected u128'),
        (bool, 1, ".: invalid type: integer `1`, expected a boolean"),
        (str, None, ".: invalid type: null, expected a string"),
        (str, "\ud800", ".: lone leading surrogate"),
        (f64, None, ".: invalid type: null, expected f64"),
        (f64, 10**400, ".: invalid value: integer"),
        (bytes, "0", ".: invalid value"),
        (bytes, "0 0", ".: invalid value"),
        (bytes, [256], "[0]: invalid value"),
        (ENUM, "text", '.: invalid type: string "text", expected sum type'),
        (ENUM, {"nope": []}, "nope: unknown variant `nope`, expected one of `text`, `system`"),
        (ENUM, {"Text": []}, "Text: unknown variant `Text`"),
        (ENUM, [5, []], "[0]: unknown variant `5`"),
        (ENUM, {"5": []}, "5: unknown variant `5`"),
        (ENUM, [True, []], "[0]: invalid type: boolean"),
        (ENUM, [0], ".: invalid length 1"),
        (ENUM, {}, ".: invalid length 0"),
        (ENUM, {"text": 1}, "text: invalid type: integer `1`"),
        (u64 | None, 5, ".: invalid type: integer `5`, expected sum type"),
        (u64 | None, {"some": "x"}, 'some: invalid type: string "x", expected u64'),
        (Identity, "0xc2", '.: invalid type: string "0xc2", expected a 1-element tuple'),
        (Identity, ["c2"], "[0]: invalid digit found in string"),
        (Identity, [hex(WHOLE + 1)], "[0]: number too large"),
        (Identity, ["-0x1"], "[0]: number too small"),
        (FIELD, [1], ".: invalid length 1, expected a 2-element tuple"),
        (FIELD, [1, "a", 2], ".: trailing characters"),
        (FIELD, {"x": 1}, ".: missing field `y`"),
        (FIELD, {"x": 1, "y": "", "z": 1}, "z: unknown field `z`, expected one of `x`, `y`"),
        (Array(FIELD), [[1, "a"], {"x": "b", "y": ""}], '[1].x: invalid type: string "b", expected i32'),
        (list[str], {}, ".: invalid type: map, expected a vec"),
    ],
)
def test_everything_else_is_refused_with_its_path(annotation: Any, data: Any, text: str) -> None:
    with pytest.raises(JsonError) as caught:
        from_json(annotation, data)

    assert str(caught.value).startswith(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["some", "none", "0", "ok"]), inner),
    max_leaves=6,
)


@given(algebraic_types(), JSON)
def test_any_json_is_a_value_or_refused(t: AlgebraicType, data: Any) -> None:
    try:
        value = from_json(t, data)
    except JsonError:
        return
    assert repr(from_json(t, to_json(t, value))) == repr(value)


PARAMETERS = (("server_id", u64), ("name", str))


def test_arguments_come_as_an_array_or_as_an_object() -> None:
    assert arguments_from_json("rename_server", PARAMETERS, [1, "a"]) == (1, "a")
    assert arguments_from_json("rename_server", PARAMETERS, {"name": "a", "server_id": 1}) == (1, "a")
    assert arguments_from_json("noop", (), []) == ()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (None, ".: invalid type: null, expected a rename_server tuple"),
        ([1], ".: invalid length 1, expected reducer args for rename_server with 2 elements"),
        ([1, "a", 2], ".: trailing characters"),
        (["x", "a"], '[0]: invalid type: string "x", expected u64'),
        ({"serverId": 1, "name": ""}, "serverId: unknown reducer argument `serverId`, expected "),
        ({"server_id": 1}, ".: missing field `name`"),
    ],
)
def test_bad_arguments_are_refused_as_the_host_does(data: Any, text: str) -> None:
    with pytest.raises(JsonError) as caught:
        arguments_from_json("rename_server", PARAMETERS, data)

    assert str(caught.value).startswith(text)


@given(algebraic_types(), st.integers(0, 2**32 - 1))
def test_types_survive_their_notation(t: AlgebraicType, number: int) -> None:
    nested = Product((Element(None, Array(Ref(number))), Element("t", t)))

    assert type_from_json(json.loads(json.dumps(type_to_json(nested)))) == nested


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_the_vectors_types_are_written_as_they_stand(case: dict[str, Any]) -> None:
    assert type_to_json(type_from_json(case["type"])) == case["type"]


def nested(levels: int) -> Any:
    data: Any = {"U8": []}
    for _ in range(levels):
        data = {"Array": data}
    return data


@pytest.mark.parametrize(
    "data",
    [
        None,
        "U8",
        {},
        {"U7": []},
        {"U8": 1},
        {"Ref": -1},
        {"Ref": True},
        {"U8": [], "Bool": []},
        {"Sum": {}},
        {"Product": {"elements": [{"name": "x", "algebraic_type": {"U8": []}}]}},
        nested(types.TYPE_DEPTH_MAX + 1),
    ],
)
def test_what_is_no_type_is_refused(data: Any) -> None:
    with pytest.raises(JsonError):
        type_from_json(data)


def test_types_may_be_nested_as_deep_as_allowed() -> None:
    type_from_json(nested(types.TYPE_DEPTH_MAX))
