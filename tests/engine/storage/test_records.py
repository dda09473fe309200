"""Bodies come apart as they were put together, and nonsense is refused."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_spaces.engine.storage import records
from agent_spaces.engine.storage.records import Transaction, encode_transaction, transactions_of
from agent_spaces.errors import DecodeError

changes = st.tuples(st.integers(0, 65535), st.sampled_from([0, 1, 2]), st.binary(max_size=9)) | st.tuples(
    st.integers(0, 65535), st.just(records.SEQUENCE), st.binary(min_size=8, max_size=8)
)
transactions = st.builds(
    Transaction,
    st.integers(0, 2**64 - 1),
    st.integers(0, 65535),
    st.integers(-(2**63), 2**63 - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(changes, max_size=4),
)


@given(st.lists(transactions, max_size=4))
def test_a_body_comes_apart_as_it_was_put_together(made: list[Transaction]) -> None:
    """Any transactions, any changes."""
    assert list(transactions_of(b"".join(map(encode_transaction, made)))) == made


@given(st.lists(transactions, min_size=1, max_size=3), st.data())
def test_a_body_that_ends_too_early_is_refused(made: list[Transaction], data: st.DataObject) -> None:
    """Cut anywhere but between two transactions."""
    encoded = [encode_transaction(transaction) for transaction in made]
    body = b"".join(encoded)
    ends = {sum(map(len, encoded[:i])) for i in range(len(encoded) + 1)}
    cut = data.draw(st.integers(0, len(body)).filter(lambda at: at not in ends))
    with pytest.raises(DecodeError):
        list(transactions_of(body[:cut]))


@given(st.lists(transactions, max_size=4), st.sets(st.integers(0, 65535)))
def test_rows_of_some_tables_go_by_key_and_all_else_in_order(made: list[Transaction], ids: set[int]) -> None:
    """What read_changes keeps of the tables it is told of is the last row of each key; keys are two bytes here."""
    body, position = b"".join(map(encode_transaction, made)), 0
    all_changes = [change for transaction in made for change in transaction.changes]
    wanted = ids | {change[0] for change in all_changes[::2]}
    puts: dict[int, tuple[int, dict[bytes, bytes | None]]] = {table_id: (2, {}) for table_id in wanted}
    others: list[Any] = []
    while position < len(body):
        position = records.read_changes(body, position, puts, lambda *change: others.append(change))
    kept = {(i, data[:2]): data for i, op, data in all_changes if op == records.PUT and i in wanted}
    assert {(i, key): row for i, (_, rows) in puts.items() for key, row in rows.items()} == kept
    assert others == [change for change in all_changes if change[1] != records.PUT or change[0] not in wanted]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Never another error, and never more memory than the bytes themselves."""
    with contextlib.suppress(DecodeError):
        list(transactions_of(body))


def test_the_next_number_is_a_change() -> None:
    """encode_sequence gives the bytes of a SEQUENCE change."""
    head = records.HEAD.pack(5, 1, 2, 1, bytes(32))
    [transaction] = transactions_of(head + records.encode_sequence(7, 2**64 - 1))
    assert transaction.changes == [(7, records.SEQUENCE, b"\xff" * 8)]
