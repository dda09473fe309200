"""Rights won and lost inside a transaction: those concerned get what they see after it, less what they saw before.

Everybody else's audiences do not change, so they get the shared frames.
"""

from agent_spaces.engine.connection import Connection
from agent_spaces.engine.subscriptions.audience import EVERYBODY, OWNER, Key, Membership, Row, Space
from agent_spaces.engine.subscriptions.delta import Change, Delta, Encoded
from agent_spaces.engine.subscriptions.fan_out import Hits
from agent_spaces.engine.subscriptions.live_query import LiveQuery
from agent_spaces.engine.subscriptions.query_set import Feed, SharedSet
from agent_spaces.engine.subscriptions.registry import Registry
from agent_spaces.engine.subscriptions.snapshot import by_equality
from agent_spaces.engine.table import EngineTable
from agent_spaces.sats import Identity

Moves = dict[Space, dict[Key, bool]]  # which keys were won (True) or lost


def find_moves(registry: Registry, changes: list[Change]) -> dict[Connection, Moves]:
    """Return the connections that a change of rights concerns, as far as their sets depend on it."""
    found: dict[Connection, Moves] = {}
    giving = dict.fromkeys(change.table for change in changes if change.table in registry.rights)
    if not giving:
        return found
    rows = [(change.table, change.old, change.new) for change in changes]
    for table in giving:
        for membership in registry.rights[table]:
            for identity, moved in membership.moved(rows).items():
                for connection in _concerned(registry, identity, membership):
                    found.setdefault(connection, {})[membership] = moved
    return found


def _concerned(registry: Registry, identity: Identity, membership: Membership) -> list[Connection]:
    return [
        connection
        for connection in registry.connections.get(identity, ())
        if not connection.is_owner and any(membership in shared.audiences for shared in connection.query_sets.values())
    ]


def follow(registry: Registry, moves: dict[Connection, Moves]) -> None:
    """Let the kept audiences follow."""
    registry.partitions.clear()
    for connection, by_space in moves.items():
        for shared in connection.query_sets.values():
            for space, moved in by_space.items():
                if space in shared.audiences:
                    for key, joined in moved.items():
                        shared.follow(connection, space, key, joined=joined)


class Personal:
    """The differences of one transaction, made once for all who have the same."""

    def __init__(self, hits: Hits, changes: list[Change], encoded: Encoded) -> None:
        self._hits, self._encoded = hits, encoded
        self._touched: dict[EngineTable, set[object]] = {}
        for change in changes:
            self._touched.setdefault(change.table, set()).add(change.key)
        self._known: dict[object, bytes | None] = {}

    def updates(self, connection: Connection, moves: Moves) -> list[tuple[int, bytes]]:
        """Return (query set id, QuerySetUpdate) of the connection's sets that change for it."""
        found = []
        for query_set_id, shared in connection.query_sets.items():
            update = self._update(shared, connection.identity, moves)
            if update is not None:
                found.append((query_set_id, update))
        return found

    def _update(self, shared: SharedSet, identity: Identity, moves: Moves) -> bytes | None:
        view = tuple((feed, self._view(feed, identity, moves)) for feed in shared.feeds.values())
        mine = tuple((space, tuple(moved.items())) for space, moved in moves.items() if space in shared.audiences)
        same = (shared, view, mine)
        if same not in self._known:
            deltas: dict[Feed, Delta] = {}
            for feed, keys in view:
                delta = self._delta(feed, keys, moves.get(feed.query.scope.space, {}))
                if delta[0] or delta[1]:
                    deltas[feed] = delta
            self._known[same] = shared.update(deltas) if deltas else None
        return self._known[same]

    def _view(self, feed: Feed, identity: Identity, moves: Moves) -> tuple[tuple[Key, bool, bool], ...]:
        """Return the keys under which something happened that the identity saw before or sees after it."""
        space = feed.query.scope.space
        moved = moves.get(space, {})
        found = []
        for key in self._hits.get(feed.query, ()):
            if key in moved:
                found.append((key, not moved[key], moved[key]))
            elif space is EVERYBODY or (key is not OWNER and space.sees(identity, key)):
                found.append((key, True, True))
        return tuple(found)

    def _delta(self, feed: Feed, view: tuple[tuple[Key, bool, bool], ...], moved: dict[Key, bool]) -> Delta:
        inserts: list[bytes] = []
        deletes: list[bytes] = []
        for key, before, after in view:
            came, went = self._hits[feed.query][key]
            if after:
                inserts += came
            if before:
                deletes += went
        query = feed.query
        if moved and isinstance(query, LiveQuery) and not query.event:
            touched = self._touched.get(query.table, ())
            for key, joined in moved.items():
                side = inserts if joined else deletes
                for row in _results_with(query, key):
                    if query.table.pk_of(row) not in touched:
                        side.append(self._encoded.of(query.table, row))
        return inserts, deletes


def _results_with(query: LiveQuery, key: Key) -> list[Row]:
    """Return the query's results with this key, as the table is now."""
    table, scope = query.table, query.scope
    found = by_equality(table, query.query)
    if found is None:
        (column,) = scope.columns
        index = table.equality(column)
        found = list(table.rows.values()) if index is None else index.filter(key)
    return [row for row in found if key in scope.keys(row) and query.matches(row)]
