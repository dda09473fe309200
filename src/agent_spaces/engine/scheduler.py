"""When rows of scheduled tables are due.

`Time` fires once, at its time or at once if that is past. `Interval` fires again and again, each time that much after
the intended time of the last; ticks that were missed are left out; the first comes one interval after the row was
written, or after the start of the host. Source: SpacetimeDB 2.8.3, seen.
"""

from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

from agent_spaces.errors import DefinitionError
from agent_spaces.sats import Interval, ScheduleAt, Time

if TYPE_CHECKING:
    from agent_spaces.clock import Clock
    from agent_spaces.engine.committer import Loop
    from agent_spaces.engine.operations import Change
    from agent_spaces.engine.table import EngineTable
    from agent_spaces.engine.tableset import TableSet

SLEEP_S_MAX = 60.0  # the system's clock may jump: it is looked at again after this long
STALE_MAX = 64  # entries of rows that went or moved, beyond as many as there are valid ones
TURN_ROWS_MAX = 64  # fired before other work gets its turn

Due = tuple[int, int, Any]  # when, table id, primary key


def _schedule_column(table: "EngineTable") -> str:
    for column in table.definition.columns:
        if column.annotation == ScheduleAt:
            return column.name
    raise DefinitionError(f"Table {table.name} is scheduled and needs a column of type ScheduleAt.")


class Scheduler:
    """Knows the due times of all rows of scheduled tables, and calls `fire` from one timer when some are due."""

    def __init__(self, tables: "TableSet", clock: "Clock", loop: "Loop", fire: Callable[[], None]) -> None:
        self._tables, self._clock, self._loop, self._fire = tables, clock, loop, fire
        self._columns = {t.table_id: _schedule_column(t) for t in tables if t.definition.scheduled is not None}
        self._heap: list[Due] = []
        self._due: dict[tuple[int, Any], int] = {}  # the valid entries of the heap
        self._timer: Any = None
        self._timer_us = 0
        self._running = False

    def start(self) -> None:
        """Take in the rows that are there and fire from now on."""
        self._running = True
        self.reload()

    def stop(self) -> None:
        """Fire no more."""
        self._running = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def reload(self) -> None:
        """Forget what is known and take it from the tables: rows were undone. Intervals begin anew."""
        self._heap, self._due = [], {}
        for table_id in self._columns:
            for row in self._tables.by_id[table_id]:
                self._enter(self._tables.by_id[table_id], row)
        heapify(self._heap)
        self._arm()

    def follow(self, changes: "Iterable[Change]") -> None:
        """Take in what a transaction changed."""
        for table, old, new in changes:
            if table.table_id not in self._columns:
                continue
            if new is None:
                self._due.pop((table.table_id, table.pk_of(old)), None)
            else:
                column = self._columns[table.table_id]
                if old is None or getattr(old, column) != getattr(new, column):
                    self._enter(table, new)
        self._arm()

    def _enter(self, table: "EngineTable", row: Any) -> None:
        at = getattr(row, self._columns[table.table_id])
        due = int(at.at) if isinstance(at, Time) else self._clock.now_us() + max(1, int(at.duration))
        self._push(due, table.table_id, table.pk_of(row))

    def _push(self, due: int, table_id: int, key: Any) -> None:
        self._due[table_id, key] = due
        heappush(self._heap, (due, table_id, key))
        if len(self._heap) > 2 * len(self._due) + STALE_MAX:
            self._heap = [(each_due, *row) for row, each_due in self._due.items()]
            heapify(self._heap)

    def _arm(self) -> None:
        heap = self._heap
        while heap and self._due.get(heap[0][1:]) != heap[0][0]:
            heappop(heap)
        if not self._running or not heap:
            return
        due = heap[0][0]
        if self._timer is not None:
            if due >= self._timer_us:
                return
            self._timer.cancel()
        self._timer_us = due
        wait_s = (due - self._clock.now_us()) / 1_000_000
        self._timer = self._loop.call_later(min(max(wait_s, 0.0), SLEEP_S_MAX), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._fire()
        self._arm()

    def take(self) -> "tuple[EngineTable, Any] | None":
        """Return the next row that is due, with its table; an interval is due again, a time is not."""
        now = self._clock.now_us()
        while self._heap and self._heap[0][0] <= now:
            due, table_id, key = heappop(self._heap)
            if self._due.get((table_id, key)) != due:
                continue
            del self._due[table_id, key]
            table = self._tables.by_id[table_id]
            row = table.rows[key]
            at = getattr(row, self._columns[table_id])
            if isinstance(at, Interval):
                step = max(1, int(at.duration))
                self._push(due + step * ((now - due) // step + 1), table_id, key)
            return table, row
        return None
