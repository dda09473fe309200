from enum import IntEnum
from typing import Annotated, Any

import msgspec
import pytest

from agent_spaces.errors import DefinitionError
from agent_spaces.fabric.tables.messages import Message
from agent_spaces.fabric.tables.system import Timer
from agent_spaces.fabric.types import ChannelType
from agent_spaces.sats import (
    ConnectionId,
    Identity,
    ScheduleAt,
    Some,
    SumValue,
    TimeDuration,
    Timestamp,
    Uuid,
    f32,
    f64,
    i8,
    i256,
    types,
    u8,
    u32,
    u64,
    u128,
)
from agent_spaces.sats.mapping import class_type, product_of, shape_of, type_of
from agent_spaces.sats.types import AlgebraicType, Array, Element, Product, Ref, Sum, Variant


class Point(msgspec.Struct, frozen=True):
    x: f32
    name: str


class Line(msgspec.Struct, frozen=True):
    start: Point
    kind: ChannelType


RESULT = types.result_of(types.U32, types.STRING)


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (bool, types.BOOL),
        (str, types.STRING),
        (bytes, Array(types.U8)),
        (u8, types.U8),
        (i8, types.I8),
        (u128, types.U128),
        (i256, types.I256),
        (f32, types.F32),
        (f64, types.F64),
        (list[u32], Array(types.U32)),
        (list[bytes], Array(Array(types.U8))),
        (u64 | None, types.option_of(types.U64)),
        (None | u64, types.option_of(types.U64)),
        (Some[u8 | None] | None, types.option_of(types.option_of(types.U8))),
        (Identity, types.IDENTITY),
        (ConnectionId, types.CONNECTION_ID),
        (Uuid, types.UUID),
        (Timestamp, types.TIMESTAMP),
        (TimeDuration, types.TIME_DURATION),
        (ScheduleAt, types.SCHEDULE_AT),
        (ScheduleAt | None, types.option_of(types.SCHEDULE_AT)),
        (Annotated[u64, "a mark of somebody else"], types.U64),
        (Annotated[SumValue, RESULT], RESULT),
        (Point, Product((Element("x", types.F32), Element("name", types.STRING)))),
    ],
)
def test_an_annotation_is_the_type_that_the_wire_has(annotation: Any, expected: AlgebraicType) -> None:
    assert type_of(annotation) == expected


def test_enum_members_are_published_in_camel_case() -> None:
    names = ("text", "voice", "announcement", "agentLog")

    assert type_of(ChannelType) == Sum(tuple(Variant(name, types.UNIT) for name in names))


def test_a_table_class_is_the_product_of_its_columns() -> None:
    product = type_of(Message)

    assert isinstance(product, Product)
    assert [element.name for element in product.elements] == [column.name for column in Message.__table__.columns]
    assert type_of(Timer).elements[1] == Element("scheduled_at", types.SCHEDULE_AT)


def test_named_classes_can_be_replaced_and_are_written_out_once() -> None:
    """A schema gives every class a number; `class_type` asks only for what stands inside."""
    numbers: dict[type, Ref] = {Point: Ref(0), Line: Ref(1)}
    parameters = (("line", Line), ("points", list[Point]), ("kind", ChannelType | None))

    assert class_type(Line, numbers.get) == Product((Element("start", Ref(0)), Element("kind", type_of(ChannelType))))
    assert product_of(parameters, numbers.get) == Product(
        (
            Element("line", Ref(1)),
            Element("points", Array(Ref(0))),
            Element("kind", types.option_of(type_of(ChannelType))),
        )
    )


class Gap(IntEnum):
    ZERO = 0
    TWO = 2


class Endless(msgspec.Struct):
    rest: "list[Endless]"


def deep(levels: int) -> Any:
    annotation: Any = u64
    for _ in range(levels - 1):
        annotation = list[annotation]
    return annotation


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "say which: u64"),
        (float, "f32 or f64"),
        (list[u8], "written as bytes"),
        (u64 | str, "a union may only be"),
        (u64 | str | None, "a union may only be"),
        (Some[u64] | None, "only for an option inside an option"),
        (dict, "dict is no type"),
        ("u64", "is no type"),
        (Gap, "must be numbered 0, 1, 2"),
        (Endless, "contains itself"),
        (deep(types.TYPE_DEPTH_MAX + 1), "nested deeper than 64"),
    ],
)
def test_what_has_no_type_is_refused_with_what_to_write(annotation: Any, text: str) -> None:
    with pytest.raises(DefinitionError, match=text):
        type_of(annotation)


def test_as_many_levels_as_allowed_are_taken() -> None:
    shape_of(deep(types.TYPE_DEPTH_MAX))
