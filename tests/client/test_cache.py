"""The cache is a multiset of rows, whatever messages come; what callbacks are told is the net difference."""

from collections import Counter
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.client.cache import Difference, TableCache
from agent_spaces.client.reconcile import Shadow
from agent_spaces.errors import DecodeError
from agent_spaces.module import PrimaryKey, table
from agent_spaces.sats import u8
from agent_spaces.sats.bsatn import row_decoder, row_encoder


@table("thing", public=True)
class Thing:
    id: Annotated[u8, PrimaryKey()]
    value: u8


DECODE, ENCODE = row_decoder(Thing), row_encoder(Thing)
RAWS = st.builds(lambda key, value: ENCODE(Thing(key, value)), st.integers(0, 3), st.integers(0, 2))
MESSAGES = st.lists(st.tuples(st.lists(RAWS, max_size=6), st.lists(RAWS, max_size=6)), max_size=12)


def _decode(raw: bytes) -> Thing:
    return DECODE(raw, 0)[0]


def _cache(primary_key: str | None = None) -> TableCache[Thing]:
    return TableCache("thing", _decode, primary_key, event=False)


def _apply_to_model(model: Counter[bytes], inserts: list[bytes], deletes: list[bytes]) -> None:
    model.update(inserts)
    model.subtract(deletes)
    for raw in [raw for raw, count in model.items() if count <= 0]:
        del model[raw]


def _told(before: set[bytes], change: Difference[Thing]) -> set[bytes]:
    """Return the rows that somebody has who had the rows before and hears of the change; nothing is told twice."""
    after = set(before)
    gone = [ENCODE(row) for row in change.deleted] + [ENCODE(old) for old, _ in change.updated]
    came = [ENCODE(row) for row in change.inserted] + [ENCODE(new) for _, new in change.updated]
    assert len(set(gone)) == len(gone)
    assert len(set(came)) == len(came)
    assert set(gone) <= before
    after -= set(gone)
    assert not set(came) & after
    return after | set(came)


@given(messages=MESSAGES)
def test_any_run_of_messages_leaves_what_a_multiset_would_hold(messages: list[tuple[list[bytes], list[bytes]]]) -> None:
    cache, model = _cache(), Counter[bytes]()
    for inserts, deletes in messages:
        before = set(model)
        _apply_to_model(model, inserts, deletes)
        change = cache.apply(inserts, deletes)

        assert {ENCODE(row) for row in cache} == set(model)
        assert len(cache) == len(model)
        assert _told(before, change) == set(model)
        assert set(model) - before == {ENCODE(row) for row in change.inserted}


@given(old=MESSAGES, new=MESSAGES)
def test_after_a_loss_callbacks_get_exactly_the_difference_between_the_old_and_the_new_rows(
    old: list[tuple[list[bytes], list[bytes]]], new: list[tuple[list[bytes], list[bytes]]]
) -> None:
    cache, fresh, shadow = _cache(), Counter[bytes](), Shadow([], [])
    for inserts, deletes in old:
        cache.apply(inserts, deletes)
    for inserts, deletes in new:
        _apply_to_model(fresh, inserts, deletes)
        shadow.apply("thing", inserts, deletes)
    before = {ENCODE(row) for row in cache}

    change = cache.replace(shadow.rows("thing"))

    assert {ENCODE(row) for row in change.inserted} == set(fresh) - before
    assert {ENCODE(row) for row in change.deleted} == before - set(fresh)
    assert {ENCODE(row) for row in cache} == set(fresh)
    assert not cache.apply([], [raw for raw, count in fresh.items() for _ in range(count - 1)])
    assert len(cache.apply([], list(fresh)).deleted) == len(fresh)


STATES = st.lists(st.dictionaries(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=8)


@given(states=STATES, copies=st.integers(1, 3), lost=st.sets(st.integers(0, 7)))
def test_a_keyed_row_that_changes_is_one_update_however_many_sets_hold_it(
    states: list[dict[int, int]], copies: int, lost: set[int]
) -> None:
    cache = _cache("id")
    held: dict[int, int] = {}
    for number, state in enumerate(states):
        if number in lost:
            change = cache.replace({ENCODE(Thing(*item)): copies for item in state.items()})
        else:
            came = [ENCODE(Thing(*item)) for item in state.items() - held.items()] * copies
            gone = [ENCODE(Thing(*item)) for item in held.items() - state.items()] * copies
            change = cache.apply(came, gone)

        assert {(old.id, old.value, new.value) for old, new in change.updated} == {
            (key, held[key], state[key]) for key in held.keys() & state.keys() if held[key] != state[key]
        }
        assert {row.id for row in change.inserted} == state.keys() - held.keys()
        assert {row.id for row in change.deleted} == held.keys() - state.keys()
        held = state
        assert {key: cache.find(key) for key in range(4)} == {
            key: Thing(key, held[key]) if key in held else None for key in range(4)
        }


def test_a_message_with_a_row_that_cannot_be_read_changes_nothing() -> None:
    cache = _cache("id")
    first, second = ENCODE(Thing(1, 1)), ENCODE(Thing(2, 2))
    cache.apply([first], [])

    with pytest.raises(DecodeError):
        cache.apply([second, b"\x01"], [first])

    assert list(cache) == [Thing(1, 1)]
    assert cache.find(1) == Thing(1, 1)
    assert cache.apply([], [first]).deleted == [Thing(1, 1)]


def test_rows_of_a_table_without_a_key_are_not_found_by_one() -> None:
    with pytest.raises(TypeError, match="no primary key"):
        _cache().find(1)


def test_rows_can_be_looked_up_by_columns() -> None:
    cache = _cache("id")
    cache.apply([ENCODE(Thing(1, 1)), ENCODE(Thing(2, 1)), ENCODE(Thing(3, 2))], [])

    assert cache.where(value=1) == [Thing(1, 1), Thing(2, 1)]
    assert cache.where(value=1, id=2) == [Thing(2, 1)]
    assert Thing(3, 2) in cache
    assert Thing(3, 1) not in cache


def test_a_callback_is_a_plain_function() -> None:
    async def wrong(ctx: object, row: object) -> None: ...

    with pytest.raises(TypeError, match="coroutine"):
        _cache().on_insert(wrong)
