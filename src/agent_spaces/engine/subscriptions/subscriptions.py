"""Subscriptions of one database: what `Database` asks for and what it has to call."""

from collections.abc import Sequence

from agent_spaces.engine.connection import Connection
from agent_spaces.engine.group import CommittedChange, Group
from agent_spaces.engine.operations import Change as RowChange
from agent_spaces.engine.subscriptions.delta import Change, Encoded
from agent_spaces.engine.subscriptions.fan_out import (
    NOTHING,
    FanOut,
    fan_one,
    fan_straight,
    update_array,
    update_frame,
)
from agent_spaces.engine.subscriptions.joins import LiveJoin, check_tables
from agent_spaces.engine.subscriptions.live_query import matching
from agent_spaces.engine.subscriptions.match import Broken, Matches
from agent_spaces.engine.subscriptions.moves import Personal, find_moves, follow
from agent_spaces.engine.subscriptions.query_set import SharedSet
from agent_spaces.engine.subscriptions.registry import Live, Registry
from agent_spaces.engine.subscriptions.snapshot import rows_of
from agent_spaces.engine.tableset import TableSet
from agent_spaces.errors import SqlError
from agent_spaces.sql import ModuleCatalog, compile_subscription, executing
from agent_spaces.wire.frames import ws_binary_frame
from agent_spaces.wire.host_side import encode_server_message
from agent_spaces.wire.messages import SubscriptionError
from agent_spaces.wire.primitives import string, u32
from agent_spaces.wire.rows import row_list

QUERIES_MAX = 4096  # in all sets of a connection together


class Subscriptions:
    """Who subscribes to what, and what everybody gets of a transaction.

    Everything here happens between two transactions or at the end of one, on the database's thread. `query_sets` of a
    connection is kept here; its keys are the ids of its live sets.
    """

    def __init__(self, tables: TableSet) -> None:
        self._registry = Registry(tables)
        self.direct = self._registry.direct
        definitions = {table.name: table.definition for table in tables}
        self._catalogs = {owner: ModuleCatalog(definitions, is_owner=owner) for owner in (False, True)}

    def subscribe(self, connection: Connection, query_set_id: int, texts: Sequence[str]) -> bytes:
        """Register a set of queries and return its QueryRows; SqlError with the host's text, then nothing is changed.

        Equal texts count once. The rows have an entry a query, none for tables without any row and event tables.
        """
        if query_set_id in connection.query_sets:
            raise SqlError(
                f"Subscription with id {_id_text(query_set_id)} already exists for client: {_who(connection)}"
            )
        fresh: dict[object, Live] = {}  # equal queries of one Subscribe are one, too
        queries = tuple(live for text in dict.fromkeys(texts) for live in self._compile(connection, text, fresh))
        held = sum(len(each.queries) for each in connection.query_sets.values())
        if held + len(queries) > QUERIES_MAX:
            raise SqlError(
                f"A connection can subscribe to {QUERIES_MAX} queries at most, and this would make "
                f"{held + len(queries)}; unsubscribe from some, or ask with fewer, wider queries."
            )
        rows = self._rows(connection, queries)
        self._registry.enter(connection, query_set_id, queries)
        return rows

    def unsubscribe(self, connection: Connection, query_set_id: int, *, rows: bool = True) -> bytes:
        """End a set and return the QueryRows it held, or nothing unless `rows`; SqlError if there is no such set."""
        shared: SharedSet | None = connection.query_sets.get(query_set_id)
        if shared is None:
            raise SqlError(f"Subscription not found: ({_who(connection)}, {_id_text(query_set_id)})")
        held = self._rows(connection, shared.queries) if rows else b""
        self._registry.leave(connection, query_set_id)
        return held

    def drop(self, connection: Connection) -> None:
        """End all sets of a connection that is gone."""
        for query_set_id in list(connection.query_sets):
            self._registry.leave(connection, query_set_id)

    def publish(
        self, group: Group, position: int, changes: Sequence[CommittedChange], caller: Connection | None
    ) -> bytes:
        """Queue what everybody gets of a transaction, and return the caller's own array of QuerySetUpdate.

        The tables have the changes already, each row occurs once. Frames for a caller are queued with those of others:
        its answer at the same position takes their place. A caller without a connection is None.
        """
        if len(changes) == 1:
            table, old, new, data = changes[0]
            direct = self.direct.get(table)
            if direct is not None and old is None:
                value_of, straight, by_value = direct
                feed = straight.get(value_of(new))
                if feed is not None:
                    own = fan_straight(group, position, feed, new, data, caller)
                    if own is not None:
                        return own
                elif value_of(new) not in by_value:
                    return NOTHING
        watched = [change for change in changes if change[0].watched]
        if not watched:
            return NOTHING
        if len(watched) == 1:
            table, old, new, data = watched[0]
            if old is None and data is not None and table not in self._registry.special:
                candidates = self._registry.matchers[table].candidates(new)
                if not candidates:
                    return NOTHING
                if len(candidates) == 1 and len(candidates[0].feeds) == 1 and candidates[0].feeds[0].times == 1:
                    try:
                        passed = matching(candidates, new)
                    except Exception:  # noqa: BLE001  the general path finds out which query it is, and ends it
                        return self._publish(group, position, watched, caller)
                    return fan_one(group, position, candidates[0], new, data, caller) if passed else NOTHING
        return self._publish(group, position, watched, caller)

    def rollback(self, changes: Sequence[RowChange]) -> None:
        """Follow changes that were undone after they were published; the tables are as before them already."""
        registry = self._registry
        rows = [(table, new, old) for table, old, new in changes]
        registry.partitions.clear()
        for table in dict.fromkeys(table for table, *_ in changes):
            for membership in registry.rights.get(table, ()):
                keys = {key for moved in membership.moved(rows).values() for key in moved}
                for shared in registry.sets():
                    for key in keys:
                        shared.forget(membership, key)
            for join in registry.joins.get(table, ()):
                join.reset()

    def _compile(self, connection: Connection, text: str, fresh: dict[object, Live]) -> list[Live]:
        registry = self._registry
        try:
            plans = compile_subscription(text, self._catalogs[connection.is_owner], connection.identity)
            for plan in plans:
                check_tables(plan, registry.scopes, registry.tables.by_name, is_owner=connection.is_owner)
        except SqlError as error:
            raise executing(error, text) from None
        return [fresh.setdefault(plan.key, registry.intern(plan)) for plan in plans]

    @staticmethod
    def _rows(connection: Connection, queries: Sequence[Live]) -> bytes:
        reader = None if connection.is_owner else connection.identity
        parts = []
        for query in queries:
            table = query.table
            if query.event or not table.rows:
                continue
            try:
                rows = query.rows(reader) if isinstance(query, LiveJoin) else rows_of(query, reader)
            except Exception as error:  # whatever a query raises refuses the set, and the host goes on
                raise executing(_bug(error), query.query.text) from error
            parts.append(string(table.name) + row_list([table.encode(row) for row in rows]))
        return u32(len(parts)) + b"".join(parts)

    def _publish(
        self, group: Group, position: int, watched: Sequence[CommittedChange], caller: Connection | None
    ) -> bytes:
        registry = self._registry
        changes = [Change(*change) for change in watched]
        encoded = Encoded(changes)
        moves = find_moves(registry, changes)
        if moves:
            follow(registry, moves)
        matches = Matches(registry, changes, encoded)
        if matches.broken:
            self._end(group, position, matches.broken)
        own = NOTHING
        if matches.hits:
            fan_out = FanOut(registry, matches.hits)
            if caller is not None and caller not in moves:
                own = fan_out.own(caller)
            fan_out.send(group, position, caller, moves)
        if moves:
            personal = Personal(matches.hits, changes, encoded)
            same: dict[bytes, list[Connection]] = {}
            for connection, moved in moves.items():
                updates = personal.updates(connection, moved)
                if updates and connection is caller:
                    own = update_array(updates)
                elif updates:
                    same.setdefault(update_array(updates), []).append(connection)
            for array, connections in same.items():
                group.add_entry(position, connections, update_frame(array))
        return own

    def _end(self, group: Group, position: int, broken: Broken) -> None:
        """End the sets of queries that cannot be evaluated, and tell those who held them."""
        for query, error in broken.items():
            text = str(executing(_bug(error), query.query.text))
            for shared in [feed.shared_set for feed in query.feeds]:
                frame = ws_binary_frame(
                    b"\0" + encode_server_message(SubscriptionError(None, shared.query_set_id, text))
                )
                for connection in shared.connections():
                    self._registry.leave(connection, shared.query_set_id)
                    group.answer(connection, position - 2, frame)  # stands before this transaction's update


def _bug(error: Exception) -> SqlError:
    return SqlError(f"This query cannot be evaluated, which is a bug of the host ({type(error).__name__}: {error})")


def _id_text(query_set_id: int) -> str:
    return f"QuerySetId {{ id: {query_set_id} }}"


def _who(connection: Connection) -> str:
    return f"(Identity({connection.identity.hex()}), ConnectionId({connection.connection_id.hex()}))"
