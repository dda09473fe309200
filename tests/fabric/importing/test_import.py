"""A database moves to another one: rows equal, ids going on, what was under way going on."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from agent_spaces.engine.memory import MemoryDatabase
from agent_spaces.errors import RefusedError
from agent_spaces.fabric.reducers import direct, lifecycle, messages, moderation, reactions, users
from agent_spaces.fabric.reducers.channels import mark_channel_read
from agent_spaces.fabric.reducers.importing import IMPORTED, REDUCERS, begin_import, finish_import
from agent_spaces.fabric.reducers.knowledge import publish_knowledge
from agent_spaces.fabric.reducers.server_invites import create_invite
from agent_spaces.fabric.reducers.task_claims import claim_task
from agent_spaces.fabric.reducers.tasks import submit_task
from agent_spaces.fabric.reducers.threads import create_thread
from agent_spaces.fabric.reducers.votes import cast_ballot, open_vote
from agent_spaces.fabric.tables import (
    TABLES,
    Channel,
    Deployment,
    IdentityState,
    InboxItem,
    Message,
    Server,
    ServerMember,
    Timer,
    UserConnection,
    UsernameClaim,
    UserPresence,
    UserProfile,
)
from agent_spaces.fabric.types import MessageType, TimerKind
from agent_spaces.module import definition_of, reducer_definition_of
from agent_spaces.sats import ConnectionId, Identity
from fabric.coordination.test_knowledge import knowledge_with
from fabric.coordination.test_submit_task import task_with
from fabric.coordination.test_votes import vote_with
from fabric.coordination.world import ANN, BOB, BOT, GENERAL, HUB, MOD, OWNER, STRANGER, World, identity_of

NEW_SYSTEM = identity_of("new-database")
NEW_OWNER = identity_of("new-owner")
BY_NAME: dict[str, Callable[..., None]] = {reducer_definition_of(each).name: each for each in REDUCERS}


def lived_in() -> World:
    """Return a world with a row in every table that is imported."""
    world = World()
    world.call(BOB, users.block_user, STRANGER)
    world.call(ANN, create_thread, GENERAL, "plans", "hello @bob", "key", None)
    said = world.last_message().id
    world.call(BOB, messages.send_message, GENERAL, "fine", MessageType.TEXT, None, said, None, None)
    world.call(ANN, messages.edit_message, said, "hello")
    world.call(BOB, reactions.add_reaction, said, "+1")
    world.call(MOD, reactions.pin_message, said)
    world.call(BOB, mark_channel_read, GENERAL, 0)
    world.call(ANN, direct.start_dm, BOB)
    world.call(ANN, direct.send_dm, 1, "psst", None, None, None)
    world.call(MOD, create_invite, HUB, "an-invite-of-22-letters", 3, None, None)
    world.call(OWNER, moderation.ban_member, HUB, STRANGER, None)
    world.call(ANN, submit_task, *task_with(target=BOT))
    world.call(ANN, submit_task, *task_with())
    world.call(BOT, claim_task, 1, 60)
    world.call(ANN, open_vote, *vote_with())
    world.call(BOB, cast_ballot, 1, 0)
    world.call(ANN, publish_knowledge, *knowledge_with())
    world.mute(identity_of("bot2"))
    return world


def fresh() -> MemoryDatabase:
    database = MemoryDatabase(TABLES, generated=False)
    database.identity = NEW_SYSTEM
    database.call(lifecycle.init, sender=NEW_OWNER)
    return database


def exported(database: MemoryDatabase) -> dict[type[Any], list[Any]]:
    return {row_class: list(database[row_class]) for row_class in IMPORTED}


def imported(rows: dict[type[Any], list[Any]]) -> MemoryDatabase:
    """Return a fresh database after an import, rows in calls of three, numbers first."""
    database = fresh()
    database.call(begin_import, sender=NEW_OWNER)
    for row_class, found in rows.items():
        name = definition_of(row_class).name
        if f"advance_{name}" in BY_NAME and found:
            database.call(BY_NAME[f"advance_{name}"], found[-1].id, sender=NEW_OWNER)
        for start in range(0, len(found), 3):
            database.call(BY_NAME[f"import_{name}"], found[start : start + 3], sender=NEW_OWNER)
    database.call(finish_import, sender=NEW_OWNER)
    return database


def refusal(database: MemoryDatabase, reducer: Callable[..., None], *args: Any, sender: Identity = NEW_OWNER) -> str:
    with pytest.raises(RefusedError) as caught:
        database.call(reducer, *args, sender=sender)
    return str(caught.value)


def test_every_imported_table_is_in_the_round_trip() -> None:
    rows = exported(lived_in().db)

    assert [row_class.__name__ for row_class, found in rows.items() if not found] == []
    assert len(rows) == 28


def test_rows_come_out_as_they_went_in() -> None:
    rows = exported(lived_in().db)
    database = imported(rows)

    presences = rows.pop(UserPresence)
    assert {row_class: list(database[row_class]) for row_class in rows} == rows
    assert list(database[UserPresence]) == [replace(row, online=False) for row in presences]


def test_life_goes_on_where_it_stopped() -> None:
    world = lived_in()
    database = imported(exported(world.db))
    last = world.last_message()
    database.call(messages.send_message, GENERAL, "on we go", MessageType.TEXT, None, None, None, None, sender=ANN)

    sent = list(database[Message])[-1]
    assert (sent.id, sent.seq) == (last.id + 1, last.seq + 1)
    assert database[Deployment].find(1) == Deployment(1, NEW_OWNER, world.system, False)


def test_timers_are_those_of_before() -> None:
    world = lived_in()
    database = imported(exported(world.db))

    def timers(of: MemoryDatabase) -> list[Any]:
        return sorted((row.kind, row.ref_id, row.scheduled_at.at) for row in of[Timer])

    assert timers(database) == timers(world.db)
    assert {kind for kind, _, _ in timers(database)} == {TimerKind.TASK_LEASE, TimerKind.VOTE_CLOSE}


def test_inboxes_are_counted_and_budgets_begin_anew() -> None:
    world = lived_in()
    database = imported(exported(world.db))

    counted = {row.identity: row.inbox_items for row in database[IdentityState]}
    assert counted == {row.identity: row.inbox_items for row in world.db[IdentityState] if row.inbox_items}
    assert sum(counted.values()) == len(database[InboxItem])
    (bot_item, *_) = [row for row in database[InboxItem] if row.identity == BOT]
    database.call(users.ack, [bot_item.id], sender=BOT)


def test_who_is_connected_is_online() -> None:
    database = fresh()
    rows = exported(lived_in().db)
    database.call(lifecycle.client_connected, sender=ANN, connection_id=ConnectionId(b"\x01" * 16))
    database.call(begin_import, sender=NEW_OWNER)
    database.call(lifecycle.client_connected, sender=BOB, connection_id=ConnectionId(b"\x02" * 16))
    for row_class, found in rows.items():
        database.call(BY_NAME[f"import_{definition_of(row_class).name}"], found, sender=NEW_OWNER)
    database.call(finish_import, sender=NEW_OWNER)

    assert {row.identity for row in database[UserPresence] if row.online} == {ANN, BOB}


def test_what_is_left_of_deleted_channels_and_servers_is_purged() -> None:
    rows = exported(lived_in().db)
    rows[Channel] = rows[Channel][1:]
    rows[Server] = []
    database = imported(rows)

    purges = {(row.kind, row.ref_id) for row in database[Timer] if row.kind >= TimerKind.PURGE_CHANNEL}
    assert purges == {(TimerKind.PURGE_CHANNEL, GENERAL), (TimerKind.PURGE_SERVER, HUB)}


def test_begin_import_empties_all_but_deployment_and_connections() -> None:
    database = fresh()
    database.call(lifecycle.client_connected, sender=NEW_OWNER, connection_id=ConnectionId(b"\x01" * 16))
    database.call(begin_import, sender=NEW_OWNER)

    assert {row_class for row_class in TABLES if len(database[row_class])} == {Deployment, UserConnection}
    assert database.call(begin_import, sender=NEW_OWNER) == []


def test_only_the_owner_imports_and_only_into_a_fresh_database() -> None:
    database = fresh()
    for reducer in (begin_import, finish_import):
        assert refusal(database, reducer, sender=ANN) == "Only the owner of this database imports."
    for name in ("import_message", "import_username_claim"):
        assert refusal(database, BY_NAME[name], [], sender=ANN) == "Only the owner of this database imports."
    assert refusal(database, BY_NAME["advance_message"], 1, sender=ANN) == "Only the owner of this database imports."
    database.call(users.register_user, "ann", None, False, sender=ANN)
    assert refusal(database, begin_import) == ("Somebody is registered here already: import into a fresh database.")


def test_nothing_is_imported_while_no_import_is_open() -> None:
    database = fresh()
    text = "No import is open: call begin_import."

    assert refusal(database, BY_NAME["import_message"], []) == text
    assert refusal(database, BY_NAME["advance_message"], 5) == text
    assert refusal(database, finish_import) == text


def test_everything_else_is_refused_while_an_import_is_open() -> None:
    database = fresh()
    database.call(begin_import, sender=NEW_OWNER)

    assert refusal(database, users.register_user, "ann", None, False) == "An import is under way."


def test_an_import_without_a_system_is_not_finished() -> None:
    database = fresh()
    database.call(begin_import, sender=NEW_OWNER)
    text = "Nobody holds the name system: import username_claim first."

    assert refusal(database, finish_import) == text
    database.call(BY_NAME["import_username_claim"], [UsernameClaim("system", ANN)], sender=NEW_OWNER)
    database.call(finish_import, sender=NEW_OWNER)
    assert database[Deployment].find(1).system == ANN


@pytest.mark.parametrize(
    ("row_class", "column", "text"),
    [
        (Message, "id", "Row 2 for message repeats the id of another row."),
        (UserProfile, "identity", "Row 2 for user_profile repeats the identity of another row."),
        (UsernameClaim, "username", "Row 2 for username_claim repeats the username of another row."),
    ],
)
def test_a_row_that_breaks_a_key_is_refused_with_the_whole_call(row_class: type[Any], column: str, text: str) -> None:
    row = exported(lived_in().db)[row_class][0]
    database = fresh()
    database.call(begin_import, sender=NEW_OWNER)
    import_rows = BY_NAME[f"import_{definition_of(row_class).name}"]

    assert refusal(database, import_rows, [row, row]) == text
    assert len(database[row_class]) == 0
    assert getattr(row, column)


def test_unique_columns_and_pairs_are_keys_too() -> None:
    rows = exported(lived_in().db)
    database = fresh()
    database.call(begin_import, sender=NEW_OWNER)
    member, profile, message = rows[ServerMember][0], rows[UserProfile][0], rows[Message][0]

    assert refusal(database, BY_NAME["import_server_member"], [member, replace(member, id=99)]) == (
        "Row 2 for server_member repeats the identity and server_id of another row."
    )
    assert refusal(database, BY_NAME["import_user_profile"], [profile, replace(profile, identity=NEW_SYSTEM)]) == (
        "Row 2 for user_profile repeats the username of another row."
    )
    assert refusal(database, BY_NAME["import_message"], [replace(message, id=0)]) == "Row 1 for message has no id."


def test_advance_draws_numbers_until_there_and_100000_at_most() -> None:
    database = fresh()
    database.call(begin_import, sender=NEW_OWNER)
    advance = BY_NAME["advance_message"]
    table = database.tables[Message]
    database.call(advance, 0, sender=NEW_OWNER)
    assert table.sequence == 1
    database.call(advance, 41, sender=NEW_OWNER)
    assert table.sequence == 42
    database.call(advance, 1_000_000, sender=NEW_OWNER)
    assert table.sequence == 100_042
