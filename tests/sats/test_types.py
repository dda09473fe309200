import pytest
from hypothesis import given

from agent_spaces.errors import DefinitionError
from agent_spaces.sats import types
from agent_spaces.sats.shapes import Option, Schedule, Special, shape_of_type, type_of_shape
from agent_spaces.sats.types import AlgebraicType, Array, Element, Product, Ref, Sum, Variant, inline
from agent_spaces.testing.strategies import algebraic_types


@given(algebraic_types())
def test_a_type_and_its_shape_say_the_same(t: AlgebraicType) -> None:
    assert type_of_shape(shape_of_type(t)) == t


@pytest.mark.parametrize(
    "t",
    [
        Product((Element("_identity_", types.U256),)),
        Product((Element("__identity__", types.U128),)),
        Product((Element("__identity__", types.U256), Element("more", types.U8))),
        Sum((Variant("none", types.UNIT), Variant("some", types.U8))),
        Sum((Variant("some", types.U8), Variant("none", types.U8))),
        Sum((Variant("Some", types.U8), Variant("None", types.UNIT))),
        Sum((Variant("Time", types.TIMESTAMP), Variant("Interval", types.TIME_DURATION))),
    ],
)
def test_special_types_are_recognised_by_exact_names_types_and_order(t: AlgebraicType) -> None:
    assert not isinstance(shape_of_type(t), Special | Option | Schedule)
    assert not types.is_option(t)


def test_enums_and_results_are_recognised() -> None:
    assert types.is_unit_sum(Sum((Variant("a", types.UNIT),)))
    assert not types.is_unit_sum(Sum(()))
    assert not types.is_unit_sum(types.option_of(types.U8))
    assert types.is_result(types.result_of(types.U8, types.STRING))
    assert not types.is_result(types.option_of(types.U8))


def test_refs_are_replaced_by_what_they_name() -> None:
    typespace = (types.U64, Product((Element("id", Ref(0)),)))

    assert inline(Array(Ref(1)), typespace) == Array(Product((Element("id", types.U64),)))


@pytest.mark.parametrize(
    ("t", "text"),
    [
        (Ref(2), "only 2 types"),
        (Ref(0), "contains itself"),
        (Sum(tuple(Variant(f"v{n}", types.UNIT) for n in range(257))), "257 variants; 256 is the most"),
    ],
)
def test_types_that_cannot_be_written_out_are_refused(t: AlgebraicType, text: str) -> None:
    with pytest.raises(DefinitionError, match=text):
        inline(t, (Array(Ref(1)), Array(Ref(0))))
