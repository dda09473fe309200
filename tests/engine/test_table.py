"""Tables under random writes: the generated and the plain form, every index against a scan."""

from typing import Annotated, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import astuple

from agent_spaces.engine.tableset import TableSet
from agent_spaces.module import AutoInc, Index, PrimaryKey, Unique, definition_of, table
from agent_spaces.sats import u64


@table(
    "item",
    indexes=[
        Index("room", "seq", form="ordered"),
        Index("owner", "label", form="pair"),
        Index("room", "owner"),
        Index("seq", "label", "room", form="ordered"),
    ],
)
class Item:
    """Every form of index over few values, so that keys meet often."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    room: Annotated[u64, Index()]
    seq: Annotated[u64, Index(form="ordered")]
    owner: Annotated[u64, Index()]
    label: str
    name: Annotated[str, Unique()]
    colour: Annotated[u64, Index()]


SMALL = st.integers(0, 3)
LABELS = st.sampled_from("abcd")
NAMES = st.sampled_from([f"name{number}" for number in range(12)])


def matching(rows: dict[int, Any], columns: tuple[str, ...], key: tuple[Any, ...]) -> list[Any]:
    return [
        rows[pk] for pk in sorted(rows) if all(getattr(rows[pk], c) == k for c, k in zip(columns, key, strict=False))
    ]


class Writes(RuleBasedStateMachine):
    generated = True

    @initialize()
    def start(self) -> None:
        self.tables = TableSet([definition_of(Item)], generated=self.generated)
        self.items = self.tables[Item]
        self.fresh = TableSet([definition_of(Item)], generated=False)[Item]
        self.kept: dict[int, Any] = {}
        self.now: dict[int, Any] = {}

    def blocked(self, row: Any, pk: int | None) -> bool:
        others = [other for other in self.now.values() if other.id != pk]
        return any(o.name == row.name or (o.owner, o.label) == (row.owner, row.label) for o in others)

    @rule(pk=st.integers(0, 8), room=SMALL, seq=SMALL, owner=SMALL, label=LABELS, name=NAMES, colour=SMALL)
    def insert(self, pk: int, **columns: Any) -> None:
        row = Item(pk, **columns)
        expected = pk or self.items.sequence
        if expected in self.now or self.blocked(row, None):
            with pytest.raises(AssertionError):
                self.items.insert(row)
        else:
            assert self.items.insert(row).id == expected
            assert self.items.sequence > expected
            self.now[expected] = row

    @rule(pk=st.integers(1, 8), room=SMALL, seq=SMALL, owner=SMALL, label=LABELS, name=NAMES, colour=SMALL)
    def update(self, pk: int, **columns: Any) -> None:
        row = Item(pk, **columns)
        if pk not in self.now or self.blocked(row, pk):
            with pytest.raises(AssertionError):
                self.items.update(row)
        else:
            self.items.update(row)
            self.now[pk] = row

    @rule(pk=st.integers(1, 8), which=st.sampled_from(["insert", "update"]), column=st.sampled_from(["room", "seq"]))
    def write_a_wrong_type(self, pk: int, which: str, column: str) -> None:
        """A value that has no order or hash fails after the checks; nothing of the row stays."""
        columns: dict[str, Any] = {"room": 1, "seq": 1, "owner": 9, "label": "z", "name": "unlike", "colour": 0}
        columns[column] = {"room": [], "seq": [1]}[column]
        with pytest.raises((TypeError, AssertionError)):
            getattr(self.items, which)(Item(pk, **columns))

    @rule(pk=st.integers(1, 8))
    def delete(self, pk: int) -> None:
        assert self.items.delete(pk) == (self.now.pop(pk, None) is not None)

    @rule()
    def commit(self) -> None:
        changes = list(self.tables.changes())
        assert len({new.id if old is None else old.id for _, old, new in changes}) == len(changes)
        replayed = dict(self.kept)
        for _, old, new in changes:
            assert replayed.pop((old or new).id, None) == old
            assert old != new
            if new is not None:
                replayed[new.id] = new
        assert replayed == self.now
        self.tables.finish()
        self.kept = dict(self.now)

    @rule()
    def roll_back(self) -> None:
        self.tables.rollback()
        self.now = dict(self.kept)

    @invariant()
    def rows_are_those_written(self) -> None:
        if hasattr(self, "items"):
            assert list(self.items) == [self.now[pk] for pk in sorted(self.now)]
            assert len(self.items) == len(self.now)

    @invariant()
    def indexes_equal_a_scan(self) -> None:
        if not hasattr(self, "items"):
            return
        for accessor, index in self.items.indexes.items():
            assert getattr(self.items.access, accessor) is index
            for row in [*self.now.values(), Item(99, 7, 7, 7, "q", "nobody", 7)]:
                for width in range(1, len(index.columns) + 1):
                    self.compare(index, tuple(getattr(row, column) for column in index.columns[:width]))

    def compare(self, index: Any, key: tuple[Any, ...]) -> None:
        columns, full = index.columns, len(key) == len(index.columns)
        form = type(index).__name__
        if not full and not (form in ("PairIndex", "HashIndex") or len(key) == len(columns) - 1):
            return
        expected = matching(self.now, columns, key)
        assert index.filter(*key) == expected
        assert index.count(*key) == len(expected)
        if full:
            assert index.find(*key) == (expected[0] if expected else None)
        if full and form == "OrderedIndex":
            rows = sorted(matching(self.now, columns, key[:-1]), key=lambda row: (getattr(row, columns[-1]), row.id))
            above = [row for row in rows if getattr(row, columns[-1]) >= key[-1]]
            below = [row for row in rows if getattr(row, columns[-1]) <= key[-1]]
            assert index.range(*key[:-1]) == rows
            assert index.range(*key[:-1], low=key[-1]) == above
            assert index.range(*key[:-1], high=key[-1]) == below

    @invariant()
    def indexes_hold_nothing_else(self) -> None:
        if hasattr(self, "items"):
            self.fresh.clear()
            for row in self.now.values():
                self.fresh.link(row)
            for index, expected in zip(self.items.stored, self.fresh.stored, strict=True):
                assert index.buckets == expected.buckets


class PlainWrites(Writes):
    generated = False


TestGenerated = Writes.TestCase
TestPlain = PlainWrites.TestCase
TestGenerated.settings = TestPlain.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


@settings(deadline=None)
@given(
    st.lists(
        st.builds(Item, st.integers(1, 30), SMALL, SMALL, st.just(0), st.just(""), st.just(""), SMALL),
        unique_by=lambda item: item.id,
    )
)
def test_rows_that_are_loaded_together_are_found_as_those_loaded_one_by_one(rows: list[Any]) -> None:
    """Every index in its order, the next number, and one object for equal keys; the plain form alike."""
    unlike = [Item(row.id, 10**9 + row.room, row.seq, row.id, f"l{row.id}", f"n{row.id}", row.colour) for row in rows]
    one_by_one = TableSet([definition_of(Item)], generated=False)[Item]
    for row in unlike:
        one_by_one.load(row)
    for generated in (True, False):
        together = TableSet([definition_of(Item)], generated=generated)[Item]
        together.load_all([Item(*(int(str(v)) if isinstance(v, int) else v for v in astuple(row))) for row in unlike])
        assert list(together) == list(one_by_one)
        assert together.sequence == one_by_one.sequence
        for index, expected in zip(together.stored, one_by_one.stored, strict=True):
            assert index.buckets == expected.buckets
        assert len({id(row.room) for row in together}) == len({row.room for row in unlike})


def test_a_table_with_rows_is_not_filled_again() -> None:
    """Nor with two rows of one key: both would leave look-ups that tell lies."""
    items = TableSet([definition_of(Item)])[Item]
    first = Item(1, 1, 1, 1, "a", "a", 1)
    with pytest.raises(AssertionError, match="two stored rows"):
        items.load_all([first, Item(1, 1, 1, 2, "b", "b", 1)])
    with pytest.raises(AssertionError, match="rows already"):
        items.load_all([first])
