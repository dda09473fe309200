"""What a new connection has told so far, before it is compared with what the cache still shows of the old one."""

from collections.abc import Iterable

from agent_spaces.client.cache import counted
from agent_spaces.client.subscription import Subscription


class Shadow:
    """Counted rows by table, as a fresh cache would hold them; complete when every set was answered for."""

    def __init__(self, awaited: Iterable[int], ending: Iterable[Subscription]) -> None:
        self.awaited = set(awaited)  # query set ids
        self.applied: list[Subscription] = []  # those that had no rows before
        self.ending = tuple(ending)  # those that were to end when the connection was lost: never asked for again
        self._counts: dict[str, dict[bytes, int]] = {}

    def apply(self, table: str, inserts: Iterable[bytes], deletes: Iterable[bytes]) -> None:
        """Count rows in and out, as TableCache.apply does."""
        counts = self._counts.setdefault(table, {})
        for raw, count in counted(counts, inserts, deletes).items():
            if count > 0:
                counts[raw] = count
            else:
                counts.pop(raw, None)

    def rows(self, table: str) -> dict[bytes, int]:
        """Return a table's rows, counted."""
        return self._counts.get(table, {})
