"""What the log did to the tables, net: of a row that changed a thousand times only the last version is looked at.

Everybody who reads the log for its rows goes through this: the start of a host and the writer of checkpoints.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agent_spaces.engine.storage import records
from agent_spaces.errors import DamagedError, DecodeError
from agent_spaces.sats.decoding import decoder_of
from agent_spaces.sats.encoding import encoder_of
from agent_spaces.sats.mapping import shape_of
from agent_spaces.sats.shapes import Record as RecordShape
from agent_spaces.sats.source import fixed_format

if TYPE_CHECKING:
    from agent_spaces.engine.storage.log import Record

HELD_BYTES_MAX = 1 << 20  # of log, before what it changed is given on
Changed = dict[bytes, bytes | None]  # primary key -> the row, or None if it was deleted; all as BSATN


class LoggedTable:
    """One table while the log is read: the rows that changed, by primary key, and the next number.

    `columns` are annotations or types; `key` and `auto` the positions of the primary key and of the auto-increment
    column. `key_bytes` is how many bytes each row begins with that are its key, or 0 where that cannot be said.
    """

    __slots__ = ("_auto", "_form", "_head", "_key", "_key_shape", "changed", "key_bytes", "next_number")

    def __init__(self, columns: Sequence[Any], key: int, auto: int | None, next_number: int = 1) -> None:
        self._key, self._auto = key, auto
        shapes = tuple(map(shape_of, columns[: max(key, auto or 0) + 1]))
        self._head, self._key_shape = RecordShape(None, (None,) * len(shapes), shapes), shapes[key]
        form = fixed_format(shapes[0]) if key == 0 and auto in (None, 0) else None
        self._form, self.key_bytes = form, 0 if form is None else struct.calcsize(f"<{form}")
        self.changed: Changed = {}
        self.next_number = next_number

    def change(self, op: int, data: bytes) -> None:
        """Take a change that is no event."""
        if op == records.DELETE:
            if self.changed.get(data) is not None:
                self._count_numbers([data])
            self.changed[data] = None
        elif op == records.SEQUENCE:
            self.next_number = max(self.next_number, int.from_bytes(data, "little"))
        else:
            values, _ = decoder_of(self._head)(data, 0)
            self.changed[encoder_of(self._key_shape)(values[self._key])] = data
            if self._auto is not None:
                self.next_number = max(self.next_number, values[self._auto] + 1)

    def count_numbers(self) -> None:
        """Move the next number past those of the rows that changed."""
        self._count_numbers([key for key, row in self.changed.items() if row is not None])

    def _count_numbers(self, keys: list[bytes]) -> None:
        """Count in what the keys of rows say, where they are the numbers; `change` counted the others."""
        if self.key_bytes and self._auto is not None and keys:
            numbers = struct.unpack(f"<{len(keys)}{self._form}", b"".join(keys))
            self.next_number = max(self.next_number, max(numbers) + 1)


class NetChanges:
    """Takes groups of the log and gives on, by table id, what they changed; `flush` gives the rest.

    DamagedError from both if a group does not fit the tables.
    """

    def __init__(self, tables: Mapping[int, LoggedTable], give: Callable[[int, Changed], None]) -> None:
        self._tables, self._give = tables, give
        self._puts = {i: (table.key_bytes, table.changed) for i, table in tables.items() if table.key_bytes}
        self._held, self._first, self._last = 0, 0, 0  # bytes of log, and its transactions

    def take(self, record: "Record") -> None:
        """Take in one group."""
        body, position = record.body, 0
        if not self._held:
            self._first = record.first
        self._last = record.last
        try:
            while position < len(body):
                position = records.read_changes(body, position, self._puts, self._change)
        except (DecodeError, KeyError) as error:
            raise _unreadable(record.first, record.last, error) from error
        self._held += len(body)
        if self._held >= HELD_BYTES_MAX:
            self.flush()

    def _change(self, table_id: int, op: int, data: bytes) -> None:
        if op != records.EVENT:
            self._tables[table_id].change(op, data)

    def take_all(self, found: "Iterable[Record]") -> None:
        """Take in groups, to the last change."""
        for record in found:
            self.take(record)
        self.flush()

    def flush(self) -> None:
        """Give on what is held."""
        try:
            for table_id, table in self._tables.items():
                if table.changed:
                    table.count_numbers()
                    self._give(table_id, table.changed)
                    table.changed.clear()
        except (DecodeError, KeyError, struct.error) as error:
            raise _unreadable(self._first, self._last, error) from error
        self._held = 0


def _unreadable(first: int, last: int, error: Exception) -> DamagedError:
    reason = f"there is no table with the id {error}" if isinstance(error, KeyError) else str(error)
    return DamagedError(
        f"The groups of transactions {first} to {last} in the log cannot be read: {reason}. "
        f"The last good transaction is {first - 1}. Restore a backup."
    )
