"""Rights that are won and lost while people listen, as SpacetimeDB 2.8.3 was seen to handle them."""

from collections.abc import Callable
from typing import Any

import pytest

from agent_spaces.sats import Identity
from agent_spaces.wire import messages as m
from engine.subscriptions.world import Client, Head, Inbox, Letter, Member, Message, Server, Typing, World, person

ALICE, BOB, CAROL = person(1), person(2), person(3)
Seen = dict[tuple[int, str], tuple[int, int]]  # (set, table) -> rows inserted, rows deleted


class Spaces(World):
    """Alice is in servers 1 and 2, with messages in both; bob is in 2; carol in none. All listen."""

    def __init__(self) -> None:
        super().__init__()
        self.alice, self.bob, self.carol = (self.connect(who) for who in (ALICE, BOB, CAROL))
        self.transact(lambda db: [db[Member].insert(Member(0, *row, 1)) for row in ((1, ALICE), (2, ALICE), (2, BOB))])
        self.transact(lambda db: [db[Message].insert(Message(0, 1, 1, seq, f"m{seq}")) for seq in (1, 2, 3)])
        self.transact(lambda db: db[Message].insert(Message(0, 2, 2, 1, "x1")))
        self.transact(lambda db: [db[Head].insert(Head(1, 1, 3)), db[Head].insert(Head(2, 2, 1))])
        for client in (self.alice, self.bob, self.carol):
            self.subscribe(client, 1, "SELECT * FROM message")
        self.subscribe(self.bob, 2, "SELECT * FROM head")
        self.deliver()

    def does(self, caller: Client | None, work: Callable[[Any], Any]) -> dict[Client, Seen]:
        """Run a transaction and return what each client was told; nobody is told twice."""
        for client in self.clients:
            client.messages.clear()
        self.transact(work, caller)
        self.deliver()
        told: dict[Client, Seen] = {}
        for client in self.clients:
            assert len(client.messages) <= 1
            for message in client.messages:
                update = message
                if isinstance(message, m.ReducerResult):
                    assert client is caller
                    assert isinstance(message.result, m.ReducerOk)
                    update = message.result.transaction_update
                assert isinstance(update, m.TransactionUpdate)
                if update.query_sets:
                    told[client] = counts(update)
        return told


def counts(update: m.TransactionUpdate) -> Seen:
    seen: Seen = {}
    for query_set in update.query_sets:
        for table in query_set.tables:
            inserts = deletes = 0
            for rows in table.rows:
                inserts += len(rows.events if isinstance(rows, m.EventTable) else rows.inserts)
                deletes += 0 if isinstance(rows, m.EventTable) else len(rows.deletes)
            seen[query_set.query_set_id, table.table_name] = (inserts, deletes)
    return seen


def join(who: Identity, server_id: int = 1) -> Callable[[Any], Any]:
    return lambda db: db[Member].insert(Member(0, server_id, who, 1))


def leave(who: Identity, server_id: int = 1) -> Callable[[Any], Any]:
    return lambda db: [db[Member].delete(row.id) for row in db[Member].by_identity_server_id.filter(who, server_id)]


@pytest.fixture
def spaces() -> Spaces:
    return Spaces()


def test_a_message_reaches_members_only(spaces: Spaces) -> None:
    told = spaces.does(spaces.alice, lambda db: db[Message].insert(Message(0, 1, 1, 4, "m4")))
    assert told == {spaces.alice: {(1, "message"): (1, 0)}}


def test_who_joins_gets_the_rows_and_others_nothing(spaces: Spaces) -> None:
    told = spaces.does(spaces.bob, join(BOB))
    assert told == {spaces.bob: {(1, "message"): (3, 0), (2, "head"): (1, 0)}}
    told = spaces.does(spaces.alice, lambda db: db[Message].insert(Message(0, 1, 1, 4, "m4")))
    assert told == {spaces.alice: {(1, "message"): (1, 0)}, spaces.bob: {(1, "message"): (1, 0)}}


def test_who_leaves_gets_deletes_and_nothing_more(spaces: Spaces) -> None:
    assert spaces.does(None, leave(ALICE)) == {spaces.alice: {(1, "message"): (0, 3)}}
    assert spaces.does(None, lambda db: db[Message].insert(Message(0, 1, 1, 4, "m4"))) == {}
    assert spaces.does(spaces.alice, join(ALICE)) == {spaces.alice: {(1, "message"): (4, 0)}}


def test_leaving_and_joining_in_one_transaction_is_nothing(spaces: Spaces) -> None:
    assert spaces.does(spaces.alice, lambda db: [leave(ALICE)(db), join(ALICE)(db)]) == {}


def test_who_leaves_does_not_see_what_is_posted_in_the_same_transaction(spaces: Spaces) -> None:
    spaces.does(None, join(BOB))
    told = spaces.does(spaces.bob, lambda db: [db[Message].insert(Message(0, 1, 1, 4, "left")), leave(BOB)(db)])
    assert told == {
        spaces.alice: {(1, "message"): (1, 0)},
        spaces.bob: {(1, "message"): (0, 3), (2, "head"): (0, 1)},
    }


def test_who_joins_sees_what_is_posted_in_the_same_transaction_once(spaces: Spaces) -> None:
    told = spaces.does(spaces.bob, lambda db: [join(BOB)(db), db[Message].insert(Message(0, 1, 1, 4, "joined"))])
    assert told[spaces.bob] == {(1, "message"): (4, 0), (2, "head"): (1, 0)}
    assert told[spaces.alice] == {(1, "message"): (1, 0)}


def test_a_row_that_is_edited_while_somebody_leaves_is_deleted_as_it_was(spaces: Spaces) -> None:
    before = dict(spaces.alice.rows[1]["message"])
    spaces.does(None, lambda db: [db[Message].update(Message(1, 1, 1, 1, "edited")), leave(ALICE)(db)])
    assert len(before) == 4
    assert list(spaces.alice.rows[1]["message"].values()) == [1]  # only server 2 is left; the client checks the bytes


def test_a_second_membership_row_keeps_the_right(spaces: Spaces) -> None:
    assert spaces.does(None, join(ALICE)) == {}
    assert spaces.does(None, lambda db: db[Member].delete(1)) == {}
    assert spaces.does(None, lambda db: db[Message].insert(Message(0, 1, 1, 4, "m4"))) == {
        spaces.alice: {(1, "message"): (1, 0)}
    }


def test_a_row_that_changes_servers_is_deleted_inserted_or_both(spaces: Spaces) -> None:
    spaces.does(None, join(CAROL))
    told = spaces.does(spaces.alice, lambda db: db[Message].update(Message(3, 1, 2, 3, "m3")))
    assert told == {
        spaces.alice: {(1, "message"): (1, 1)},
        spaces.bob: {(1, "message"): (1, 0)},
        spaces.carol: {(1, "message"): (0, 1)},
    }


def test_every_connection_of_an_identity_follows(spaces: Spaces) -> None:
    second = spaces.connect(BOB)
    spaces.subscribe(second, 5, "SELECT * FROM message WHERE channel_id = 1 AND seq > 1")
    spaces.deliver()
    told = spaces.does(spaces.bob, join(BOB))
    assert told == {
        spaces.bob: {(1, "message"): (3, 0), (2, "head"): (1, 0)},
        second: {(5, "message"): (2, 0)},
    }


def test_the_owner_sees_every_row_once_whatever_its_memberships(spaces: Spaces) -> None:
    owner = spaces.connect(person(99), is_owner=True)
    spaces.subscribe(owner, 1, "SELECT * FROM message", "SELECT * FROM letter", "SELECT * FROM inbox")
    spaces.deliver()
    assert spaces.does(owner, join(person(99))) == {}
    assert spaces.does(None, leave(person(99))) == {}
    told = spaces.does(
        None,
        lambda db: [db[Letter].insert(Letter(0, ALICE, BOB, 1, "a")), db[Message].insert(Message(0, 9, 9, 1, "a"))],
    )
    assert told == {owner: {(1, "letter"): (1, 0), (1, "message"): (1, 0)}}


def test_a_letter_that_changes_hands_leaves_one_and_reaches_the_other(spaces: Spaces) -> None:
    for client in spaces.clients:
        spaces.subscribe(client, 3, "SELECT * FROM letter")
    spaces.transact(lambda db: db[Letter].insert(Letter(0, ALICE, BOB, 1, "a")))
    spaces.deliver()
    told = spaces.does(spaces.bob, lambda db: db[Letter].update(Letter(1, ALICE, CAROL, 1, "a")))
    assert told == {
        spaces.alice: {(3, "letter"): (1, 1)},
        spaces.bob: {(3, "letter"): (0, 1)},
        spaces.carol: {(3, "letter"): (1, 0)},
    }


def test_events_reach_members_as_they_are_after_the_transaction(spaces: Spaces) -> None:
    for client in spaces.clients:
        spaces.subscribe(client, 20, "SELECT * FROM typing")
        spaces.subscribe(client, 21, "SELECT * FROM typing WHERE channel_id = 1")
    spaces.deliver()

    def typing(db: Any) -> Typing:
        row: Typing = db[Typing].insert(Typing(0, 1, 1))
        return row

    both = {(20, "typing"): (1, 0), (21, "typing"): (1, 0)}
    assert spaces.does(spaces.alice, typing) == {spaces.alice: both}
    told = spaces.does(spaces.bob, lambda db: [typing(db), join(BOB)(db), leave(ALICE)(db)])
    assert told[spaces.bob] == {**both, (1, "message"): (3, 0), (2, "head"): (1, 0)}
    assert told[spaces.alice] == {(1, "message"): (0, 3)}


def test_sets_that_change_together_travel_in_one_message_by_id(spaces: Spaces) -> None:
    spaces.subscribe(spaces.alice, 9, "SELECT * FROM server")
    spaces.subscribe(spaces.alice, 4, "SELECT * FROM inbox")
    spaces.deliver()
    told = spaces.does(
        None,
        lambda db: [
            db[Server].insert(Server(0, "new", 1)),
            db[Inbox].insert(Inbox(0, ALICE, 1)),
            db[Message].insert(Message(0, 1, 1, 4, "m4")),
        ],
    )
    assert list(told[spaces.alice]) == [(1, "message"), (4, "inbox"), (9, "server")]


def test_an_update_that_changes_nothing_is_nothing(spaces: Spaces) -> None:
    assert spaces.does(spaces.alice, lambda db: db[Message].update(Message(1, 1, 1, 1, "m1"))) == {}


def test_rows_that_come_and_go_in_one_transaction_are_nothing(spaces: Spaces) -> None:
    def work(db: Any) -> None:
        row = db[Message].insert(Message(0, 1, 1, 4, "m4"))
        db[Message].delete(row.id)

    assert spaces.does(spaces.alice, work) == {}


def test_a_call_without_a_connection_reaches_the_callers_sockets(spaces: Spaces) -> None:
    told = spaces.does(None, lambda db: db[Message].insert(Message(0, 1, 1, 4, "m4")))
    assert told == {spaces.alice: {(1, "message"): (1, 0)}}
    assert isinstance(spaces.alice.messages[0], m.TransactionUpdate)
