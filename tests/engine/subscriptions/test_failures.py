"""What goes wrong stays where it is: queries that break, groups that do not become durable."""

from typing import Any

import pytest

from agent_spaces.errors import SqlError
from agent_spaces.wire import messages as m
from engine.subscriptions.world import Client, Letter, Member, Message, Server, World, person

ALICE, BOB = person(1), person(2)
JOIN = "SELECT s.* FROM server s JOIN member m ON s.id = m.server_id"


@pytest.fixture
def world() -> World:
    return World()


def break_query(world: World, client: Client, query_set_id: int) -> None:
    """Let the test of a set's first query raise from now on."""

    def fails(_row: Any) -> bool:
        raise ZeroDivisionError("no such luck")

    query = client.connection.query_sets[query_set_id].queries[0]
    if query.query.join is None:
        query.test = fails
    else:
        query._test = fails


@pytest.mark.parametrize("text", ["SELECT * FROM server WHERE id > 0", "SELECT * FROM server WHERE name = 'a'", JOIN])
@pytest.mark.parametrize("sets", [1, 2])
def test_a_query_that_breaks_ends_its_set_only(world: World, text: str, sets: int) -> None:
    """Everybody who held it is told before anything else; the caller's other sets and the others' go on."""
    alice, bob = world.connect(ALICE), world.connect(BOB)
    world.transact(lambda db: db[Member].insert(Member(0, 1, ALICE, 1)))
    world.subscribe(alice, 1, text)
    if sets == 2:
        world.subscribe(alice, 2, "SELECT * FROM server WHERE size > 0")
    world.subscribe(bob, 3, "SELECT * FROM server")
    world.subscribe(bob, 1, text)
    world.deliver()
    break_query(world, alice, 1)
    world.transact(lambda db: db[Server].insert(Server(0, "a", 1)), bob)
    world.deliver()
    (ended,) = [each for each in alice.messages if isinstance(each, m.SubscriptionError)]
    assert (ended.request_id, ended.query_set_id) == (None, 1)
    assert "no such luck" in ended.error
    assert ended.error.endswith(f", executing: `{text}`")
    assert list(alice.rows) == ([2] if sets == 2 else [])
    assert list(bob.rows) == [3]
    assert [type(each) for each in bob.messages[-2:]] == [m.SubscriptionError, m.ReducerResult]
    assert len(bob.rows[3]["server"]) == 1
    assert sum(isinstance(each, m.TransactionUpdate) for each in alice.messages) == sets - 1
    world.subscribe(alice, 1, text)
    world.deliver()


def test_a_query_that_breaks_at_once_refuses_the_set(world: World) -> None:
    alice, bob = world.connect(ALICE), world.connect(BOB)
    world.subscribe(alice, 1, "SELECT * FROM server WHERE id > 0")
    world.transact(lambda db: db[Server].insert(Server(0, "a", 1)))
    world.deliver()
    break_query(world, alice, 1)
    with pytest.raises(SqlError, match="cannot be evaluated"):
        world.subscribe(bob, 1, "SELECT * FROM server", "SELECT * FROM server WHERE id > 0")
    assert bob.connection.query_sets == {}


def test_undone_memberships_and_joins_are_as_before(world: World) -> None:
    """After rollback updates go to those who are members again, and joins count from the restored tables."""
    alice, bob = world.connect(ALICE), world.connect(BOB)
    world.transact(lambda db: [db[Member].insert(Member(0, 1, ALICE, 1)), db[Server].insert(Server(0, "one", 1))])
    for client in (alice, bob):
        world.subscribe(client, 1, "SELECT * FROM message")
        world.subscribe(client, 2, JOIN)
    world.transact(lambda db: db[Message].insert(Message(0, 1, 1, 1, "before")))
    world.deliver()

    def moves(db: Any) -> None:
        db[Member].delete(1)
        db[Member].insert(Member(0, 1, BOB, 1))
        db[Member].insert(Member(0, 1, BOB, 2))

    world.transact(moves)
    done = world.last
    world.group.dissolve()  # nobody hears of a group that did not become durable
    for table, old, new, _ in reversed(done):
        if old is None:
            table.unlink(new)
        else:
            table.link(old)
    world.subscriptions.rollback([change[:3] for change in done])

    world.transact(lambda db: db[Message].insert(Message(0, 1, 1, 2, "after")))
    world.deliver()
    assert len(alice.rows[1]["message"]) == 2
    assert not bob.rows[1]["message"]
    world.transact(lambda db: db[Member].delete(1))
    world.deliver()
    assert not alice.rows[2]["server"]
    assert not alice.rows[1]["message"]


def test_a_connection_that_is_gone_leaves_nothing_behind(world: World) -> None:
    alice, bob = world.connect(ALICE), world.connect(BOB)
    world.transact(lambda db: db[Member].insert(Member(0, 1, ALICE, 1)))
    for client in (alice, bob):
        world.subscribe(client, 1, "SELECT * FROM message", "SELECT * FROM letter", JOIN)
    world.transact(lambda db: db[Letter].insert(Letter(0, ALICE, BOB, 1, "a")))
    world.deliver()
    world.subscriptions.drop(alice.connection)
    world.subscriptions.drop(alice.connection)
    shared = bob.connection.query_sets[1]
    assert ALICE not in {key for kept in shared.audiences.values() for key in kept}
    world.transact(lambda db: db[Letter].insert(Letter(0, ALICE, BOB, 1, "b")))
    world.transact(lambda db: db[Message].insert(Message(0, 1, 1, 1, "m")))
    world.deliver()
    assert sum(isinstance(each, m.TransactionUpdate) for each in alice.messages) == 1
    assert len(bob.rows[1]["letter"]) == 2
