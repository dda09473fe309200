"""From what happened to queries to frames: one for all who see the same, one a connection and transaction."""

from collections.abc import Collection, Mapping

from agent_spaces.engine.connection import Connection
from agent_spaces.engine.group import Entry, Group
from agent_spaces.engine.subscriptions.audience import EVERYBODY, OWNER, Audience, Key, Row, Space
from agent_spaces.engine.subscriptions.delta import Delta
from agent_spaces.engine.subscriptions.live_query import LiveQuery
from agent_spaces.engine.subscriptions.query_set import UPDATE_START, Feed, SharedSet
from agent_spaces.engine.subscriptions.registry import Live, Parts, Registry
from agent_spaces.wire.frames import ws_binary_frame
from agent_spaces.wire.primitives import u32

NOTHING = u32(0)  # an array of no QuerySetUpdate
_ONE = u32(1)
PARTITIONS_MAX = 256  # remembered ones; one more and they are made anew

Hits = dict[Live, dict[Key, Delta]]
_BODY_AT = {126: 4, 127: 10}  # where a frame's payload starts, by its second byte; 2 for short ones


def update_array(updates: list[tuple[int, bytes]]) -> bytes:
    """Return the array of these (query set id, QuerySetUpdate), in the order of the ids."""
    if len(updates) == 1:
        return _ONE + updates[0][1]
    updates.sort()
    return u32(len(updates)) + b"".join(update for _, update in updates)


def update_frame(array: bytes) -> bytes:
    """Return the frame of a TransactionUpdate."""
    return ws_binary_frame(UPDATE_START + array)


def array_of(frame: bytes) -> bytes:
    """Return the array that `update_frame` made the frame of."""
    return frame[_BODY_AT.get(frame[1], 2) + len(UPDATE_START) :]


def post(group: Group, position: int, audience: Audience, frame: bytes) -> None:
    """Put a frame into the group for everybody in the audience."""
    entry = audience.entry
    if entry is None or entry.group is not group:
        entry = audience.entry = Entry(group, audience.connections, overlays=audience.overlays)
    entry.frames.append(frame)
    entry.positions.append(position)


def fan_one(group: Group, position: int, query: LiveQuery, row: Row, data: bytes, caller: Connection | None) -> bytes:
    """Give on one inserted row of a query that one shared set holds; return the caller's own array.

    The keys of a row have no connection in common, so nobody gets it twice.
    """
    (feed,) = query.feeds
    shared, space = feed.shared_set, query.scope.space
    own = NOTHING
    frame: bytes | None = None
    keys = query.scope.keys(row)
    for key in (*keys, OWNER) if shared.owners and space is not EVERYBODY else keys:
        audience = feed.audiences.get(key) or shared.audience(space, key)
        if audience is None or not audience.connections:
            continue
        if frame is None:
            frame = feed.frame_of_insert(data)
        if caller is not None and shared.reaches(caller, space, key):
            own = array_of(frame)
            if len(audience.connections) == 1:
                continue
        post(group, position, audience, frame)
    return own


def fan_straight(
    group: Group, position: int, feed: Feed, row: Row, data: bytes | None, caller: Connection | None
) -> bytes | None:
    """Do what fan_one does for a row with one key in a set without the owner; None, and nothing, if it is not so.

    This is what a message in a channel takes: one look-up, one frame, one place in the group.
    """
    shared = feed.shared_set
    audience = feed.audiences.get(feed.key_of(row))
    if audience is None or shared.owners or data is None:
        return None
    connections = audience.connections
    if not connections:
        return NOTHING
    frame = (feed.heads.get(len(data)) or feed.head(data)) + data + feed.tail
    own = NOTHING
    if caller is not None and caller.query_sets and shared.reaches(caller, feed.query.scope.space, feed.key_of(row)):
        own = array_of(frame)
        if len(connections) == 1:
            return own
    entry = audience.entry
    if entry is None or entry.group is not group:
        entry = audience.entry = Entry(group, connections)
    entry.frames.append(frame)
    entry.positions.append(position)
    return own


class _Target:
    """What one audience of one set gets."""

    __slots__ = ("deltas", "key", "shared_set", "space")

    def __init__(self, shared_set: SharedSet, space: Space, key: Key) -> None:
        self.shared_set, self.space, self.key = shared_set, space, key
        self.deltas: dict[Feed, Delta] = {}


class FanOut:
    """One transaction on its way to those who share what they see."""

    def __init__(self, registry: Registry, hits: Hits) -> None:
        self._registry = registry
        targets: dict[Audience, _Target] = {}
        for query, by_key in hits.items():
            space = query.scope.space
            for feed in query.feeds:
                for key, delta in by_key.items():
                    audience = feed.audiences.get(key) or feed.shared_set.audience(space, key)
                    if audience is not None and audience.connections:
                        target = targets.get(audience)
                        if target is None:
                            target = targets[audience] = _Target(feed.shared_set, space, key)
                        target.deltas[feed] = delta
        self._audiences = tuple(targets)
        self._targets = list(targets.values())
        self._updates: dict[tuple[int, ...], bytes] = {}  # by the targets of one set
        self._arrays: dict[tuple[int, ...], bytes] = {}

    def array(self, indices: tuple[int, ...]) -> bytes:
        """Return what somebody gets who is in the audiences of these targets."""
        array = self._arrays.get(indices)
        if array is None:
            by_set: dict[SharedSet, tuple[int, ...]] = {}
            for index in indices:
                shared = self._targets[index].shared_set
                by_set[shared] = (*by_set.get(shared, ()), index)
            updates = [(each.query_set_id, self._update(each, mine)) for each, mine in by_set.items()]
            array = self._arrays[indices] = update_array(updates)
        return array

    def _update(self, shared: SharedSet, indices: tuple[int, ...]) -> bytes:
        update = self._updates.get(indices)
        if update is None:
            update = self._updates[indices] = shared.update(self._deltas(indices))
        return update

    def _deltas(self, indices: tuple[int, ...]) -> Mapping[Feed, Delta]:
        if len(indices) == 1:
            return self._targets[indices[0]].deltas
        merged: dict[Feed, Delta] = {}
        for index in indices:
            for feed, (inserts, deletes) in self._targets[index].deltas.items():
                before = merged.get(feed, ([], []))
                merged[feed] = (before[0] + inserts, before[1] + deletes)
        return merged

    def own(self, caller: Connection) -> bytes:
        """Return the caller's array."""
        if not caller.query_sets:
            return NOTHING
        mine = [
            index
            for index, target in enumerate(self._targets)
            if target.shared_set.reaches(caller, target.space, target.key)
        ]
        return self.array(tuple(mine)) if mine else NOTHING

    def send(self, group: Group, position: int, caller: Connection | None, without: Collection[Connection]) -> None:
        """Put into the group what everybody gets but those in `without`."""
        for audience, indices in self._parts(without):
            connections = audience.connections
            if len(connections) == 1 and connections[0] is caller and not audience.overlays:
                continue
            post(group, position, audience, self._frame(indices))

    def _frame(self, indices: tuple[int, ...]) -> bytes:
        if len(indices) == 1:
            deltas = self._targets[indices[0]].deltas
            if len(deltas) == 1:
                ((feed, (inserts, deletes)),) = deltas.items()
                if len(inserts) == 1 and not deletes and feed.times == 1:
                    return feed.frame_of_insert(inserts[0])
        return update_frame(self.array(indices))

    def _parts(self, without: Collection[Connection]) -> Parts:
        if without:
            return _partition([Audience([c for c in each.connections if c not in without]) for each in self._audiences])
        if len(self._audiences) == 1:
            return [(self._audiences[0], (0,))]
        known = self._registry.partitions
        parts = known.get(self._audiences)
        if parts is None:
            if len(known) >= PARTITIONS_MAX:
                known.clear()
            parts = known[self._audiences] = _partition(self._audiences)
        return parts


def _partition(audiences: Collection[Audience]) -> Parts:
    """Return audiences, each with the numbers of the given ones that its connections are in.

    An audience that has connections of its own stays whole, so that it keeps its place in the group whatever else
    happens; those of it who are in others, too, get all that is theirs laid over it.
    """
    found: dict[Connection, tuple[int, ...]] = {}
    for index, audience in enumerate(audiences):
        for connection in audience.connections:
            found[connection] = (*found.get(connection, ()), index)
    groups: dict[tuple[int, ...], list[Connection]] = {}
    for connection, indices in found.items():
        groups.setdefault(indices, []).append(connection)
    parts: Parts = [(each, (index,)) for index, each in enumerate(audiences) if (index,) in groups]
    for indices, connections in groups.items():
        if len(indices) > 1:
            overlays = any((index,) in groups for index in indices)
            parts.append((Audience(connections, overlays=overlays), indices))
    return parts
