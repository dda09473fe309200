"""What one Subscribe registered, shared: connections with the same id and the same queries get the same bytes."""

from collections.abc import Mapping

from agent_spaces.engine.connection import Connection
from agent_spaces.engine.subscriptions.audience import EVERYBODY, OWNER, SELVES, Audience, Key, Space
from agent_spaces.engine.subscriptions.delta import Delta
from agent_spaces.engine.subscriptions.joins import LiveJoin
from agent_spaces.engine.subscriptions.live_query import LiveQuery
from agent_spaces.sats import Identity
from agent_spaces.wire.frames import ws_binary_frame
from agent_spaces.wire.primitives import string, u32
from agent_spaces.wire.rows import EMPTY_ROW_LIST, row_list

HEAD_BYTES_MAX = 4096  # rows up to this size have their frame's head kept
HEADS_MAX = 64  # so many a query of a set; one more and they are made anew
UPDATE_START = b"\0\4"  # not compressed, TransactionUpdate


class Feed:
    """One query of one shared set: what its updates look like there."""

    __slots__ = ("audiences", "heads", "key_of", "prefix", "query", "shared_set", "tail", "times")

    def __init__(self, shared_set: "SharedSet", query: LiveQuery | LiveJoin, audiences: dict[Key, Audience]) -> None:
        self.shared_set, self.query, self.audiences = shared_set, query, audiences
        self.key_of = query.scope.key  # of a row, where `has_one_key` of the scope
        self.times = 0  # in how many texts of the set it stands
        kind = b"\1" if query.event else b"\0"
        # of a QuerySetUpdate that has nothing but one TableUpdateRows, with the tag of that
        self.prefix = u32(shared_set.query_set_id) + u32(1) + string(query.table.name) + u32(1) + kind
        self.tail = b"" if query.event else EMPTY_ROW_LIST  # of a frame with inserts only
        self.heads: dict[int, bytes] = {}  # all of a frame with one inserted row before that row, by its length

    def frame_of_insert(self, row: bytes) -> bytes:
        """Return the whole frame of a TransactionUpdate with one inserted row, for a query that stands once.

        All before the row depends on its length only and is kept.
        """
        return (self.heads.get(len(row)) or self.head(row)) + row + self.tail

    def head(self, row: bytes) -> bytes:
        """Return what stands before a row like this in its frame, and keep it for short rows."""
        tail = self.tail
        frame = ws_binary_frame(UPDATE_START + u32(1) + self.prefix + row_list([row]) + tail)
        head = frame[: len(frame) - len(row) - len(tail)]
        if len(row) <= HEAD_BYTES_MAX:
            if len(self.heads) >= HEADS_MAX:
                self.heads.clear()
            self.heads[len(row)] = head
        return head

    def table_rows(self, delta: Delta) -> bytes:
        """Return the TableUpdateRows of the delta, once for every text."""
        inserts, deletes = delta
        kind = b"\1" + row_list(inserts) if self.query.event else b"\0" + row_list(inserts) + row_list(deletes)
        return kind * self.times


def _entitles(connection: Connection, space: Space, key: Key) -> bool:
    """Tell whether the key's rows are for the connection, by the rights of now."""
    if space is EVERYBODY:
        return True
    if connection.is_owner:
        return key is OWNER
    return key is not OWNER and space.sees(connection.identity, key)


class SharedSet:
    """All connections whose query set has this id and these queries, and who of them may see what.

    `queries` stand as often as in the texts. Audiences are made when a row first asks for them and follow from then on.
    """

    def __init__(self, query_set_id: int, queries: "tuple[LiveQuery | LiveJoin, ...]") -> None:
        self.query_set_id, self.queries = query_set_id, queries
        self.audiences: dict[Space, dict[Key, Audience]] = {}
        self.feeds: dict[LiveQuery | LiveJoin, Feed] = {}
        for query in queries:
            if query not in self.feeds:
                self.feeds[query] = Feed(self, query, self.audiences.setdefault(query.scope.space, {}))
            self.feeds[query].times += 1
        self.by_identity: dict[Identity, list[Connection]] = {}  # without the owner's
        self.owners: list[Connection] = []

    def __bool__(self) -> bool:
        return bool(self.by_identity or self.owners)

    def connections(self) -> list[Connection]:
        """Return all connections that hold this set."""
        return [*self.owners, *(each for mine in self.by_identity.values() for each in mine)]

    def has(self, connection: Connection) -> bool:
        """Tell whether the connection holds this set."""
        return connection.query_sets.get(self.query_set_id) is self

    def audience(self, space: Space, key: Key) -> Audience | None:
        """Return who of the set gets rows with this key; None if nobody of it ever can now."""
        kept = self.audiences[space]
        audience = kept.get(key)
        if audience is None:
            connections = self._entitled(space, key)
            if not connections and (key is OWNER or space is SELVES):
                return None  # not kept: keys of those who have no connection here would only pile up
            audience = kept[key] = Audience(connections)
        return audience

    def _entitled(self, space: Space, key: Key) -> list[Connection]:
        if key is OWNER:
            return list(self.owners)
        if space is SELVES:
            return list(self.by_identity.get(key, ()))
        found = [c for identity, each in self.by_identity.items() if space.sees(identity, key) for c in each]
        return found + self.owners if space is EVERYBODY else found

    def reaches(self, connection: Connection, space: Space, key: Key) -> bool:
        """Tell whether a connection is in the audience of a key."""
        return self.has(connection) and _entitles(connection, space, key)

    def add(self, connection: Connection) -> None:
        """Take in a connection that holds this set."""
        if connection.is_owner:
            self.owners.append(connection)
        else:
            self.by_identity.setdefault(connection.identity, []).append(connection)
        for space, kept in self.audiences.items():
            for key in kept:
                if _entitles(connection, space, key):
                    self.follow(connection, space, key, joined=True)

    def remove(self, connection: Connection) -> None:
        """Let a connection go that holds this set no more."""
        if connection.is_owner:
            self.owners.remove(connection)
        else:
            mine = self.by_identity[connection.identity]
            mine.remove(connection)
            if not mine:
                del self.by_identity[connection.identity]
        for space, kept in self.audiences.items():
            for key in [key for key in kept if _entitles(connection, space, key)]:
                self.follow(connection, space, key, joined=False)
                if not kept[key].connections and (key is OWNER or space is SELVES):
                    del kept[key]

    def follow(self, connection: Connection, space: Space, key: Key, *, joined: bool) -> None:
        """Let an audience that is kept follow a connection that won or lost the key."""
        kept = self.audiences[space]
        audience = kept.get(key)
        if audience is None:
            return
        if joined:
            kept[key] = Audience([*audience.connections, connection])
        else:
            kept[key] = Audience([each for each in audience.connections if each is not connection])

    def forget(self, space: Space, key: Key) -> None:
        """Drop an audience: the next row that asks for it makes it anew by the rights of then."""
        self.audiences.get(space, {}).pop(key, None)

    def update(self, deltas: "Mapping[Feed, Delta]") -> bytes:
        """Return the QuerySetUpdate of these deltas of the set's queries: tables by name."""
        if len(deltas) == 1:
            ((feed, delta),) = deltas.items()
            if feed.times == 1:
                return feed.prefix + feed.table_rows(delta)[1:]
        by_table: dict[str, list[bytes]] = {}
        count: dict[str, int] = {}
        for feed, delta in deltas.items():
            name = feed.query.table.name
            by_table.setdefault(name, []).append(feed.table_rows(delta))
            count[name] = count.get(name, 0) + feed.times
        parts = [u32(self.query_set_id), u32(len(by_table))]
        for name in sorted(by_table):
            parts += (string(name), u32(count[name]), *by_table[name])
        return b"".join(parts)
