"""A query that somebody subscribes to, held once whoever asks, and how a changed row finds it.

A row is looked up by value in each column that queries pin with an equality, so queries about other values cost
nothing; queries that pin no column are asked one by one.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from agent_spaces.engine.index import KeyIndex
from agent_spaces.engine.subscriptions.audience import Row, Scope
from agent_spaces.engine.table import EngineTable
from agent_spaces.sql.condition import TRUE, conjuncts
from agent_spaces.sql.plan import Query

if TYPE_CHECKING:
    from agent_spaces.engine.subscriptions.query_set import Feed

Test = Callable[[Row], bool]


class LiveQuery:
    """A query of one table.

    `anchor` is the (column, value) it is found by, if it has an equality; `test` is what a row found so must still
    pass, None where that is nothing. `straight` is its only feed where every row found goes there once and to one
    audience: the usual case, which `Subscriptions.publish` serves without looking further.
    """

    __slots__ = ("anchor", "event", "feeds", "query", "scope", "straight", "table", "test")

    def __init__(self, query: Query, table: EngineTable, scope: Scope) -> None:
        self.query, self.table, self.scope = query, table, scope
        self.event = table.is_event
        self.anchor = _anchor(query, table)
        trivial = query.where == TRUE or (self.anchor is not None and len(conjuncts(query.where)) == 1)
        self.test: Test | None = None if trivial else query.predicate()
        self.feeds: list[Feed] = []
        self.straight: Feed | None = None

    def settle(self) -> None:
        """Follow a change of the feeds."""
        feeds = self.feeds
        one = len(feeds) == 1 and feeds[0].times == 1 and self.test is None and self.scope.has_one_key
        self.straight = feeds[0] if one else None

    def matches(self, row: Row) -> bool:
        """Tell whether a row of the table is a result, whoever may see it."""
        if self.anchor is not None and getattr(row, self.anchor[0]) != self.anchor[1]:
            return False
        return self.test is None or self.test(row)


def _anchor(query: Query, table: EngineTable) -> tuple[str, Any] | None:
    """Return the equality that the fewest rows pass, as far as indexes tell; a stable choice for equal texts."""
    best: tuple[str, Any] | None = None
    rank = -1
    for column, value in query.equalities():
        index = table.equality(column)
        this = 2 if isinstance(index, KeyIndex) else 1 if index is not None else 0
        if this > rank:
            best, rank = (column, value), this
    return best


Lookup = tuple[Callable[[Row], Any], dict[Any, list[LiveQuery]]]
Direct = tuple[Callable[[Row], Any], dict[Any, "Feed"], dict[Any, list[LiveQuery]]]


class Matcher:
    """The live queries of one table, by what rows they want.

    `direct` is (value of a row, straight feeds of values that one query pins, queries by that value) where all queries
    pin the same column, else None.
    """

    __slots__ = ("_columns", "_straight", "direct", "lookups", "plain")

    def __init__(self) -> None:
        self._columns: dict[str, dict[Any, list[LiveQuery]]] = {}
        self.lookups: tuple[Lookup, ...] = ()
        self.plain: list[LiveQuery] = []
        self._straight: dict[Any, Feed] = {}
        self.direct: Direct | None = None

    def __bool__(self) -> bool:
        return bool(self._columns or self.plain)

    def add(self, query: LiveQuery) -> None:
        """Let rows find the query."""
        if query.anchor is None:
            self.plain.append(query)
            self._arrange()
            return
        column, value = query.anchor
        if column not in self._columns:
            self._columns[column] = {}
            self._arrange()
        self._columns[column].setdefault(value, []).append(query)
        self.settle(query)

    def remove(self, query: LiveQuery) -> None:
        """Forget the query."""
        if query.anchor is None:
            self.plain.remove(query)
            self._arrange()
            return
        column, value = query.anchor
        by_value = self._columns[column]
        by_value[value].remove(query)
        self.settle(query)
        if not by_value[value]:
            del by_value[value]
            if not by_value:
                del self._columns[column]
                self._arrange()

    def _arrange(self) -> None:
        self.lookups = tuple((attrgetter(column), by_value) for column, by_value in self._columns.items())
        self.direct = None
        if len(self.lookups) == 1 and not self.plain:
            value_of, by_value = self.lookups[0]
            self._straight = {}
            self.direct = (value_of, self._straight, by_value)
            for queries in by_value.values():
                self.settle(queries[0])

    def settle(self, query: LiveQuery) -> None:
        """Follow a change of the feeds of a query, or of who else pins its value."""
        if self.direct is None or query.anchor is None:
            return
        value = query.anchor[1]
        queries = self.direct[2].get(value, ())
        feed = queries[0].straight if len(queries) == 1 else None
        if feed is None:
            self._straight.pop(value, None)
        else:
            self._straight[value] = feed

    def candidates(self, row: Row) -> list[LiveQuery]:
        """Return the queries that the row may be a result of: their tests are still to be made."""
        found: list[LiveQuery] = []
        for value_of, by_value in self.lookups:
            queries = by_value.get(value_of(row))
            if queries is not None:
                found += queries
        return found + self.plain if self.plain else found


def matching(candidates: Sequence[LiveQuery], row: Row) -> list[LiveQuery]:
    """Return those whose test the row passes."""
    return [query for query in candidates if query.test is None or query.test(row)]
