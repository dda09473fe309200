"""Which live queries a transaction's changes concern, and what it does to their results."""

from agent_spaces.engine.subscriptions.audience import EVERYBODY, OWNER, Key, Row
from agent_spaces.engine.subscriptions.delta import Change, Encoded
from agent_spaces.engine.subscriptions.fan_out import Hits
from agent_spaces.engine.subscriptions.joins import LiveJoin
from agent_spaces.engine.subscriptions.live_query import LiveQuery, Matcher, matching
from agent_spaces.engine.subscriptions.registry import Live, Registry

Broken = dict[Live, Exception]


class Matches:
    """What the changes do: `hits` by query and key, `broken` the queries whose evaluation failed."""

    def __init__(self, registry: Registry, changes: list[Change], encoded: Encoded) -> None:
        self.hits: Hits = {}
        self.broken: Broken = {}
        self._encoded = encoded
        self._owner = bool(registry.owners)
        for change in changes:
            matcher = registry.matchers[change.table]
            if not matcher:
                continue
            if change.new is not None:
                for query in self._matching(matcher, change.new):
                    self._add(query, change.new, 0)
            if change.old is not None:
                for query in self._matching(matcher, change.old):
                    self._add(query, change.old, 1)
        self._joins(registry, changes)
        for broken in self.broken:
            self.hits.pop(broken, None)

    def _matching(self, matcher: Matcher, row: Row) -> list[LiveQuery]:
        candidates = matcher.candidates(row)
        try:
            return matching(candidates, row)
        except Exception:  # noqa: BLE001  whatever one query's test raises must not reach the others
            return [query for query in candidates if self._passes(query, row)]

    def _passes(self, query: LiveQuery, row: Row) -> bool:
        try:
            return query.test is None or query.test(row)
        except Exception as error:  # noqa: BLE001  the query ends, the host does not
            self.broken[query] = error
            return False

    def _add(self, query: LiveQuery, row: Row, side: int) -> None:
        """Note a row as inserted (0) or deleted (1) for whoever has one of its keys."""
        scope = query.scope
        keys: tuple[Key, ...] = scope.keys(row)
        if self._owner and scope.space is not EVERYBODY:
            keys = (*keys, OWNER)
        data = self._encoded.of(query.table, row)
        by_key = self.hits.setdefault(query, {})
        for key in keys:
            delta = by_key.get(key)
            if delta is None:
                delta = by_key[key] = ([], [])
            delta[side].append(data)

    def _joins(self, registry: Registry, changes: list[Change]) -> None:
        if not registry.joins:
            return
        tables = dict.fromkeys(change.table for change in changes)
        concerned: dict[LiveJoin, None] = dict.fromkeys(
            join for table in tables for join in registry.joins.get(table, ())
        )
        for join in concerned:
            try:
                deltas = join.deltas(changes, self._encoded)
            except Exception as error:  # noqa: BLE001  the query ends, the host does not
                self.broken[join] = error
            else:
                if deltas:
                    self.hits[join] = deltas
