"""Every value comes back from SQLite as it went in."""

import math
from enum import IntEnum
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.engine.storage.columns import row_writer, rows_reader, sql_type
from agent_spaces.sats import (
    ConnectionId,
    Identity,
    Interval,
    ScheduleAt,
    Time,
    TimeDuration,
    Timestamp,
    Uuid,
    f32,
    f64,
    i64,
    i128,
    u8,
    u32,
    u64,
    u256,
)
from agent_spaces.sats.bsatn import encoder
from agent_spaces.sats.mapping import shape_of
from agent_spaces.sats.types import BOOL, STRING, U64, Element, Product, Sum, Variant
from agent_spaces.sats.values import Some, SumValue


class Colour(IntEnum):
    RED = 0
    DARK_BLUE = 1


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
times = st.integers(-(2**63), 2**63 - 1)
CASES: list[tuple[Any, st.SearchStrategy[Any], str]] = [
    (bool, st.booleans(), "INTEGER"),
    (u8, st.integers(0, 255), "INTEGER"),
    (u64, st.integers(0, 2**64 - 1), "INTEGER"),
    (i64, times, "INTEGER"),
    (u256, st.integers(0, 2**256 - 1), "TEXT"),
    (i128, st.integers(-(2**127), 2**127 - 1), "TEXT"),
    (f64, st.floats(), "REAL"),
    (f32, st.floats(width=32), "REAL"),
    (str, text, "TEXT"),
    (bytes, st.binary(max_size=8), "BLOB"),
    (Identity, st.binary(min_size=32, max_size=32).map(Identity), "TEXT"),
    (ConnectionId, st.binary(min_size=16, max_size=16).map(ConnectionId), "TEXT"),
    (Uuid, st.binary(min_size=16, max_size=16).map(Uuid), "TEXT"),
    (Timestamp, times.map(Timestamp), "INTEGER"),
    (TimeDuration, times.map(TimeDuration), "INTEGER"),
    (Colour, st.sampled_from(Colour), "TEXT"),
    (u64 | None, st.none() | st.integers(0, 2**64 - 1), "INTEGER"),
    (Identity | None, st.none() | st.binary(min_size=32, max_size=32).map(Identity), "TEXT"),
    (Colour | None, st.none() | st.sampled_from(Colour), "TEXT"),
    (Some[u8 | None] | None, st.none() | st.builds(Some, st.none() | st.integers(0, 255)), "TEXT"),
    (list[str], st.lists(text, max_size=3), "TEXT"),
    (list[u64], st.lists(st.integers(0, 2**64 - 1), max_size=3), "TEXT"),
    (list[Identity], st.lists(st.binary(min_size=32, max_size=32).map(Identity), max_size=2), "TEXT"),
    (list[Colour | None], st.lists(st.none() | st.sampled_from(Colour), max_size=3), "TEXT"),
    (list[f64], st.lists(st.floats(), max_size=3), "BLOB"),
    (list[str] | None, st.none() | st.lists(text, max_size=2), "TEXT"),
    (ScheduleAt, st.builds(Interval, times.map(TimeDuration)) | st.builds(Time, times.map(Timestamp)), "TEXT"),
    (Product((Element("x", U64), Element("y", BOOL))), st.tuples(st.integers(0, 9), st.booleans()), "TEXT"),
    (Sum((Variant("a", STRING), Variant("b", U64))), text.map(lambda t: SumValue(0, t)), "TEXT"),
    (u32, st.integers(0, 2**32 - 1), "INTEGER"),
]


@pytest.mark.parametrize(("annotation", "values", "column_type"), CASES, ids=lambda case: str(case)[:40])
def test_a_value_comes_back_from_sqlite_unchanged(annotation: Any, values: Any, column_type: str) -> None:
    """Equal as BSATN, which tells -0.0 from 0.0, and of the same class."""
    assert sql_type(shape_of(annotation)) == column_type
    connection = apsw.Connection(":memory:")
    connection.execute(f"CREATE TABLE t (k INTEGER PRIMARY KEY, v {column_type})")
    write, read, encode = row_writer([u64, annotation]), rows_reader(None, [u64, annotation]), encoder(annotation)

    @given(values)
    def check(value: Any) -> None:
        connection.execute("INSERT OR REPLACE INTO t VALUES (?, ?)", write((1, value)))
        [(_, found)] = read(connection.execute("SELECT k, v FROM t"))
        assert type(found) is type(value)
        if not (isinstance(value, float) and math.isnan(value)):
            assert encode(found) == encode(value)

    check()


def test_values_that_repeat_become_one_object() -> None:
    """Numbers and texts of the columns that are named, over all tables that share; nothing else."""
    shared: dict[Any, Any] = {}
    read = rows_reader(None, [u64, str, u64, bool], shared, [0, 1, 3])
    rows = read([(10**9 + n % 2, f"text {n % 2}", 10**9, 1) for n in range(6)])
    again = rows_reader(None, [u64], shared, [0])([(int("1000000000"),)])
    assert rows[0] == again[0] + ("text 0", 10**9, True)
    assert len({id(row[0]) for row in [*rows, *again]}) == len({id(row[1]) for row in rows}) == 2
    assert set(shared) == {10**9, 10**9 + 1, "text 0", "text 1"}
