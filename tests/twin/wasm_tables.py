"""Tables in memory as a SpacetimeDB host shows them to a module: rows as BSATN, by index, and undone as one.

What a real host does not promise is made as unlike the Python engine as can be: rows with equal keys, and whole tables,
are handed out last one first.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from agent_spaces.sats.bsatn import Decoder, decoder_for_type
from agent_spaces.sats.types import PRIMITIVES, AlgebraicType, Array, Element, Product, Ref, Sum, Variant

Key = tuple[bytes, ...]
Change = dict[bytes, tuple[bytes | None, bytes | None]]  # by primary key: the row before and after a call


class NotUniqueError(Exception):
    """A row has a key that another row has."""


def type_of_json(data: dict[str, Any]) -> AlgebraicType:
    """Return a type of a published schema."""
    ((name, inner),) = data.items()
    match name:
        case "Ref":
            return Ref(inner)
        case "Array":
            return Array(type_of_json(inner))
        case "Product":
            return Product(tuple(Element(*_part(part)) for part in inner["elements"]))
        case "Sum":
            return Sum(tuple(Variant(*_part(part)) for part in inner["variants"]))
    return PRIMITIVES[name]


def _part(data: dict[str, Any]) -> tuple[str | None, AlgebraicType]:
    return data["name"].get("some"), type_of_json(data["algebraic_type"])


class WasmIndex:
    """Rows by the values of some columns; those before the last one make groups, so that ranges need no walk."""

    def __init__(self, columns: Sequence[int], *, unique: bool) -> None:
        self.columns, self.unique = tuple(columns), unique
        self.groups: dict[Key, dict[bytes, dict[bytes, None]]] = {}

    def _place(self, cells: Key) -> tuple[Key, bytes]:
        *group, last = (cells[column] for column in self.columns)
        return tuple(group), last

    def add(self, cells: Key, key: bytes) -> None:
        group, last = self._place(cells)
        self.groups.setdefault(group, {}).setdefault(last, {})[key] = None

    def remove(self, cells: Key, key: bytes) -> None:
        group, last = self._place(cells)
        del self.groups[group][last][key]
        if not self.groups[group][last]:
            del self.groups[group][last]
            if not self.groups[group]:
                del self.groups[group]

    def holder(self, cells: Key) -> bytes | None:
        """Return the primary key of a row with these values."""
        group, last = self._place(cells)
        return next(iter(self.groups.get(group, {}).get(last, ())), None)

    def at_point(self, cells: Key) -> list[bytes]:
        """Return the primary keys for as many leading columns as cells are given."""
        if len(cells) == len(self.columns):
            return list(self.groups.get(cells[:-1], {}).get(cells[-1], ()))[::-1]
        groups = [values for group, values in self.groups.items() if group[: len(cells)] == cells]
        return [key for values in groups for keys in values.values() for key in keys][::-1]

    def in_range(self, group: Key, is_inside: Callable[[bytes], bool]) -> list[bytes]:
        """Return the primary keys of a group whose last column is inside, in the order of unsigned numbers."""
        values = self.groups.get(group, {})
        inside = sorted((value for value in values if is_inside(value)), key=lambda value: value[::-1])
        return [key for value in inside for key in reversed(values[value])]


class WasmTable:
    """One table by its published definition."""

    def __init__(self, definition: dict[str, Any], types: list[AlgebraicType]) -> None:
        self.name: str = definition["source_name"]
        self.is_event: bool = definition["is_event"]
        row_type = types[definition["product_type_ref"]]
        assert isinstance(row_type, Product)
        self.decoders: list[Decoder] = [decoder_for_type(element.type, types) for element in row_type.elements]
        (self.primary_key,) = definition["primary_key"]
        unique = {tuple(each["data"]["Unique"]["columns"]) for each in definition["constraints"]}
        self.indexes = {
            index["accessor_name"]["some"]: WasmIndex(columns, unique=tuple(columns) in unique)
            for index in definition["indexes"]
            for columns in [index["algorithm"]["BTree"]]
        }
        sequences = definition["sequences"]
        self.auto_inc: int | None = sequences[0]["column"] if sequences else None
        self.next_number = 1
        self.rows: dict[bytes, tuple[bytes, Key]] = {}
        self.before: dict[bytes, bytes | None] = {}  # by primary key: the row when the call began

    def split(self, row: bytes) -> Key:
        """Return the columns of a row, each as BSATN."""
        cells, at = [], 0
        for decode in self.decoders:
            _, end = decode(row, at)
            cells.append(row[at:end])
            at = end
        assert at == len(row), f"a row of {self.name} has bytes too many"
        return tuple(cells)

    def cells_of(self, accessor: str, point: bytes) -> Key:
        """Return the leading columns of an index that a point or prefix gives, each as BSATN."""
        cells, at = [], 0
        for column in self.indexes[accessor].columns:
            if at == len(point):
                break
            _, end = self.decoders[column](point, at)
            cells.append(point[at:end])
            at = end
        assert at == len(point), f"a point of {self.name} has bytes too many"
        return tuple(cells)

    def clear(self) -> None:
        """Forget everything."""
        self.rows.clear()
        self.before.clear()
        self.next_number = 1
        for index in self.indexes.values():
            index.groups.clear()

    def load(self, row: bytes, cells: Key | None = None) -> None:
        """Put a row in, in place of the one with its primary key, as if it had always been there."""
        cells = self.split(row) if cells is None else cells
        if cells[self.primary_key] in self.rows:
            self._unlink(cells[self.primary_key])
        self._link(row, cells)

    def unload(self, key: bytes) -> None:
        """Take a row out as if it had never been there."""
        self._unlink(key)

    def set_sequence(self) -> None:
        """Let numbers go on behind the greatest one."""
        greatest = max((int.from_bytes(key, "little") for key in self.rows), default=0)
        self.next_number = greatest + 1 if self.auto_inc is not None else 1

    def insert(self, row: bytes) -> bytes:
        """Add a row and return the columns that were numbered; NotUniqueError, with the number used up."""
        cells = self.split(row)
        written = b""
        if self.auto_inc is not None and not any(cells[self.auto_inc]):
            written = self.next_number.to_bytes(len(cells[self.auto_inc]), "little")
            self.next_number += 1
            cells = (*cells[: self.auto_inc], written, *cells[self.auto_inc + 1 :])
            row = b"".join(cells)
        self._check_unique(cells, None)
        self._note(cells[self.primary_key])
        self._link(row, cells)
        return written

    def update(self, accessor: str, row: bytes) -> bool:
        """Put a row in place of the one with its key in a unique index; False if there is none."""
        cells = self.split(row)
        key = self.indexes[accessor].holder(cells)
        if key is None:
            return False
        self._check_unique(cells, key)
        self._note(key)
        self._note(cells[self.primary_key])
        self._unlink(key)
        self._link(row, cells)
        return True

    def delete(self, key: bytes) -> None:
        """Remove the row with a primary key."""
        self._note(key)
        self._unlink(key)

    def scan(self) -> list[bytes]:
        """Return all rows."""
        return [row for row, _ in self.rows.values()][::-1]

    def changes(self) -> Change:
        """Return what the open call changes; what ends as it began is left out."""
        now = {key: self.rows[key][0] if key in self.rows else None for key in self.before}
        return {key: (self.before[key], row) for key, row in now.items() if row != self.before[key]}

    def finish(self) -> None:
        """Keep what the open call changed; an event table is empty afterwards."""
        self.before.clear()
        if self.is_event and self.rows:
            for key in list(self.rows):
                self._unlink(key)

    def rollback(self) -> None:
        """Undo what the open call changed; numbers stay used up."""
        for key, row in self.before.items():
            if key in self.rows:
                self._unlink(key)
            if row is not None:
                self._link(row, self.split(row))
        self.before.clear()

    def _check_unique(self, cells: Key, own: bytes | None) -> None:
        if any(index.unique and index.holder(cells) not in (None, own) for index in self.indexes.values()):
            raise NotUniqueError(self.name)

    def _note(self, key: bytes) -> None:
        if key not in self.before:
            self.before[key] = self.rows[key][0] if key in self.rows else None

    def _link(self, row: bytes, cells: Key) -> None:
        key = cells[self.primary_key]
        self.rows[key] = (row, cells)
        for index in self.indexes.values():
            index.add(cells, key)

    def _unlink(self, key: bytes) -> None:
        _, cells = self.rows.pop(key)
        for index in self.indexes.values():
            index.remove(cells, key)


class WasmTables:
    """All tables of a module, and their ids as the host hands them out."""

    def __init__(self, published: dict[str, Any]) -> None:
        sections = {name: section for entry in published["sections"] for name, section in entry.items()}
        types = [type_of_json(entry) for entry in sections["Typespace"]["types"]]
        self.tables = [WasmTable(definition, types) for definition in sections["Tables"]]
        self.by_name = {table.name: table for table in self.tables}
        self.indexes: list[tuple[WasmTable, str]] = [
            (table, accessor) for table in self.tables for accessor in table.indexes
        ]
        names = [index["source_name"]["some"] for definition in sections["Tables"] for index in definition["indexes"]]
        self.index_ids = {name: number for number, name in enumerate(names)}
        self.table_ids = {table.name: number for number, table in enumerate(self.tables)}

    def __iter__(self) -> Iterator[WasmTable]:
        return iter(self.tables)

    def changes(self) -> dict[str, Change]:
        """Return what the open call changes, by table."""
        return {table.name: changes for table in self.tables if (changes := table.changes())}

    def finish(self) -> None:
        """Keep what the open call changed."""
        for table in self.tables:
            table.finish()

    def rollback(self) -> None:
        """Undo what the open call changed."""
        for table in self.tables:
            table.rollback()
