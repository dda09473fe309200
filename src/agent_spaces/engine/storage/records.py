"""The body of a group: transactions back to back, each a head and its changes. Pure; shared by everybody who reads it.

Head: offset u64, reducer id u16, timestamp i64 (microseconds since 1970), number of changes u32, caller 32 bytes.
Change: table id u16, op u8, length u32, then that many bytes: a row's BSATN (PUT, EVENT), a primary key's BSATN
(DELETE), or the table's next number as u64 (SEQUENCE). Everything is little-endian.

A reader keeps each table's next number as the greatest of: the auto-increment column of a PUT plus 1, and SEQUENCE.
So the writer adds a SEQUENCE only where numbers were drawn that no PUT of the same transaction shows.
"""

from collections.abc import Callable, Iterator, Mapping
from struct import Struct
from struct import error as StructError  # noqa: N812  # it is a class
from typing import Any

import msgspec

from agent_spaces.errors import DecodeError

PUT, DELETE, EVENT, SEQUENCE = 0, 1, 2, 3
HEAD = Struct("<QHqI32s")  # offset, reducer id, timestamp, number of changes, caller
CHANGE = Struct("<HBI")  # table id, op, length
_COUNT = Struct("<18xI32x").unpack_from  # of a head, the number of changes
_CHANGE, _CHANGE_BYTES = CHANGE.unpack_from, CHANGE.size
NEXT_NUMBER = Struct("<HBIQ")  # a whole SEQUENCE change
Change = tuple[int, int, bytes]  # table id, op, bytes
Puts = Mapping[int, tuple[int, dict[bytes, bytes | None]]]  # table id -> bytes of key, row by key
NO_REDUCER = 0xFFFF  # the reducer id of transactions that no reducer made: SQL of the owner, imports


class Transaction(msgspec.Struct, frozen=True, gc=False):
    """One commit as the log has it; a change is (table id, op, bytes)."""

    offset: int
    reducer_id: int
    timestamp_us: int
    caller: bytes
    changes: list[Change]


def encode_sequence(table_id: int, next_number: int) -> bytes:
    """Return the change that says which number a table gives next."""
    return NEXT_NUMBER.pack(table_id, SEQUENCE, 8, next_number)


def encode_transaction(transaction: Transaction) -> bytes:
    """Return a transaction as it stands in a body; the engine packs the same structs itself."""
    parts = [
        HEAD.pack(
            transaction.offset,
            transaction.reducer_id,
            transaction.timestamp_us,
            len(transaction.changes),
            transaction.caller,
        )
    ]
    for table_id, op, data in transaction.changes:
        parts.extend((CHANGE.pack(table_id, op, len(data)), data))
    return b"".join(parts)


def transactions_of(body: bytes) -> Iterator[Transaction]:
    """Take a body apart; DecodeError where it ends too early or names an unknown op."""
    position, end = 0, len(body)
    while position < end:
        if end - position < HEAD.size:
            raise DecodeError("transaction", position, "the body ends in its head")
        offset, reducer_id, timestamp_us, _, caller = HEAD.unpack_from(body, position)
        changes: list[Change] = []
        position = read_changes(body, position, {}, _into(changes))
        yield Transaction(offset, reducer_id, timestamp_us, caller, changes)


def _into(changes: list[Change]) -> Callable[[int, int, bytes], None]:
    return lambda *change: changes.append(change)


def read_changes(body: bytes, position: int, puts: Puts, other: Callable[[int, int, bytes], object]) -> int:
    """Read the changes of the transaction that begins at a position; return where it ends.

    A PUT of a table in `puts`, whose rows begin with so many bytes of key, goes into the dict that is there, by key;
    all other changes go to `other`, as (table id, op, bytes). DecodeError as `transactions_of`.
    """
    try:
        (count,) = _COUNT(body, position)
        position += HEAD.size
        for _ in range(count):
            table_id, op, length = _CHANGE(body, position)
            start = position + _CHANGE_BYTES
            position = start + length
            if op == PUT and (place := puts.get(table_id)) is not None:
                key_bytes, rows = place
                row = body[start:position]
                rows[row[:key_bytes]] = row
                continue
            if position > len(body):
                break
            if op >= SEQUENCE and (op > SEQUENCE or length != 8):
                raise DecodeError("change", start, f"unknown op {op} of {length} bytes")
            other(table_id, op, body[start:position])
    except StructError as error:  # the unpacking looks for itself where the body ends
        raise DecodeError("change", position, "the body ends in its head or before it") from error
    if position > len(body):
        raise DecodeError("change", position, "its bytes go past the body")
    return position


def decode_whole(decode: Callable[[bytes, int], tuple[Any, int]], data: bytes) -> Any:
    """Return what all of `data` encodes; DecodeError if bytes are left over."""
    value, end = decode(data, 0)
    if end != len(data):
        raise DecodeError("change", end, f"{len(data) - end} bytes are left over")
    return value
