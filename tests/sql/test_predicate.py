"""Generated predicates, and what a plan says about rows, against a plain interpreter of the same condition."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.errors import SqlError
from agent_spaces.sql import Query, compile_query
from sql.strategies import Tree, conditions, interpret, rows
from sql.vector_tables import ALICE, EVERYBODY

ONE = conditions((None, "all_types"))
TWO = conditions(("a", "b"))


def _compile(text: str) -> Query:
    return compile_query(text, EVERYBODY, ALICE, indexed_joins=False)


@given(ONE, st.lists(rows(), max_size=8))
def test_a_predicate_agrees_with_the_interpreter(condition: tuple[str, Tree], some: list[Any]) -> None:
    text, tree = condition
    test = _compile(f"SELECT * FROM all_types WHERE {text}").predicate()

    assert [test(row) for row in some] == [interpret(tree, {None: row, "all_types": row}) for row in some]


@given(ONE, rows())
def test_a_row_that_passes_has_the_equalities_and_keeps_the_ranges(condition: tuple[str, Tree], row: Any) -> None:
    query = _compile(f"SELECT * FROM all_types WHERE {condition[0]}")
    if query.predicate()(row):
        for column, value in query.equalities():
            assert getattr(row, column) == value
        for column in ("id", "a_u8", "a_i8", "a_timestamp"):
            low, high = query.range_on(column)
            assert low is None or low <= getattr(row, column)
            assert high is None or getattr(row, column) <= high


@given(st.lists(st.tuples(st.sampled_from(("=", "<", "<=", ">", ">=")), st.integers(-3, 3)), min_size=1, max_size=4))
def test_ranges_are_as_tight_as_the_comparisons(comparisons: list[tuple[str, int]]) -> None:
    query = _compile("SELECT * FROM all_types WHERE " + " AND ".join(f"a_i8 {op} {value}" for op, value in comparisons))
    low, high = query.range_on("a_i8")

    passing = [
        number
        for number in range(-10, 11)
        if all(interpret(Tree(op, (number, value)), {}) for op, value in comparisons)
    ]
    within = [n for n in range(-10, 11) if (low is None or low <= n) and (high is None or n <= high)]
    assert within == passing


def test_ranges_say_nothing_of_other_types_or_of_alternatives() -> None:
    assert _compile("SELECT * FROM all_types WHERE a_bool = true AND a_f64 > 1").range_on("a_f64") == (None, None)
    assert _compile("SELECT * FROM all_types WHERE a_bool = true").range_on("a_bool") == (None, None)
    assert _compile("SELECT * FROM all_types WHERE id > 1 OR a_u8 = 1").range_on("id") == (None, None)


@given(TWO, rows(), rows(), st.booleans())
def test_the_parts_of_a_join_condition_make_the_whole(
    condition: tuple[str, Tree], left: Any, right: Any, second: bool
) -> None:
    """Own, other and pair predicate together are WHERE; so is the predicate of all rows."""
    text, tree = condition
    alias = "b" if second else "a"
    query = _compile(f"SELECT {alias}.* FROM all_types a JOIN all_types b ON a.a_u8 = b.a_u8 WHERE {text}")
    own, other = (right, left) if second else (left, right)
    pair = query.pair_predicate()
    expected = interpret(tree, {"a": left, "b": right})

    (other_number,) = query.others
    # A constant looks at no table, so it stands in both predicates of one.
    parts = query.predicate()(own) and query.predicate(other_number)(other) and (pair is None or pair(own, other))
    assert parts == expected
    assert query.row_predicate()(left, right) == expected


@given(ONE, ONE)
def test_equal_keys_mean_equal_conditions(first: tuple[str, Tree], second: tuple[str, Tree]) -> None:
    a, b = (_compile(f"SELECT * FROM all_types WHERE {text}") for text, _ in (first, second))

    assert (a.key == b.key) == (a.where == b.where)
    assert a.key != b.key or hash(a.key) == hash(b.key)


def test_a_join_is_seen_from_the_returned_table() -> None:
    text = "SELECT {}.* FROM server s JOIN channel c ON c.server_id = s.id"
    server, channel = _compile(text.format("s")).join, _compile(text.format("c")).join

    assert server is not None
    assert channel is not None
    assert (server.table.name, server.column, server.other_column) == ("channel", "id", "server_id")
    assert (channel.table.name, channel.column, channel.other_column) == ("server", "server_id", "id")


def test_a_query_of_one_table_has_no_join_and_no_pairs() -> None:
    query = _compile("SELECT * FROM server WHERE id = 1")

    assert query.join is None
    assert query.pair_predicate() is None
    assert query.others == ()


def test_too_many_tables_are_refused() -> None:
    joins = "".join(f" JOIN channel c{n} ON c{n}.server_id = s.id" for n in range(1, 17))
    with pytest.raises(SqlError, match="Too many tables in FROM: 17; at most 16"):
        _compile("SELECT s.* FROM server s" + joins)
    assert len(_compile("SELECT s.* FROM server s" + joins[: joins.rindex(" JOIN")]).sources) == 16
