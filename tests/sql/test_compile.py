"""The cases of vectors/sql, and what no table of cases says."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.errors import SqlError
from agent_spaces.fabric.tables import TABLES as SPACES_TABLES
from agent_spaces.module import definition_of
from agent_spaces.sql import ModuleCatalog, compile_query, compile_statement, compile_subscription, executing
from agent_spaces.sql.parser import DEPTH_MAX, TEXT_BYTES_MAX, parse
from sql.vector_tables import ALICE, EVERYBODY, OWNER, TABLES, load_cases, query_json, statement_json


def _ids(cases: list[dict[str, Any]]) -> list[str]:
    return [case["text"] for case in cases]


SUBSCRIPTION, ONE_OFF, HTTP = (load_cases(name) for name in ("subscription.json", "one_off.json", "http.json"))


@pytest.mark.parametrize("case", SUBSCRIPTION, ids=_ids(SUBSCRIPTION))
def test_subscriptions_compile_as_the_vectors_say(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(SqlError) as caught:
            compile_subscription(case["text"], EVERYBODY, ALICE)
        assert str(caught.value) == case["error"]
    else:
        queries = compile_subscription(case["text"], EVERYBODY, ALICE)
        assert [query_json(query) for query in queries] == case["plans"]
        assert all(query.text == case["text"] for query in queries)


@pytest.mark.parametrize("case", ONE_OFF, ids=_ids(ONE_OFF))
def test_one_off_queries_compile_as_the_vectors_say(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(SqlError) as caught:
            compile_query(case["text"], EVERYBODY, ALICE, indexed_joins=False)
        assert str(caught.value) == case["error"]
    else:
        assert query_json(compile_query(case["text"], EVERYBODY, ALICE, indexed_joins=False)) == case["plan"]


@pytest.mark.parametrize("case", HTTP, ids=_ids(HTTP))
def test_http_statements_compile_as_the_vectors_say(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(SqlError) as caught:
            compile_statement(case["text"], EVERYBODY, ALICE)
        assert str(caught.value) == case["error"]
    else:
        assert statement_json(compile_statement(case["text"], EVERYBODY, ALICE)) == case["plan"]


def test_the_owner_reads_private_tables() -> None:
    text = "SELECT * FROM user_connection"

    assert compile_query(text, OWNER, ALICE, indexed_joins=True).table is TABLES["user_connection"]
    everything = compile_subscription("SELECT * FROM *", OWNER, ALICE)
    assert {query.table.name for query in everything} == {name for name, each in TABLES.items() if not each.event}


def test_of_the_columns_of_spaces_only_position_needs_quotes() -> None:
    """Seen for every column on SpacetimeDB 2.8.3; no table's name needs quotes."""
    definitions = [definition_of(row_class) for row_class in SPACES_TABLES]
    catalog = ModuleCatalog({each.name: each for each in definitions}, is_owner=True)
    refused = []
    for each in definitions:
        for column in each.columns:
            try:
                compile_statement(f"SELECT {column.name} FROM {each.name}", catalog, ALICE)
            except SqlError:
                refused.append((each.name, column.name))
            for good in (f'"{column.name}"', f"{each.name}.{column.name}"):
                compile_statement(f"SELECT {good} FROM {each.name}", catalog, ALICE)

    assert refused == [("channel", "position")]


def test_what_means_the_same_has_the_same_key() -> None:
    spelled = [
        "SELECT * FROM message WHERE channel_id = 7 AND (seq > 5 OR content = 'a')",
        'select  m.* from "message" as m where ((m.channel_id) = 0007) and (m."seq" > 5 or \'a\' = m.content);',
        "SELECT * FROM message -- note\n WHERE 7 = channel_id AND (5 < seq OR content = 'a')",
    ]
    queries = [compile_query(text, EVERYBODY, ALICE, indexed_joins=True) for text in spelled]

    assert len({query.key for query in queries}) == 1
    assert [query.text for query in queries] == spelled


def test_what_differs_has_another_key() -> None:
    texts = [
        "SELECT * FROM message WHERE seq > 5",
        "SELECT * FROM message WHERE seq >= 5",
        "SELECT * FROM message WHERE seq > 6",
        "SELECT * FROM message WHERE id > 5",
        "SELECT s.* FROM server s JOIN channel c ON s.id = c.server_id",
        "SELECT c.* FROM server s JOIN channel c ON s.id = c.server_id",
        "SELECT s.* FROM server s JOIN channel c ON s.id = c.id",
    ]

    assert len({compile_query(text, EVERYBODY, ALICE, indexed_joins=True).key for text in texts}) == len(texts)


def test_executing_adds_the_sql_to_the_reason() -> None:
    assert str(executing(SqlError("Empty SQL query"), "x")) == "Empty SQL query, executing: `x`"


def test_a_text_may_be_as_long_as_the_limit_and_no_longer() -> None:
    start, end = "SELECT * FROM server WHERE name = '", "'"
    longest = start + "x" * (TEXT_BYTES_MAX - len(start) - len(end)) + end

    query = compile_query(longest, EVERYBODY, ALICE, indexed_joins=True)
    assert query.predicate()(TABLES["server"].row_class(1, longest[len(start) : -1], None, ALICE, False))
    with pytest.raises(SqlError, match=f"{TEXT_BYTES_MAX + 1} > {TEXT_BYTES_MAX}"):
        parse(longest + " ")


def test_long_chains_of_or_are_fine() -> None:
    chain = " OR ".join(f"id = {number}" for number in range(2000))
    query = compile_query(f"SELECT * FROM server WHERE {chain}", EVERYBODY, ALICE, indexed_joins=True)

    row = TABLES["server"].row_class
    test = query.predicate()
    assert [test(row(number, "", None, ALICE, False)) for number in (0, 1999, 2000)] == [True, True, False]


def _alternating(depth: int) -> str:
    text = "id = 0"
    for level in range(depth - 1):
        text = f"(({text}) {'AND' if level % 2 else 'OR'} id = {level})"
    return f"SELECT * FROM server WHERE {text}"


def test_logical_nesting_is_bounded() -> None:
    query = compile_query(_alternating(DEPTH_MAX), EVERYBODY, ALICE, indexed_joins=True)
    assert query.predicate()(TABLES["server"].row_class(DEPTH_MAX - 2, "", None, ALICE, False))

    with pytest.raises(SqlError, match="recursion limit exceeded"):
        parse(_alternating(DEPTH_MAX + 1))


def test_brackets_alone_may_be_as_deep_as_the_text_is_long() -> None:
    deep = "SELECT * FROM server WHERE " + "(" * 20_000 + "id = 1" + ")" * 20_000

    assert compile_query(deep, EVERYBODY, ALICE, indexed_joins=True).equalities() == (("id", 1),)


WORDS = """
SELECT * FROM WHERE AND OR NOT ( ) , . ; = <> < >= 'a' '' "x" 1 -1 0x1f X'00' 1e3 TRUE NULL :sender AS JOIN ON LIMIT
COUNT(*) id name server message m INSERT INTO VALUES UPDATE SET DELETE SHOW row_limit TO ORDER BY IN IS BETWEEN position
CASE + % || :: [ ] -- /* */ ' " ü
"""
SQL_WORDS = st.sampled_from(WORDS.split())
GOOD_START = "SELECT s.* FROM server s JOIN channel c ON s.id = c.server_id WHERE s.id"


@given(st.one_of(st.text(max_size=60), st.lists(SQL_WORDS, max_size=25).map(" ".join)))
def test_whatever_the_text_it_is_a_plan_or_an_sql_error(text: str) -> None:
    for compiled in (compile_statement, compile_subscription):
        with contextlib.suppress(SqlError):
            compiled(text, EVERYBODY, ALICE)


@given(st.integers(0, 10), st.lists(SQL_WORDS, max_size=12).map(" ".join))
def test_whatever_follows_a_good_start_it_is_a_plan_or_an_sql_error(cut: int, rest: str) -> None:
    words = GOOD_START.split()
    text = " ".join(words[: len(words) - cut]) + " " + rest
    with contextlib.suppress(SqlError):
        compile_statement(text, EVERYBODY, ALICE)
