"""The tables of the small host keep what a real host promises to a module."""

import pytest

from agent_spaces.fabric.tables import ChannelReadState, Message
from agent_spaces.fabric.types import MessageType
from agent_spaces.sats import Identity, Timestamp
from agent_spaces.sats.bsatn import row_encoder
from twin.wasm_host import WasmHost
from twin.wasm_tables import NotUniqueError, WasmTable, WasmTables


@pytest.fixture
def tables(host: WasmHost) -> WasmTables:
    """Return empty tables of the module."""
    return WasmTables(host.published)


def _message(message_id: int, seq: int, content: str = "a") -> bytes:
    row = Message(
        message_id, 7, None, Identity(bytes(32)), content, MessageType.TEXT, Timestamp(0), None, None, 1, seq, None
    )
    return row_encoder(Message)(row)


def _u64(number: int) -> bytes:
    return number.to_bytes(8, "little")


def _keys(table: WasmTable, low: int, high: int) -> list[int]:
    group = table.cells_of("by_channel_id_seq", _u64(7))
    keys = table.indexes["by_channel_id_seq"].in_range(
        group, lambda cell: low <= int.from_bytes(cell, "little") <= high
    )
    return [int.from_bytes(key, "little") for key in keys]


def test_a_number_is_drawn_for_zero_and_written_back(tables: WasmTables) -> None:
    table = tables.by_name["message"]

    assert table.insert(_message(0, 1)) == _u64(1)
    assert table.insert(_message(5, 2)) == b""
    assert table.insert(_message(0, 3)) == _u64(2), "a number given by hand does not move the sequence"


def test_a_number_that_meets_a_row_is_used_up(tables: WasmTables) -> None:
    table = tables.by_name["message"]
    table.insert(_message(1, 1))

    with pytest.raises(NotUniqueError):
        table.insert(_message(0, 2))
    assert table.insert(_message(0, 2)) == _u64(2)


def test_ranges_go_by_number(tables: WasmTables) -> None:
    table = tables.by_name["message"]
    for seq in (300, 2, 1, 256, 255):
        table.insert(_message(0, seq))

    assert _keys(table, 2, 256) == [2, 5, 4]
    assert table.indexes["by_channel_id_seq"].at_point((_u64(7),)) != []


def test_a_refused_call_leaves_everything_but_the_numbers_as_it_was(tables: WasmTables) -> None:
    table = tables.by_name["message"]
    table.insert(_message(0, 1))
    table.insert(_message(0, 2))
    tables.finish()

    table.delete(_u64(1))
    assert table.update("id", _message(2, 9, "changed"))
    table.insert(_message(0, 3))
    assert set(table.changes()) == {_u64(1), _u64(2), _u64(3)}
    tables.rollback()

    assert {row for row, _ in table.rows.values()} == {_message(1, 1), _message(2, 2)}
    assert _keys(table, 0, 99) == [1, 2]
    assert table.insert(_message(0, 3)) == _u64(4)


def test_a_row_that_ends_as_it_began_is_no_change(tables: WasmTables) -> None:
    table = tables.by_name["message"]
    table.insert(_message(0, 1))
    tables.finish()

    table.delete(_u64(1))
    table.insert(_message(1, 1))

    assert tables.changes() == {}


def test_rows_with_equal_keys_come_last_one_first(tables: WasmTables) -> None:
    """A host promises no order, so the module must not need one."""
    table = tables.by_name["channel_read_state"]
    identity = Identity(b"\1" * 32)
    for channel_id in (1, 2, 3):
        table.insert(row_encoder(ChannelReadState)(ChannelReadState(0, identity, channel_id, 0, 0)))

    cells = table.cells_of("identity", bytes.fromhex(identity.hex())[::-1])
    assert table.indexes["identity"].at_point(cells) == [_u64(3), _u64(2), _u64(1)]
