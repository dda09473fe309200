"""What the log did, net: numbers that were given stay given, and what does not fit is named."""

from typing import Any

import pytest

from agent_spaces.engine.storage import records
from agent_spaces.engine.storage.changes import HELD_BYTES_MAX, LoggedTable, NetChanges
from agent_spaces.engine.storage.log import Record
from agent_spaces.errors import DamagedError
from agent_spaces.sats import u64
from agent_spaces.sats.bsatn import encoder

NUMBER, TEXT = encoder(u64), encoder(str)


def group(first: int, *changes: tuple[int, int, bytes]) -> Record:
    made = records.Transaction(first, 0, 1, bytes(32), list(changes))
    return Record(first, first, records.encode_transaction(made), bytes(16))


def net_of(table: LoggedTable, *groups: Record) -> dict[bytes, bytes | None]:
    given: dict[bytes, bytes | None] = {}
    NetChanges({1: table}, lambda _, changed: given.update(changed)).take_all(groups)
    return given


def row_of(number: int, text: str) -> bytes:
    return NUMBER(number) + TEXT(text)


def test_of_a_row_only_the_last_version_is_given() -> None:
    """Also where it was deleted, and where the key is not what the row begins with."""
    put = [group(n, (1, records.PUT, row_of(7, f"text {n}"))) for n in range(3)]
    gone = group(3, (1, records.DELETE, NUMBER(7)))
    assert net_of(LoggedTable([u64, str], 0, 0), *put) == {NUMBER(7): row_of(7, "text 2")}
    assert net_of(LoggedTable([u64, str], 0, 0), *put, gone) == {NUMBER(7): None}
    by_text = net_of(LoggedTable([u64, str], 1, None), *put)
    assert by_text == {TEXT(f"text {n}"): row_of(7, f"text {n}") for n in range(3)}


@pytest.mark.parametrize("columns", [[u64, str], [str, u64]])
def test_numbers_of_rows_that_came_and_went_are_not_given_again(columns: list[Any]) -> None:
    """The deletion alone says nothing; what SEQUENCE says counts, whichever is more."""
    key = columns.index(u64)
    row = row_of(41, "x") if key == 0 else TEXT("x") + NUMBER(41)
    table = LoggedTable(columns, key, key)
    net_of(table, group(0, (1, records.DELETE, NUMBER(99))))
    assert table.next_number == 1
    net_of(table, group(0, (1, records.PUT, row)), group(1, (1, records.DELETE, NUMBER(41))))
    assert table.next_number == 42
    net_of(table, group(2, (1, records.SEQUENCE, NUMBER(50))), group(3, (1, records.PUT, row)))
    assert table.next_number == 50


def test_much_of_the_log_is_given_on_in_parts() -> None:
    """So that a long log takes no more memory than a short one."""
    parts: list[int] = []
    net = NetChanges({1: LoggedTable([u64, str], 0, 0)}, lambda _, changed: parts.append(len(changed)))
    text = "x" * (HELD_BYTES_MAX // 4)
    net.take_all(group(n, (1, records.PUT, row_of(n, text))) for n in range(10))
    assert parts == [4, 4, 2]


@pytest.mark.parametrize("change", [(2, records.PUT, NUMBER(1)), (2, records.DELETE, NUMBER(1)), (1, 9, b"")])
def test_a_group_that_fits_no_table_is_named(change: tuple[int, int, bytes]) -> None:
    """With the last good transaction, for whoever restores a backup."""
    with pytest.raises(DamagedError, match=r"transactions 5 to 5 .* The last good transaction is 4\."):
        net_of(LoggedTable([u64, str], 0, 0), group(5, change))


def test_a_row_that_is_shorter_than_its_key_is_refused() -> None:
    with pytest.raises(DamagedError, match="transactions 6 to 6"):
        net_of(LoggedTable([u64, str], 0, 0), group(6, (1, records.PUT, b"abc")))
