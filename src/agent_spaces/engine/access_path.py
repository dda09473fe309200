"""How the rows of one table that a query wants are found: which index is asked, and for what."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent_spaces.engine.index import EngineIndex, KeyIndex, OrderedIndex, PairIndex, Row
from agent_spaces.engine.table import EngineTable
from agent_spaces.sql.plan import Query


@dataclass(frozen=True, slots=True)
class Path:
    """An index and what it is asked: equality on `columns`, and a range of the column after them."""

    index: EngineIndex
    columns: tuple[str, ...]
    low: int | None
    high: int | None

    def rows(self, values: Mapping[str, Any]) -> Sequence[Row]:
        """Return the rows that the index has for these values."""
        key = [values[column] for column in self.columns]
        if self.low is None and self.high is None:
            return self.index.filter(*key)
        return self.index.range(*key, low=self.low, high=self.high)


def best_path(table: EngineTable, pinned: Iterable[str], query: Query, source: int) -> Path | None:
    """Return the index that leaves fewest rows to look at when these columns have known values; None if none helps."""
    known = frozenset(pinned)
    best: Path | None = None
    rank = 0.0
    for index in table.indexes.values():
        columns = index.columns
        low = high = None
        if known.issuperset(columns):
            this = 100.0 if isinstance(index, KeyIndex) else float(len(columns))
        elif isinstance(index, OrderedIndex | PairIndex) and known.issuperset(columns[:-1]):
            if isinstance(index, OrderedIndex):
                low, high = query.range_on(columns[-1], source)
            columns = columns[:-1]
            this = len(columns) + (0.5 if low is not None or high is not None else 0.0)
        else:
            continue
        if this > rank:
            best, rank = Path(index, columns, low, high), this
    return best
