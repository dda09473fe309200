"""One changed row, with its bytes made at most once, and what changes add up to for somebody."""

from agent_spaces.engine.subscriptions.audience import Row
from agent_spaces.engine.table import EngineTable

Delta = tuple[list[bytes], list[bytes]]  # inserted rows, deleted rows


class Change:
    """A committed change; the new row's bytes come with it."""

    __slots__ = ("new", "new_bytes", "old", "table")

    def __init__(self, table: EngineTable, old: Row | None, new: Row | None, new_bytes: bytes | None) -> None:
        self.table, self.old, self.new, self.new_bytes = table, old, new, new_bytes

    @property
    def key(self) -> object:
        """The row's primary key."""
        return self.table.pk_of(self.old if self.new is None else self.new)


class Encoded:
    """The bytes of the rows that one transaction talks about, each made once, when first asked for."""

    __slots__ = ("_bytes",)

    def __init__(self, changes: list[Change]) -> None:
        # A row is told by being that object; it is held here so that no other one can take its place.
        self._bytes: dict[int, tuple[Row, bytes]] = {}
        for change in changes:
            if change.new_bytes is not None:
                self._bytes[id(change.new)] = (change.new, change.new_bytes)

    def of(self, table: EngineTable, row: Row) -> bytes:
        """Return a row's BSATN."""
        made = self._bytes.get(id(row))
        if made is None:
            made = self._bytes[id(row)] = (row, table.encode(row))
        return made[1]
