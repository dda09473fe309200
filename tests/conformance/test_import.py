"""An import into a database that nobody has used: its own rows go out and come back. Contract section 8."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from agent_spaces.sats import Identity
from agent_spaces.wire import messages as m
from agent_spaces.wire.client_side import decode_server_payload, encode_client_message
from conformance.raw import Client, Schema, Target, open_socket

PRIVATE = ("user_connection", "identity_state", "timer", "deployment")
EVENTS = ("typing_indicator", "system_notification")


@pytest.fixture
def fresh_schema(fresh_target: Target) -> Schema:
    return Schema(httpx2.get(fresh_target.of_database("schema?version=10"), timeout=30, trust_env=False).json())


@pytest.fixture
async def owner(fresh_target: Target, fresh_schema: Schema) -> AsyncIterator[Client]:
    client = await Client.open(fresh_target, fresh_schema, fresh_target.owner_token)
    yield client
    await client.close()


async def raw_rows(target: Target, tables: list[str]) -> dict[str, list[bytes]]:
    """Return all rows of tables as bytes, as the owner."""
    socket = await open_socket(target, target.owner_token)
    await socket.send(encode_client_message(m.Subscribe(1, 1, [f"SELECT * FROM {table}" for table in tables])))
    found: dict[str, list[bytes]] = {table: [] for table in tables}
    while True:
        for message in decode_server_payload(await socket.recv(), 2**30):
            if isinstance(message, m.SubscribeApplied):
                for entry in message.rows.tables:
                    found[entry.table] = sorted(entry.rows)
                await socket.close()
                return found


async def test_a_database_goes_out_and_comes_back(fresh_target: Target, fresh_schema: Schema, owner: Client) -> None:
    """Closed to everybody else meanwhile, to the owner's other calls too; afterwards as it was."""
    tables = [name for name in (*fresh_schema.public, "username_claim") if name not in EVENTS]
    registered = await owner.query("SELECT * FROM user_profile")
    if len(registered) > 2:
        pytest.fail("the conformance suite needs a fresh database")
    stranger = await Client.open(fresh_target, fresh_schema)
    only = "Only the owner of this database imports."
    assert await stranger.refused("begin_import") == only
    assert await owner.refused("import_message", []) == "No import is open: call begin_import."
    before = await raw_rows(fresh_target, tables)

    await owner.ok("begin_import")
    await owner.ok("begin_import")
    assert not any((await raw_rows(fresh_target, tables)).values())
    assert await stranger.refused("import_message", []) == only
    for client in (stranger, owner):
        assert await client.refused("register_user", "somebody", None, False) == "An import is under way."
    await owner.ok("advance_message", 5000)
    await owner.ok("advance_channel", 100)
    assert await owner.refused("finish_import") == "Nobody holds the name system: import username_claim first."
    for table in tables:
        count = len(before[table]).to_bytes(4, "little")
        outcome = await owner.call_raw(f"import_{table}", count + b"".join(before[table]))
        assert outcome.refused is outcome.failed is None, table
    again = b"\1\0\0\0" + before["server"][0]
    assert (await owner.call_raw("import_server", again)).refused == "Row 1 for server repeats the id of another row."
    assert await raw_rows(fresh_target, tables) == before
    await owner.ok("finish_import")
    assert await owner.refused("finish_import") == "No import is open: call begin_import."
    after = await raw_rows(fresh_target, tables)
    presences = {row["identity"]: row["online"] for row in await owner.query("SELECT * FROM user_presence")}
    await stranger.close()

    assert {table: rows for table, rows in after.items() if table != "user_presence"} == {
        table: rows for table, rows in before.items() if table != "user_presence"
    }
    assert presences[owner.identity]
    [deployment] = await owner.query("SELECT * FROM deployment")
    assert (deployment["import_open"], isinstance(deployment["system"], Identity)) == (False, True)
    assert not set(PRIVATE) & set(tables)


async def test_numbers_go_on_behind_those_that_were_used_up(fresh_target: Target, owner: Client) -> None:
    await owner.ok("send_message", 1, "first after the import", "text", None, None, None, None)
    rows = [row for row in await owner.query("SELECT * FROM message") if row["content"] == "first after the import"]

    assert rows[0]["id"] > 5000
    await owner.ok("delete_message", rows[0]["id"])
    assert fresh_target.owner_token


async def test_nobody_imports_where_somebody_has_registered(
    fresh_target: Target, fresh_schema: Schema, owner: Client
) -> None:
    person = await Client.open(fresh_target, fresh_schema)
    await person.ok("register_user", "first-comer", None, False)
    await person.close()

    assert await owner.refused("begin_import") == ("Somebody is registered here already: import into a fresh database.")
