"""A small host for the compiled module: what module ABI 10 asks of one that only runs reducers, over tables in memory.

Names, argument orders, error numbers and the order of a module's start are those of SpacetimeDB 2.8.3, read and seen.
"""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import wasmtime

from agent_spaces.sats import ConnectionId, Identity
from twin.definition import as_published, read_definition
from twin.wasm_tables import Change, NotUniqueError, WasmTable, WasmTables

OK, EXHAUSTED = 0, -1
BSATN_DECODE_ERROR, NO_SUCH_TABLE, NO_SUCH_INDEX, NO_SUCH_ITER, NO_SUCH_BYTES = 3, 4, 5, 6, 8
BUFFER_TOO_SMALL, UNIQUE_ALREADY_EXISTS, NO_SUCH_ROW = 11, 12, 15
_ARGUMENTS, _ERROR_SINK, _DEFINITION_SINK = 1, 2, 3
_USER_ERROR = 1
_INCLUDED, _EXCLUDED = 0, 1  # tags of a bound; 2 is unbounded


class ModuleTrapError(Exception):
    """The module crashed; a host says "The instance encountered a fatal error." for it."""


class _Memory:
    """The memory of the module for the length of a host call."""

    def __init__(self, caller: Any) -> None:
        self.caller, self.memory = caller, caller.get("memory")

    def read(self, at: int, size: int) -> bytes:
        at, size = at & 0xFFFFFFFF, size & 0xFFFFFFFF
        return bytes(self.memory.read(self.caller, at, at + size))

    def write(self, at: int, data: bytes) -> None:
        self.memory.write(self.caller, data, at & 0xFFFFFFFF)

    def number(self, at: int) -> int:
        return int.from_bytes(self.read(at, 4), "little")

    def set_number(self, at: int, number: int) -> None:
        self.write(at, struct.pack("<I", number))


class WasmHost:
    """One database that a compiled module runs in; `identity` is the database's own."""

    def __init__(self, path: Path, identity: Identity) -> None:
        self.engine = wasmtime.Engine()
        self.module = wasmtime.Module.from_file(self.engine, str(path))
        self.identity = identity
        self.logs: list[str] = []
        self.sinks: dict[int, bytes] = {}
        self.sources: dict[int, bytes] = {}
        self.iterators: dict[int, list[bytes]] = {}
        self.published = as_published(read_definition(self._start()))
        self.tables = WasmTables(self.published)
        reducers = next(entry["Reducers"] for entry in self.published["sections"] if "Reducers" in entry)
        self.reducer_ids = {reducer["source_name"]: number for number, reducer in enumerate(reducers)}

    def _start(self) -> bytes:
        """Make a fresh instance and return the definition that it prints, as it must once."""
        self.store = wasmtime.Store(self.engine)
        linker: Any = wasmtime.Linker(self.engine)
        for each in self.module.imports:
            linker.define_func(each.module, each.name, each.type, self._import(each.name), access_caller=True)
        self.exports: Any = linker.instantiate(self.store, self.module).exports(self.store)
        for name in sorted(export.name for export in self.module.exports if export.name.startswith("__preinit__")):
            self.exports[name](self.store)
        self.sinks = {_DEFINITION_SINK: b""}
        self.exports["__describe_module__"](self.store, _DEFINITION_SINK)
        return self.sinks.pop(_DEFINITION_SINK)

    def _import(self, name: str | None) -> Callable[..., Any]:
        function = getattr(self, f"_{name}")

        def call(caller: Any, *args: int) -> Any:
            return function(_Memory(caller), *args)

        return call

    def call(
        self,
        reducer: str,
        args: bytes,
        *,
        sender: Identity,
        timestamp: int,
        connection_id: ConnectionId | None = None,
    ) -> tuple[str | None, dict[str, Change]]:
        """Run a reducer as one transaction; return the text that it is refused with, or None and what it changed."""
        words = struct.unpack("<4Q", bytes.fromhex(sender.hex())[::-1])
        connection = bytes(16) if connection_id is None else bytes.fromhex(connection_id.hex())[::-1]
        self.sources, self.sinks = {_ARGUMENTS: args}, {_ERROR_SINK: b""}
        try:
            code = self.exports["__call_reducer__"](
                self.store,
                self.reducer_ids[reducer],
                *words,
                *struct.unpack("<2Q", connection),
                timestamp,
                _ARGUMENTS if args else 0,
                _ERROR_SINK,
            )
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            self.tables.rollback()
            self._start()
            raise ModuleTrapError(f"{reducer}: {error}\n" + "\n".join(self.logs[-3:])) from error
        finally:
            self.iterators.clear()
        if code == _USER_ERROR:
            self.tables.rollback()
            return self.sinks[_ERROR_SINK].decode(), {}
        assert code == OK, f"unknown return code {code}"
        changes = self.tables.changes()
        self.tables.finish()
        return None, changes

    def _table_id_from_name(self, memory: _Memory, name: int, size: int, out: int) -> int:
        number = self.tables.table_ids.get(memory.read(name, size).decode())
        if number is None:
            return NO_SUCH_TABLE
        memory.set_number(out, number)
        return OK

    def _index_id_from_name(self, memory: _Memory, name: int, size: int, out: int) -> int:
        number = self.tables.index_ids.get(memory.read(name, size).decode())
        if number is None:
            return NO_SUCH_INDEX
        memory.set_number(out, number)
        return OK

    def _bytes_sink_write(self, memory: _Memory, sink: int, data: int, size: int) -> int:
        self.sinks[sink] += memory.read(data, memory.number(size))
        return OK

    def _bytes_source_remaining_length(self, memory: _Memory, source: int, out: int) -> int:
        if source not in self.sources:
            return NO_SUCH_BYTES
        memory.set_number(out, len(self.sources[source]))
        return OK

    def _bytes_source_read(self, memory: _Memory, source: int, out: int, size: int) -> int:
        if source not in self.sources:
            return NO_SUCH_BYTES
        part = self.sources[source][: memory.number(size)]
        memory.write(out, part)
        memory.set_number(size, len(part))
        self.sources[source] = self.sources[source][len(part) :]
        if self.sources[source]:
            return OK
        del self.sources[source]
        return EXHAUSTED

    def _console_log(self, memory: _Memory, level: int, *args: int) -> None:
        text, size = args[-2:]
        self.logs.append(f"[{level}] {memory.read(text, size).decode(errors='replace')}")

    def _get_jwt(self, memory: _Memory, _connection: int, out: int) -> int:
        memory.set_number(out, 0)
        return OK

    def _identity(self, memory: _Memory, out: int) -> None:
        memory.write(out, bytes.fromhex(self.identity.hex())[::-1])

    def _open(self, memory: _Memory, rows: list[bytes], out: int) -> int:
        number = max(self.iterators, default=0) + 1
        self.iterators[number] = rows[::-1]
        memory.set_number(out, number)
        return OK

    def _datastore_table_scan_bsatn(self, memory: _Memory, table: int, out: int) -> int:
        return self._open(memory, self.tables.tables[table].scan(), out)

    def _rows_at(self, index: int, point: bytes) -> tuple[WasmTable, list[bytes]]:
        table, accessor = self.tables.indexes[index]
        return table, table.indexes[accessor].at_point(table.cells_of(accessor, point))

    def _datastore_index_scan_point_bsatn(self, memory: _Memory, index: int, point: int, size: int, out: int) -> int:
        table, keys = self._rows_at(index, memory.read(point, size))
        return self._open(memory, [table.rows[key][0] for key in keys], out)

    def _datastore_delete_by_index_scan_point_bsatn(
        self, memory: _Memory, index: int, point: int, size: int, out: int
    ) -> int:
        table, keys = self._rows_at(index, memory.read(point, size))
        for key in keys:
            table.delete(key)
        memory.set_number(out, len(keys))
        return OK

    def _datastore_index_scan_range_bsatn(
        self,
        memory: _Memory,
        index: int,
        prefix: int,
        prefix_size: int,
        prefix_columns: int,
        start: int,
        start_size: int,
        end: int,
        end_size: int,
        out: int,
    ) -> int:
        table, accessor = self.tables.indexes[index]
        cells = table.cells_of(accessor, memory.read(prefix, prefix_size))
        assert len(cells) == prefix_columns == len(table.indexes[accessor].columns) - 1, "a range is on the last column"
        is_above = _bound(memory.read(start, start_size), lambda value, bound: value > bound)
        is_below = _bound(memory.read(end, end_size), lambda value, bound: value < bound)

        def is_inside(cell: bytes) -> bool:
            value = int.from_bytes(cell, "little")
            return is_above(value) and is_below(value)

        keys = table.indexes[accessor].in_range(cells, is_inside)
        return self._open(memory, [table.rows[key][0] for key in keys], out)

    def _row_iter_bsatn_advance(self, memory: _Memory, iterator: int, out: int, size: int) -> int:
        if iterator not in self.iterators:
            return NO_SUCH_ITER
        rows, room = self.iterators[iterator], memory.number(size)
        if rows and len(rows[-1]) > room:
            memory.set_number(size, len(rows[-1]))
            return BUFFER_TOO_SMALL
        chunk = bytearray()
        while rows and len(chunk) + len(rows[-1]) <= room:
            chunk += rows.pop()
        memory.write(out, bytes(chunk))
        memory.set_number(size, len(chunk))
        if rows:
            return OK
        del self.iterators[iterator]
        return EXHAUSTED

    def _row_iter_bsatn_close(self, _memory: _Memory, iterator: int) -> int:
        return OK if self.iterators.pop(iterator, None) is not None else NO_SUCH_ITER

    def _datastore_insert_bsatn(self, memory: _Memory, table: int, row: int, size: int) -> int:
        try:
            written = self.tables.tables[table].insert(memory.read(row, memory.number(size)))
        except NotUniqueError:
            return UNIQUE_ALREADY_EXISTS
        memory.write(row, written)
        memory.set_number(size, len(written))
        return OK

    def _datastore_update_bsatn(self, memory: _Memory, table: int, index: int, row: int, size: int) -> int:
        of_index, accessor = self.tables.indexes[index]
        assert of_index is self.tables.tables[table], "a row is updated by an index of its table"
        try:
            if not of_index.update(accessor, memory.read(row, memory.number(size))):
                return NO_SUCH_ROW
        except NotUniqueError:
            return UNIQUE_ALREADY_EXISTS
        memory.set_number(size, 0)
        return OK


def _bound(data: bytes, is_beyond: Callable[[int, int], bool]) -> Callable[[int], bool]:
    """Return what a bound of unsigned numbers lets through."""
    tag, bound = data[0], int.from_bytes(data[1:], "little")
    if tag == _INCLUDED:
        return lambda value: value == bound or is_beyond(value, bound)
    if tag == _EXCLUDED:
        return lambda value: is_beyond(value, bound)
    return lambda _: True
