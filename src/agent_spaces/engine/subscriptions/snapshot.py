"""The first rows of a query: found by the best index, then tested, then cut to what the asker may read."""

from collections.abc import Collection, Iterable, Sequence

from agent_spaces.engine.access_path import best_path
from agent_spaces.engine.subscriptions.audience import EVERYBODY, SELVES, Membership, Row, Scope
from agent_spaces.engine.subscriptions.live_query import LiveQuery
from agent_spaces.engine.table import EngineTable
from agent_spaces.sats import Identity
from agent_spaces.sql.plan import Query


def rows_of(query: LiveQuery, identity: Identity | None) -> list[Row]:
    """Return the results that the identity may read, in no promised order; None is the database's owner."""
    if query.event:
        return []
    table, scope, test = query.table, query.scope, query.matches
    found: Iterable[Row] | None = by_equality(table, query.query)
    if identity is None or scope.space is EVERYBODY:
        return [row for row in (table.rows.values() if found is None else found) if test(row)]
    if found is None:
        found = by_right(table, scope, identity)
    return readable((row for row in found if test(row)), scope, identity)


def readable(rows: Iterable[Row], scope: Scope, identity: Identity) -> list[Row]:
    """Return those of the rows that the identity may read; a right is looked up once a key, not once a row."""
    known: dict[object, bool] = {}
    sees, keys_of = scope.space.sees, scope.keys
    kept = []
    for row in rows:
        for key in keys_of(row):
            if key not in known:
                known[key] = sees(identity, key)
            if known[key]:
                kept.append(row)
                break
    return kept


def by_equality(table: EngineTable, query: Query) -> Sequence[Row] | None:
    """Return at least the rows that pass, by the index that leaves fewest to test; None if no index helps."""
    equal = dict(query.equalities())
    path = best_path(table, equal, query, query.returned)
    return None if path is None else path.rows(equal)


def by_right(table: EngineTable, scope: Scope, identity: Identity) -> Collection[Row]:
    """Return at least the rows that the identity may read."""
    indexes = [index for index in map(table.equality, scope.columns) if index is not None]
    keys: Sequence[object] | None = None
    if scope.space is SELVES:
        keys = [identity]
    elif isinstance(scope.space, Membership):
        keys = scope.space.keys_of(identity)
    if keys is None or len(indexes) < len(scope.columns):
        return table.rows.values()
    if len(indexes) == 1:
        return [row for key in keys for row in indexes[0].filter(key)]
    found: dict[object, Row] = {}
    for index in indexes:
        for key in keys:
            found.update((table.pk_of(row), row) for row in index.filter(key))
    return found.values()
