"""What Subscribe and Unsubscribe answer, as SpacetimeDB 2.8.3 was seen to."""

import pytest

from agent_spaces.engine.subscriptions import subscriptions
from agent_spaces.errors import SqlError
from agent_spaces.wire import messages as m
from engine.subscriptions.world import Client, Inbox, Letter, Member, Message, Secret, Server, World, person

ALICE, BOB = person(1), person(2)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def alice(world: World) -> Client:
    return world.connect(ALICE)


def servers(world: World, *names: str) -> None:
    world.transact(lambda db: [db[Server].insert(Server(0, name, len(name))) for name in names])
    world.deliver()


def entries(rows: m.QueryRows) -> list[tuple[str, int]]:
    return [(entry.table, len(entry.rows)) for entry in rows.tables]


def refusal(world: World, client: Client, query_set_id: int, *texts: str) -> str:
    with pytest.raises(SqlError) as caught:
        world.subscribe(client, query_set_id, *texts)
    return str(caught.value)


def test_a_table_without_rows_has_no_entry(world: World, alice: Client) -> None:
    assert entries(world.subscribe(alice, 1, "SELECT * FROM server")) == []


def test_a_query_without_results_over_a_filled_table_has_an_empty_entry(world: World, alice: Client) -> None:
    servers(world, "one")
    assert entries(world.subscribe(alice, 1, "SELECT * FROM server WHERE id = 9")) == [("server", 0)]


def test_rows_that_a_stranger_may_not_see_leave_an_empty_entry(world: World, alice: Client) -> None:
    world.transact(lambda db: db[Message].insert(Message(0, 1, 1, 1, "a")))
    assert entries(world.subscribe(alice, 1, "SELECT * FROM message")) == [("message", 0)]


def test_event_tables_never_have_an_entry(world: World, alice: Client) -> None:
    assert entries(world.subscribe(alice, 1, "SELECT * FROM notice", "SELECT * FROM typing")) == []


def test_no_queries_at_all_are_a_set(world: World, alice: Client) -> None:
    assert entries(world.subscribe(alice, 9)) == []
    assert entries(world.unsubscribe(alice, 9)) == []


def test_equal_texts_count_once_and_other_spellings_of_a_query_again(world: World, alice: Client) -> None:
    servers(world, "one")
    assert entries(world.subscribe(alice, 7, "SELECT * FROM server", "SELECT * FROM server")) == [("server", 1)]
    twice = world.subscribe(alice, 8, "SELECT * FROM server", "select  *  from server")
    assert entries(twice) == [("server", 1), ("server", 1)]
    servers(world, "two")
    (message,) = [each for each in alice.messages if isinstance(each, m.TransactionUpdate)]
    sets = {each.query_set_id: each.tables for each in message.query_sets}
    assert [len(table.rows) for table in sets[7]] == [1]
    assert [len(table.rows) for table in sets[8]] == [2]
    assert entries(world.unsubscribe(alice, 8)) == [("server", 2), ("server", 2)]
    world.deliver()


def test_select_from_star_is_every_readable_table_but_events(world: World, alice: Client) -> None:
    owner = world.connect(person(99), is_owner=True)
    servers(world, "one")
    world.transact(lambda db: db[Secret].insert(Secret(0, 1)))
    world.transact(lambda db: db[Inbox].insert(Inbox(0, BOB, 1)))
    assert entries(world.subscribe(alice, 1, "SELECT * FROM *")) == [("inbox", 0), ("server", 1)]
    assert entries(world.subscribe(owner, 1, "SELECT * FROM *")) == [("inbox", 1), ("secret", 1), ("server", 1)]


def test_one_bad_query_refuses_the_whole_set(world: World, alice: Client) -> None:
    servers(world, "one")
    text = refusal(world, alice, 51, "SELECT * FROM server", "SELECT * FROM nope")
    assert text == (
        "no such table: `nope`. If the table exists, it may be marked private., executing: `SELECT * FROM nope`"
    )
    assert alice.connection.query_sets == {}
    assert world.transact(lambda db: db[Server].insert(Server(0, "two", 1)), alice).query_sets == []


def test_private_tables_do_not_exist_for_others(world: World, alice: Client) -> None:
    text = refusal(world, alice, 1, "SELECT * FROM secret")
    assert text.startswith("no such table: `secret`. If the table exists, it may be marked private., executing:")


def test_a_live_id_is_refused_and_the_first_set_lives_on(world: World, alice: Client) -> None:
    world.subscribe(alice, 60, "SELECT * FROM server")
    world.deliver()
    assert refusal(world, alice, 60, "SELECT * FROM server") == (
        "Subscription with id QuerySetId { id: 60 } already exists for client: "
        f"(Identity({ALICE.hex()}), ConnectionId({alice.connection.connection_id.hex()}))"
    )
    (query_set,) = world.transact(lambda db: db[Server].insert(Server(0, "one", 1)), alice).query_sets
    assert query_set.query_set_id == 60


def test_unsubscribe_of_an_unknown_set_names_the_client(world: World, alice: Client) -> None:
    with pytest.raises(SqlError) as caught:
        world.unsubscribe(alice, 77)
    who = f"(Identity({ALICE.hex()}), ConnectionId({alice.connection.connection_id.hex()}))"
    assert str(caught.value) == f"Subscription not found: ({who}, QuerySetId {{ id: 77 }})"


def test_a_freed_id_can_be_used_again(world: World, alice: Client) -> None:
    servers(world, "one")
    world.subscribe(alice, 4, "SELECT * FROM server")
    assert entries(world.unsubscribe(alice, 4)) == [("server", 1)]
    assert entries(world.subscribe(alice, 4, "SELECT * FROM server WHERE id = 1")) == [("server", 1)]
    world.deliver()


def test_unsubscribe_without_rows_gives_none(world: World, alice: Client) -> None:
    servers(world, "one")
    world.subscribe(alice, 4, "SELECT * FROM server")
    assert world.subscriptions.unsubscribe(alice.connection, 4, rows=False) == b""
    assert alice.connection.query_sets == {}


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (
            "SELECT m.* FROM message m JOIN server s ON m.server_id = s.id",
            "Invalid number of tables in subscription: 3",
        ),
        (
            "SELECT s.* FROM server s JOIN message m ON m.server_id = s.id WHERE m.id = 1",
            "Invalid number of tables in subscription: 3",
        ),
        (
            "SELECT m.* FROM member m JOIN notice n ON m.identity = n.target",
            "Event tables cannot be used as the lookup table in subscription joins",
        ),
        (
            "SELECT s.* FROM server s JOIN member m ON s.size = m.server_id",
            "Subscriptions require indexes on join columns",
        ),
    ],
)
def test_joins_that_rules_make_too_wide_are_refused(world: World, alice: Client, query: str, reason: str) -> None:
    assert refusal(world, alice, 1, query) == f"{reason}, executing: `{query}`"


def test_a_join_gives_a_row_as_often_as_it_finds_partners(world: World, alice: Client) -> None:
    servers(world, "one")
    query = "SELECT s.* FROM server s JOIN member m ON s.id = m.server_id"
    world.transact(lambda db: [db[Member].insert(Member(0, 1, who, 1)) for who in (ALICE, BOB, BOB)])
    assert entries(world.subscribe(alice, 1, query)) == [("server", 3)]
    ((query_set),) = world.transact(lambda db: db[Member].delete(1), alice).query_sets
    (rows,) = query_set.tables[0].rows
    assert isinstance(rows, m.PersistentTable)
    assert (len(rows.inserts), len(rows.deletes)) == (0, 1)


def test_the_owner_may_join_what_has_rules(world: World) -> None:
    owner = world.connect(person(99), is_owner=True)
    servers(world, "one")
    world.transact(lambda db: db[Message].insert(Message(0, 1, 1, 1, "a")))
    query = "SELECT m.* FROM message m JOIN server s ON m.server_id = s.id"
    assert entries(world.subscribe(owner, 1, query)) == [("message", 1)]


def test_a_connection_holds_so_many_queries_and_not_one_more(
    world: World, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "QUERIES_MAX", 3)
    world.subscribe(alice, 1, "SELECT * FROM server WHERE id = 1", "SELECT * FROM server WHERE id = 2")
    world.subscribe(alice, 2, "SELECT * FROM server")
    assert "3 queries at most, and this would make 4" in refusal(world, alice, 3, "SELECT * FROM server")
    world.unsubscribe(alice, 1)
    world.subscribe(alice, 3, "SELECT * FROM server")
    world.deliver()


def test_a_row_of_two_equal_identities_is_one_row(world: World, alice: Client) -> None:
    world.subscribe(alice, 1, "SELECT * FROM letter")
    (query_set,) = world.transact(lambda db: db[Letter].insert(Letter(0, ALICE, ALICE, 1, "a")), alice).query_sets
    (rows,) = query_set.tables[0].rows
    assert isinstance(rows, m.PersistentTable)
    assert len(rows.inserts) == 1
