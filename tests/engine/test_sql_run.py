"""Queries and statements over rows in memory: who gets what, and what is changed."""

import json
from collections import Counter
from itertools import product
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.engine import sql_read
from agent_spaces.errors import SqlError
from agent_spaces.module import definition_of
from agent_spaces.sats import Timestamp
from agent_spaces.sats.json import to_json
from agent_spaces.sats.values import SumValue
from agent_spaces.sql import ColumnRef, ModuleCatalog, compile_query
from engine.sql_fixtures import (
    ALICE,
    BOB,
    CAROL,
    OWNER,
    PEOPLE,
    ROW_CLASSES,
    Database,
    Message,
    Note,
    Secret,
    Server,
    ServerMember,
    Signal,
    sees,
)

CATALOG = ModuleCatalog({d.name: d for d in map(definition_of, ROW_CLASSES)}, is_owner=True)
QUERIES = (
    "SELECT * FROM message",
    "SELECT * FROM message WHERE channel_id = 1 AND seq > 1 AND seq <= 3",
    "SELECT * FROM message WHERE channel_id = 1 AND seq = 2",
    "SELECT * FROM message WHERE channel_id = 2 OR content = 'a'",
    "SELECT * FROM message WHERE id = 2 AND content <> 'a'",
    "SELECT * FROM message WHERE seq >= 3 AND seq < 2",
    "SELECT * FROM message WHERE sender = :sender",
    "SELECT * FROM server WHERE name = 'one'",
    "SELECT * FROM note WHERE writer = :sender",
    "SELECT * FROM note WHERE reader > writer",
    "SELECT * FROM server_member WHERE identity = :sender AND server_id = 1",
    "SELECT * FROM signal",
    "SELECT m.* FROM message m JOIN server_member s ON m.server_id = s.server_id WHERE s.identity = :sender",
    "SELECT s.* FROM message m JOIN server_member s ON m.server_id = s.server_id WHERE m.seq > 1",
    "SELECT s.* FROM server s JOIN message m ON s.id = m.server_id WHERE m.sender = s.owner AND m.channel_id = 1",
    "SELECT m.* FROM message m JOIN message n ON m.content = n.content WHERE m.id < n.id OR m.seq <> n.seq",
    "SELECT n.* FROM note n JOIN server s ON n.server_id = s.id JOIN message m ON m.server_id = s.id WHERE m.seq > 0",
    "SELECT a.* FROM server_member a JOIN server_member b ON a.server_id = b.server_id WHERE b.identity = :sender",
    "SELECT a.* FROM note a JOIN server_member b ON b.identity = a.reader WHERE b.server_id = 2",
    "SELECT m.* FROM message m JOIN signal s ON s.server_id = m.server_id",
)

people, servers, small = st.sampled_from(PEOPLE), st.integers(1, 3), st.integers(0, 4)
members = st.sets(st.tuples(servers, people), max_size=6)
messages = st.lists(st.tuples(st.integers(1, 2), servers, people, st.sampled_from("abc"), small), max_size=8)
notes = st.lists(st.tuples(people, people, servers), max_size=5)


def _filled(who: set[Any], said: list[Any], noted: list[Any]) -> Database:
    database = Database()
    database.put(*(Server(0, name, owner) for name, owner in (("one", ALICE), ("two", BOB))))
    database.put(*(ServerMember(0, server, person) for server, person in sorted(who)))
    database.put(*(Message(0, channel, server, by, text, seq, None) for channel, server, by, text, seq in said))
    database.put(*(Note(0, writer, reader, server) for writer, reader, server in noted))
    return database


def _model(database: Database, text: str, reader: Any) -> list[Any]:
    """Return what a query gives by definition: every combination of visible rows is tried."""
    query = compile_query(text, CATALOG, reader, indexed_joins=False)
    visible = [[r for r in database.all(s.table.row_class) if sees(database, reader, r)] for s in query.sources]
    where = query.row_predicate()
    found = []
    for rows in product(*visible):
        pairs = [(each.left, cast("ColumnRef", each.right)) for each in query.on]
        on = [[getattr(rows[side.source], side.column) for side in pair] for pair in pairs]
        if all(a == b for a, b in on) and where(*rows):
            found.append(rows[query.returned])
    return found


@given(members, messages, notes)
def test_every_query_gives_each_reader_what_the_definition_says(who: Any, said: Any, noted: Any) -> None:
    database = _filled(who, said, noted)
    for text in QUERIES:
        for reader in (OWNER, ALICE, CAROL):
            table, rows = database.sql.one_off(text, reader)
            assert Counter(rows) == Counter(_model(database, text, reader))
            assert all(type(row) is table.definition.row_class for row in rows)
            if text.startswith("SELECT *"):
                count = database.sql.run(text.replace("*", "COUNT(*) AS n"), reader)
                assert count.rows == ((len(rows),),)


@pytest.fixture
def database() -> Database:
    """Two servers: Alice is in the first, Bob in both, Carol in none."""
    database = _filled(
        {(1, ALICE), (1, BOB), (2, BOB)},
        [(1, 1, ALICE, "a", 1), (1, 1, BOB, "b", 2), (2, 2, BOB, "c", 1)],
        [(ALICE, BOB, 1), (BOB, CAROL, 2)],
    )
    database.put(Secret("key", Timestamp(5), 7))
    return database


def test_private_tables_are_for_the_owner(database: Database) -> None:
    text = "SELECT * FROM secret"
    assert database.sql.run(text, OWNER).rows == (("key", 5, 7),)
    for refused in (database.sql.run, database.sql.one_off):
        with pytest.raises(SqlError, match="no such table: `secret`"):
            refused(text, ALICE)


def test_a_select_list_names_and_types_its_columns(database: Database) -> None:
    text = (
        "SELECT m.content, s.name AS server, m.meta FROM message m JOIN server s ON m.server_id = s.id WHERE m.seq = 2"
    )
    result = database.sql.run(text, ALICE)

    assert [name for name, _ in result.columns] == ["content", "server", "meta"]
    assert result.rows == (("b", "one", None),)
    as_json = [to_json(t, value) for (_, t), value in zip(result.columns, result.rows[0], strict=True)]
    assert json.dumps(as_json) == '["b", "one", [1, []]]'


def test_limit_cuts_rows_and_counts(database: Database) -> None:
    assert len(database.sql.run("SELECT * FROM message LIMIT 2", OWNER).rows) == 2
    assert database.sql.run("SELECT id FROM message LIMIT 0", OWNER).rows == ()
    assert database.sql.run("SELECT COUNT(*) AS n FROM message LIMIT 1", OWNER).rows == ((3,),)
    assert database.sql.run("SELECT COUNT(*) AS n FROM message LIMIT 0", OWNER).rows == ()


@pytest.mark.parametrize(
    "text", ["INSERT INTO server (id, name, owner) VALUES (0, 'x', 0x00)", "UPDATE server SET name = 'x'",
             "DELETE FROM server", "SET row_limit TO 5"]
)  # fmt: skip
def test_only_the_owner_writes(database: Database, text: str) -> None:
    text = text.replace("0x00", "0x" + ALICE.hex())
    with pytest.raises(SqlError) as caught:
        database.sql.run(text, ALICE)
    assert str(caught.value) == f"Caller {ALICE.hex()} is not authorized to run SQL DML statements"
    assert (database.commits, len(database.all(Server))) == ([], 2)


def test_insert_numbers_rows_and_counts_them(database: Database) -> None:
    text = f"INSERT INTO server (id, name, owner) VALUES (0, 'x', 0x{BOB.hex()}), (9, 'y', 0x{BOB.hex()});"
    result = database.sql.run(text, OWNER)

    assert (result.inserted, result.updated, result.deleted, result.columns, result.rows) == (2, 0, 0, (), ())
    assert database.all(Server)[2:] == [Server(3, "x", BOB), Server(9, "y", BOB)]
    assert database.commits == [(OWNER, 2)]


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ("(0, 'new', 0xID), (2, 'x', 0xID)", "column(s): '[\"id\"]' value: 2"),
        ("(0, 'new', 0xID), (0, 'one', 0xID)", 'column(s): \'["name"]\' value: "one"'),
    ],
)
def test_a_key_that_is_taken_undoes_the_statement(database: Database, values: str, error: str) -> None:
    with pytest.raises(SqlError) as caught:
        database.sql.run(f"INSERT INTO server (id, name, owner) VALUES {values}".replace("ID", BOB.hex()), OWNER)
    assert str(caught.value).startswith("IndexError: Unique constraint violation 'server_")
    assert str(caught.value).endswith(error)
    assert [row.name for row in database.all(Server)] == ["one", "two"]


def test_a_pair_that_is_taken_is_an_sql_error(database: Database) -> None:
    with pytest.raises(SqlError, match="exists already"):
        database.sql.run(f"INSERT INTO server_member (id, server_id, identity) VALUES (0, 1, 0x{BOB.hex()})", OWNER)
    assert len(database.all(ServerMember)) == 3


def test_update_changes_what_where_says(database: Database) -> None:
    result = database.sql.run("UPDATE message SET content = 'z', seq = 8 WHERE channel_id = 1 AND seq > 1", OWNER)

    assert result.updated == 1
    assert [(row.content, row.seq) for row in database.all(Message)] == [("a", 1), ("z", 8), ("c", 1)]
    assert [
        row.id for row in database.sql.one_off("SELECT * FROM message WHERE channel_id = 1 AND seq = 8", OWNER)[1]
    ] == [2]


def test_update_may_move_a_row_to_another_key(database: Database) -> None:
    assert database.sql.run("UPDATE server SET id = 7 WHERE id = 1", OWNER).updated == 1
    assert [row.id for row in database.all(Server)] == [2, 7]
    with pytest.raises(SqlError, match="Unique constraint violation 'server_id_idx_btree' in table 'server'"):
        database.sql.run("UPDATE server SET id = 2 WHERE id = 7", OWNER)
    assert [row.id for row in database.all(Server)] == [2, 7]


def test_delete_counts_its_rows(database: Database) -> None:
    assert database.sql.run("DELETE FROM message WHERE server_id = 1", OWNER).deleted == 2
    assert database.sql.run("DELETE FROM message", OWNER).deleted == 1
    assert database.sql.run("DELETE FROM message", OWNER).deleted == 0


def test_an_event_can_be_inserted_and_is_gone_afterwards(database: Database) -> None:
    assert database.sql.run("INSERT INTO signal (id, server_id) VALUES (0, 1)", OWNER).inserted == 1
    assert database.commits == [(OWNER, 1)]
    assert database.all(Signal) == []


def test_row_limit_counts_what_the_reader_may_see(database: Database) -> None:
    assert database.sql.run("SHOW row_limit", ALICE).rows == ()
    database.sql.run("SET row_limit TO 2", OWNER)
    ((name, variable_type),) = database.sql.run("SHOW row_limit", ALICE).columns
    assert (name, to_json(variable_type, SumValue(8, 2))) == ("value", [8, 2])
    assert database.sql.run("SHOW row_limit", ALICE).rows == ((SumValue(8, 2),),)

    assert len(database.sql.run("SELECT * FROM message", ALICE).rows) == 2
    for query in (database.sql.run, database.sql.one_off):
        with pytest.raises(SqlError) as caught:
            query("SELECT * FROM message", BOB)
        assert str(caught.value) == "Estimated cardinality (3 rows) exceeds limit (2 rows)"
    assert len(database.sql.run("SELECT * FROM message LIMIT 2", BOB).rows) == 2
    assert len(database.sql.run("SELECT * FROM message", OWNER).rows) == 3


def test_a_statement_that_looks_at_too_many_rows_is_stopped(database: Database, monkeypatch: Any) -> None:
    text = "SELECT a.* FROM server_member a JOIN server_member b ON a.server_id = b.server_id"
    at_most = 3 + 2 + 2 + 1  # the rows of a, and for each of them the rows of b
    monkeypatch.setattr(sql_read, "STEPS_MAX", at_most)
    assert len(database.sql.one_off(text, CAROL)[1]) == 5
    monkeypatch.setattr(sql_read, "STEPS_MAX", at_most - 1)
    with pytest.raises(SqlError, match="looks at more than 7 rows"):
        database.sql.one_off(text, CAROL)


def test_an_index_is_used_where_there_is_one(monkeypatch: Any) -> None:
    """Of a thousand messages only those of the index are looked at."""
    said = [(number % 10, 1, ALICE, "x", number) for number in range(1000)]
    database = _filled({(1, ALICE)}, said, [])
    monkeypatch.setattr(sql_read, "STEPS_MAX", 5)
    for where, found in (
        ("id = 5", 1),
        ("channel_id = 3 AND seq > 950", 5),
        ("channel_id = 3 AND seq = 953 AND content = 'x'", 1),
        ("server_id = 2", 0),
    ):
        assert len(database.sql.one_off(f"SELECT * FROM message WHERE {where}", ALICE)[1]) == found
    joined = "SELECT m.* FROM server s JOIN message m ON m.server_id = s.id WHERE m.id = 5 AND s.name = 'one'"
    assert len(database.sql.one_off(joined, ALICE)[1]) == 1


def test_a_reader_without_an_index_in_where_costs_what_the_rules_show(monkeypatch: Any) -> None:
    """Whoever may see little looks at little: strangers cannot make the host walk everybody's rows."""
    said = [(1, 1, ALICE, "x", number) for number in range(1000)] + [(2, 2, BOB, "y", 1)]
    database = _filled({(1, ALICE), (2, BOB)}, said, [(ALICE, ALICE, 1)] * 100 + [(BOB, CAROL, 2), (CAROL, CAROL, 2)])
    monkeypatch.setattr(sql_read, "STEPS_MAX", 2)

    assert len(database.sql.one_off("SELECT * FROM message WHERE content > 'a'", BOB)[1]) == 1
    assert len(database.sql.one_off("SELECT * FROM note", CAROL)[1]) == 2
    with pytest.raises(SqlError, match="looks at more than 2 rows"):
        database.sql.one_off("SELECT * FROM message", ALICE)
