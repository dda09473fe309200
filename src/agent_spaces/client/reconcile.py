"""What a new connection has told so far, before it is compared with what the cache still shows of the old one."""

from collections.abc import Iterable


class Shadow:
    """Counted rows by table, as a fresh cache would hold them; complete when every set was answered for."""

    def __init__(self, awaited: Iterable[int]) -> None:
        self.awaited = set(awaited)  # query set ids
        self._counts: dict[str, dict[bytes, int]] = {}

    def apply(self, table: str, inserts: Iterable[bytes], deletes: Iterable[bytes]) -> None:
        """Count rows in and out, as TableCache.apply does."""
        counts = self._counts.setdefault(table, {})
        for raw in inserts:
            counts[raw] = counts.get(raw, 0) + 1
        for raw in deletes:
            counts[raw] = counts.get(raw, 0) - 1

    def rows(self, table: str) -> dict[bytes, int]:
        """Return a table's rows with a count above 0."""
        return {raw: count for raw, count in self._counts.get(table, {}).items() if count > 0}
