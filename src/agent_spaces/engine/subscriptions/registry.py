"""What is subscribed to at this moment: queries and query sets held once, and by which tables they are found."""

from collections.abc import Iterable

from agent_spaces.engine.connection import Connection
from agent_spaces.engine.subscriptions.audience import Audience, Membership, Scopes
from agent_spaces.engine.subscriptions.joins import LiveJoin
from agent_spaces.engine.subscriptions.live_query import Direct, LiveQuery, Matcher
from agent_spaces.engine.subscriptions.query_set import SharedSet
from agent_spaces.engine.table import EngineTable
from agent_spaces.engine.tableset import TableSet
from agent_spaces.sats import Identity
from agent_spaces.sql.plan import Query

Live = LiveQuery | LiveJoin
Parts = list[tuple[Audience, tuple[int, ...]]]


class Registry:
    """All live queries, query sets and connections that have some.

    `rights` are the membership spaces by the table whose rows give them; `special` the tables whose changes need more
    than matching: they give rights or are joined. `direct` has the look-up of tables that need one and nothing else.
    `partitions` are remembered answers of fan_out, dropped with every change here.
    """

    def __init__(self, tables: TableSet) -> None:
        self.tables = tables
        self.scopes = Scopes(tables)
        self.matchers: dict[EngineTable, Matcher] = {table: Matcher() for table in tables}
        self.direct: dict[EngineTable, Direct] = {}
        self.joins: dict[EngineTable, list[LiveJoin]] = {}
        self.rights: dict[EngineTable, list[Membership]] = {}
        for membership in self.scopes.memberships():
            self.rights.setdefault(membership.table, []).append(membership)
            membership.table.watched = True
        self.special: set[EngineTable] = set(self.rights)
        self.owners: set[Connection] = set()  # the database owner's connections that have sets
        self.connections: dict[Identity, dict[Connection, None]] = {}
        self.partitions: dict[tuple[Audience, ...], Parts] = {}
        self._queries: dict[object, Live] = {}
        self._sets: dict[tuple[int, tuple[Live, ...]], SharedSet] = {}

    def intern(self, query: Query) -> Live:
        """Return the live query that means the same, or a new one, which is registered with its first set."""
        live = self._queries.get(query.key)
        if live is not None:
            return live
        table = self.tables.by_name[query.table.name]
        if query.join is None:
            return LiveQuery(query, table, self.scopes[table])
        return LiveJoin(query, table, self.tables.by_name[query.join.table.name], self.scopes)

    def sets(self) -> Iterable[SharedSet]:
        """Return all live sets."""
        return self._sets.values()

    def enter(self, connection: Connection, query_set_id: int, queries: tuple[Live, ...]) -> None:
        """Register a set for a connection that has none of this id."""
        self.partitions.clear()
        shared = self._sets.get((query_set_id, queries))
        if shared is None:
            shared = self._sets[query_set_id, queries] = SharedSet(query_set_id, queries)
            for query, feed in shared.feeds.items():
                if not query.feeds:
                    self._watch(query)
                query.feeds.append(feed)
                self._feeds_changed(query)
        connection.query_sets[query_set_id] = shared
        shared.add(connection)
        self.connections.setdefault(connection.identity, {})[connection] = None
        if connection.is_owner:
            self.owners.add(connection)
        reader = None if connection.is_owner else connection.identity
        for query in shared.feeds:
            if isinstance(query, LiveJoin):
                query.enter(query.key_for(reader))

    def leave(self, connection: Connection, query_set_id: int) -> None:
        """End a set of a connection; what nobody else holds is forgotten."""
        self.partitions.clear()
        shared: SharedSet = connection.query_sets.pop(query_set_id)
        shared.remove(connection)
        if not connection.query_sets:
            self.owners.discard(connection)
            mine = self.connections[connection.identity]
            del mine[connection]
            if not mine:
                del self.connections[connection.identity]
        if not shared:
            del self._sets[query_set_id, shared.queries]
            for query, feed in shared.feeds.items():
                query.feeds.remove(feed)
                self._feeds_changed(query)
                if not query.feeds:
                    self._unwatch(query)
        reader = None if connection.is_owner else connection.identity
        for query in shared.feeds:
            if isinstance(query, LiveJoin):
                key = query.key_for(reader)
                if key not in query.readers():
                    query.leave(key)

    def _feeds_changed(self, query: Live) -> None:
        query.settle()
        if isinstance(query, LiveQuery):
            self.matchers[query.table].settle(query)

    def _watch(self, query: Live) -> None:
        self._queries[query.query.key] = query
        if isinstance(query, LiveJoin):
            for table in query.tables:
                self.joins.setdefault(table, []).append(query)
                self.special.add(table)
                self._settle(table)
        else:
            self.matchers[query.table].add(query)
            self._settle(query.table)

    def _unwatch(self, query: Live) -> None:
        del self._queries[query.query.key]
        if isinstance(query, LiveJoin):
            for table in query.tables:
                self.joins[table].remove(query)
                if not self.joins[table]:
                    del self.joins[table]
                    if table not in self.rights:
                        self.special.discard(table)
                self._settle(table)
        else:
            self.matchers[query.table].remove(query)
            self._settle(query.table)

    def _settle(self, table: EngineTable) -> None:
        special, direct = table in self.special, self.matchers[table].direct
        table.watched = bool(self.matchers[table]) or special
        if direct is None or special:
            self.direct.pop(table, None)
        else:
            self.direct[table] = direct
