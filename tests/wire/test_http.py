"""Bodies of the HTTP API: exact numbers, strict JSON, texts of the reference host."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.sats import Identity, u64
from agent_spaces.sats.types import PRIMITIVES
from agent_spaces.wire import http

numbers = st.integers(-(2**127), 2**128)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(data=values)
def test_json_comes_back_with_integers_of_any_size(data: object) -> None:
    try:
        body = http.json_bytes(data)
    except UnicodeEncodeError:
        return
    assert http.read_json(body) == data


@pytest.mark.parametrize(
    "body", [b"", b" ", b"[", b"[NaN]", b"[Infinity]", b"\xff", b"\xef\xbb\xbf[]", b"[" * 10**6, b"9" * 10_000]
)
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        http.read_json(body)


def test_an_answer_to_sql_has_the_reference_hosts_form() -> None:
    identity = Identity.from_hex("c2" + "00" * 30 + "07")
    body = http.sql_answer([("id", u64), ("who", Identity)], [(2**64 - 1, identity)], (0, 0, 0), 87)
    who = '{"Product":{"elements":[{"name":{"some":"__identity__"},"algebraic_type":{"U256":[]}}]}}'

    assert body.decode() == (
        '[{"schema":{"elements":[{"name":{"some":"id"},"algebraic_type":{"U64":[]}},'
        f'{{"name":{{"some":"who"}},"algebraic_type":{who}}}]}},'
        f'"rows":[[18446744073709551615,["0x{identity.hex()}"]]],'
        '"total_duration_micros":87,"stats":{"rows_inserted":0,"rows_deleted":0,"rows_updated":0}}]'
    )


def test_a_changing_statement_answers_with_counts_only() -> None:
    (result,) = json.loads(http.sql_answer((), (), (1, 2, 3), 0))

    assert (result["schema"], result["rows"]) == ({"elements": []}, [])
    assert result["stats"] == {"rows_inserted": 1, "rows_deleted": 2, "rows_updated": 3}


def test_columns_may_be_given_by_their_wire_type() -> None:
    (result,) = json.loads(http.sql_answer([("n", PRIMITIVES["U64"])], [(7,)], (0, 0, 0), 0))

    assert result["rows"] == [[7]]


def test_identities_are_written_without_leading_zeros() -> None:
    assert http.identity_json("00" * 31 + "0a") == {"__identity__": "0xa"}
    assert http.identity_json("00" * 32) == {"__identity__": "0x0"}


def test_texts_repeat_the_path_as_the_reference_host_does() -> None:
    assert http.bad_arguments("rename_server", "[0]", 'invalid type: string "x", expected u64') == (
        "invalid arguments for reducer rename_server: [0]: invalid arguments for function rename_server: [0]: [0]: "
        'invalid type: string "x", expected u64'
    )
