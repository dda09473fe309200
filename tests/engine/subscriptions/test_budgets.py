"""What publishing may cost, counted: encodings, probes of rights, frames, looks at queries."""

from collections.abc import Callable
from typing import Any

import pytest

from agent_spaces.engine.table import EngineTable
from engine.subscriptions.world import Client, Head, Inbox, Member, Message, World, person

LISTENERS = 50


class Counted:
    """A world whose encoders and membership probes are counted."""

    def __init__(self) -> None:
        self.world = World()
        self.people = [person(number) for number in range(1, LISTENERS + 1)]
        self.world.transact(lambda db: [db[Member].insert(Member(0, 1, who, 1)) for who in self.people])
        self.world.transact(lambda db: db[Head].insert(Head(7, 1, 0)))
        self.listeners = [self.world.connect(who) for who in self.people]
        self.encodes = self.probes = 0
        for table in self.world.tables:
            table.encode = self._encode(table)
        for membership in self.world.subscriptions._registry.scopes.memberships():
            membership.count = self._probe(membership.count)

    def _encode(self, table: EngineTable) -> Callable[[Any], bytes]:
        real = table.encode

        def encode(row: Any) -> bytes:
            self.encodes += 1
            return real(row)

        return encode

    def _probe(self, real: Callable[..., int]) -> Callable[..., int]:
        def count(*key: Any) -> int:
            self.probes += 1
            return real(*key)

        return count

    def publish(self, work: Callable[[Any], Any], caller: Client | None = None) -> dict[str, int]:
        """Run a transaction in a group of its own and return what it cost, without the engine's own encodings."""
        self.world.deliver()
        self.encodes = self.probes = 0
        self.world.transact(work, caller)
        frames = {frame for entry in self.world.group.entries for frame in map(id, entry.frames)}
        entries = len(self.world.group.entries)
        own = sum(new is not None for _, _, new, _ in self.world.last)
        cost = {"encodes": self.encodes - own, "probes": self.probes, "frames": len(frames), "entries": entries}
        self.world.deliver()
        return cost


@pytest.fixture
def counted() -> Counted:
    return Counted()


def post(seq: int) -> Callable[[Any], Any]:
    return lambda db: db[Message].insert(Message(0, 7, 1, seq, "hello"))


def post_and_count(seq: int) -> Callable[[Any], Any]:
    return lambda db: [post(seq)(db), db[Head].update(Head(7, 1, seq))]


def test_one_message_to_one_audience_is_one_frame_without_probes(counted: Counted) -> None:
    """The first row asks who is a member; from then on nobody is asked but the caller."""
    for listener in counted.listeners:
        counted.world.subscribe(listener, 1, "SELECT * FROM message WHERE channel_id = 7")
    assert counted.publish(post(1))["probes"] == LISTENERS
    assert counted.publish(post(2)) == {"encodes": 0, "probes": 0, "frames": 1, "entries": 1}
    caller = counted.listeners[0]
    assert counted.publish(post(3), caller) == {"encodes": 0, "probes": 1, "frames": 1, "entries": 1}


def test_two_sets_of_everybody_are_one_frame_and_the_old_row_is_encoded_once(counted: Counted) -> None:
    for listener in counted.listeners:
        counted.world.subscribe(listener, 1, "SELECT * FROM message WHERE channel_id = 7")
        counted.world.subscribe(listener, 2, "SELECT * FROM head", "SELECT * FROM head WHERE channel_id = 7")
    counted.publish(post_and_count(1))
    assert counted.publish(post_and_count(2)) == {"encodes": 1, "probes": 0, "frames": 1, "entries": 1}


def test_overlapping_sets_cost_a_frame_for_each_distinct_view(counted: Counted) -> None:
    for number, listener in enumerate(counted.listeners):
        counted.world.subscribe(listener, 1, "SELECT * FROM message WHERE channel_id = 7")
        if number % 2:
            counted.world.subscribe(listener, 2, "SELECT * FROM message WHERE seq > 0")
    counted.publish(post(1))
    assert counted.publish(post(2)) == {"encodes": 0, "probes": 0, "frames": 2, "entries": 2}


def test_a_group_has_one_entry_an_audience(counted: Counted) -> None:
    for listener in counted.listeners:
        counted.world.subscribe(listener, 1, "SELECT * FROM message WHERE channel_id = 7")
    counted.world.deliver()
    for seq in range(1, 6):
        counted.world.transact(post(seq))
    (entry,) = counted.world.group.entries
    assert len(entry.frames) == 5
    counted.world.deliver()
    assert all(client.writes == 1 for client in counted.listeners)


def test_idle_subscriptions_to_other_values_are_never_looked_at(counted: Counted) -> None:
    """A query that is pinned to another channel is not a candidate, however many there are."""
    for number, listener in enumerate(counted.listeners):
        counted.world.subscribe(
            listener, 1, *(f"SELECT * FROM message WHERE channel_id = {100 + 20 * number + n}" for n in range(20))
        )
    matcher = counted.world.subscriptions._registry.matchers[counted.world.tables[Message]]
    assert matcher.candidates(Message(1, 7, 1, 1, "a")) == []
    assert len(matcher.lookups) == 1
    assert counted.publish(post(1)) == {"encodes": 0, "probes": 0, "frames": 0, "entries": 0}


def test_a_table_that_nobody_asked_for_is_not_watched(counted: Counted) -> None:
    world, listener = counted.world, counted.listeners[0]
    assert not world.tables[Message].watched
    world.subscribe(listener, 1, "SELECT * FROM message")
    assert world.tables[Message].watched
    world.unsubscribe(listener, 1)
    assert not world.tables[Message].watched
    world.deliver()


def test_a_row_of_ones_own_costs_one_frame_and_no_look_at_others(counted: Counted) -> None:
    for listener in counted.listeners:
        counted.world.subscribe(listener, 1, "SELECT * FROM inbox")
    who = counted.people[3]
    cost = counted.publish(lambda db: db[Inbox].insert(Inbox(0, who, 1)))
    assert cost == {"encodes": 0, "probes": 0, "frames": 1, "entries": 1}
    shared = counted.listeners[3].connection.query_sets[1]
    (kept,) = shared.audiences.values()
    assert list(kept) == [who]
    counted.publish(lambda db: db[Inbox].insert(Inbox(0, person(9999), 1)))
    assert list(kept) == [who]


def test_a_caller_alone_in_its_audience_makes_no_entry(counted: Counted) -> None:
    caller = counted.listeners[0]
    counted.world.subscribe(caller, 1, "SELECT * FROM message WHERE channel_id = 7")
    counted.publish(post(1), caller)
    assert counted.publish(post(2), caller)["entries"] == 0


def test_a_member_who_leaves_moves_without_asking_the_others(counted: Counted) -> None:
    for listener in counted.listeners:
        counted.world.subscribe(listener, 1, "SELECT * FROM message WHERE channel_id = 7")
    counted.publish(post(1))
    cost = counted.publish(lambda db: db[Member].delete(1))
    assert cost["probes"] <= 2
    assert cost["frames"] == 1
    assert counted.publish(post(2)) == {"encodes": 0, "probes": 0, "frames": 1, "entries": 1}


def test_many_who_lose_the_same_share_one_frame(counted: Counted) -> None:
    for listener in counted.listeners:
        counted.world.subscribe(listener, 1, "SELECT * FROM message WHERE channel_id = 7")
    for seq in range(1, 4):
        counted.publish(post(seq))
    cost = counted.publish(lambda db: [db[Member].delete(row.id) for row in list(db[Member])])
    assert cost["encodes"] == 3
    assert cost["frames"] == 1
