"""Who sees which rows, in snapshots, changes, queries and SQL alike: contract section 5.

The scenarios are those that a SpacetimeDB 2.8.3 host was put through with these filters.
"""

import json

import pytest

from conformance.people import People, fresh, say
from conformance.raw import Client, RefusedError, Row, Target

OF_MEMBERS = (
    "channel",
    "channel_head",
    "thread",
    "message",
    "message_edit",
    "reaction",
    "channel_pin",
    "server_mute",
    "server_ban",
    "audit_entry",
    "task",
    "task_text",
    "vote",
    "knowledge",
)


async def lived_in(people: People) -> tuple[Row, Row, Client, Client]:
    """Return a server with rows in every table of members, its channel, its owner and a member."""
    server, general, owner, [member, loud, banned] = await people.community(members=3)
    at, channel = server["id"], general["id"]
    said = await say(member, channel, "hello")
    await member.ok("edit_message", said["id"], "hello!")
    await owner.ok("add_reaction", said["id"], "+1")
    await owner.ok("pin_message", said["id"])
    await owner.ok("create_thread", channel, "aside", None, None, None)
    await owner.ok("mute_member", at, loud.identity, None, None)
    await owner.ok("ban_member", at, banned.identity, None)
    await owner.ok("submit_task", channel, None, 0, "a task", "its body", "", None, 3, None, None)
    await owner.ok("open_vote", channel, "which?", ["a", "b"], "members", 1, 600, None)
    await owner.ok("publish_knowledge", channel, "key", "body", "observation", said["id"], 0, None)
    return server, general, owner, member


async def test_rows_of_a_server_are_its_members_alone(people: People, target: Target) -> None:
    server, _, _, member = await lived_in(people)
    stranger = await people.person()
    counted = {}
    for table in OF_MEMBERS:
        text = f"SELECT * FROM {table} WHERE server_id = {server['id']}"
        counted[table] = len(await member.query(text))
        assert len((await member.subscribe(text)).rows(table)) == counted[table]
        assert await stranger.query(text) == []
        assert (await stranger.subscribe(text)).rows(table) == []
        for client, count in ((member, counted[table]), (stranger, 0)):
            answer = (await target.sql(client.token, text)).json()[0]
            assert len(answer["rows"]) == count, table
        answer = await target.sql(stranger.token, f"SELECT COUNT(*) AS n FROM {table} WHERE server_id = {server['id']}")
        assert answer.json()[0]["rows"] == [[0]]

    assert min(counted.values()) > 0, counted


async def test_who_leaves_gets_deletes_and_who_comes_back_inserts(people: People) -> None:
    """In one transaction with the leaving; what is said in it is not seen by who leaves."""
    server, _, owner, member = await lived_in(people)
    at = server["id"]
    seen = await member.subscribe(*(f"SELECT * FROM {table} WHERE server_id = {at}" for table in OF_MEMBERS))
    before = {table: seen.rows(table) for table in OF_MEMBERS}
    gone = await member.ok("leave_server", at)
    left = {delta.table: (len(delta.inserts), len(delta.deletes)) for delta in gone.deltas}
    silent = await say(owner, (await owner.query(f"SELECT * FROM channel WHERE server_id = {at}"))[0]["id"], "unheard")
    await member.told_all(owner)
    heard = len(seen.log)

    assert all(before.values())
    assert all(left[table][1] >= len(before[table]) for table in OF_MEMBERS)
    assert not any(seen.rows(table) for table in OF_MEMBERS)
    assert heard == len(gone.deltas)
    back = await member.ok("join_server", at)
    assert {delta.table for delta in back.deltas} == set(OF_MEMBERS)
    assert silent["id"] in [row["id"] for row in seen.rows("message")]
    assert [row["content"] for row in seen.rows("message") if row["message_type"] == "leave"]


async def test_who_is_removed_by_another_gets_deletes_too(people: People) -> None:
    server, general, owner, [member, other] = await people.community(members=2)
    seen = await member.subscribe(f"SELECT * FROM message WHERE channel_id = {general['id']}")
    theirs = await other.subscribe(f"SELECT * FROM message WHERE channel_id = {general['id']}")
    await owner.ok("remove_member", server["id"], member.identity, None)
    await member.until(lambda: not seen.rows("message"))
    await other.until(lambda: theirs.log)

    assert [row["message_type"] for delta in theirs.log for row in delta.inserts] == ["leave"]
    assert not any(row["message_type"] == "leave" for delta in seen.log for row in delta.inserts)


async def test_what_is_ones_own_is_seen_by_nobody_else(people: People) -> None:
    server, general, owner, [member] = await people.community()
    code = fresh("an-invite-code-of-some-length")
    await owner.ok("create_invite", server["id"], code, 1, None, None)
    await member.ok("block_user", owner.identity)
    await member.ok("mark_channel_read", general["id"], 0)
    await say(member, general["id"], "with a key")
    await owner.ok("notify", member.identity, server["id"], "title", "body")
    await owner.ok("open_vote", general["id"], "q?", ["a", "b"], "members", 2, 600, None)
    vote = await owner.one(f"SELECT * FROM vote WHERE channel_id = {general['id']}")
    await member.ok("cast_ballot", vote["id"], 0)
    tables = ("user_block", "channel_read_state", "idempotency_key", "inbox_item", "ballot")

    assert {table: len(await member.query(f"SELECT * FROM {table}")) for table in tables} == dict.fromkeys(tables, 1)
    assert {table: len(await owner.query(f"SELECT * FROM {table}")) for table in tables} == dict.fromkeys(tables, 0)
    assert [row["code"] for row in await owner.query("SELECT * FROM server_invite")] == [code]
    assert await member.query("SELECT * FROM server_invite") == []
    admin = await people.owner()
    assert code in [row["code"] for row in await admin.query("SELECT * FROM server_invite")]


async def test_names_members_and_presences_are_everybodys(people: People) -> None:
    server, _, owner, [member] = await people.community()
    agent, visitor = await people.agent("python"), await people.visitor()

    assert len(await visitor.query(f"SELECT * FROM server_member WHERE server_id = {server['id']}")) == 2
    for client in (owner, member, agent):
        assert len(await visitor.query(f"SELECT * FROM user_profile WHERE identity = {client.hex}")) == 1
        assert len(await visitor.query(f"SELECT * FROM user_presence WHERE identity = {client.hex}")) == 1
    [card] = await visitor.query(f"SELECT * FROM agent_card WHERE identity = {agent.hex}")
    assert card["skills"] == ["python"]


async def test_a_private_table_does_not_exist_for_anybody_but_the_owner(people: People, target: Target) -> None:
    person = await people.person()
    for table in ("user_connection", "username_claim", "identity_state", "timer", "deployment"):
        text = f"no such table: `{table}`. If the table exists, it may be marked private."
        with pytest.raises(RefusedError) as refusal:
            await person.query(f"SELECT * FROM {table}")
        assert str(refusal.value) == text
        answer = await target.sql(person.token, f"SELECT * FROM {table}")
        assert (answer.status_code, answer.text) == (400, text)
        assert (await target.sql(target.owner_token, f"SELECT * FROM {table}")).status_code == 200


async def test_a_join_of_ones_own_on_a_filtered_table_is_refused_in_subscriptions_only(people: People) -> None:
    server, general, _, [member] = await people.community()
    join = (
        "SELECT m.* FROM message m JOIN server_member s ON m.server_id = s.server_id "
        f"WHERE s.identity = {member.hex} AND m.channel_id = {general['id']}"
    )
    with pytest.raises(
        RefusedError, match=r"^(Invalid number of tables in subscription: 3|Subscriptions require indexes)"
    ):
        await member.subscribe(join)
    assert {row["channel_id"] for row in await member.query(join)} == {general["id"]}
    assert server


async def test_deltas_are_judged_for_each_listener(people: People) -> None:
    """One message: its server's members hear it whatever their WHERE, other servers' members never do."""
    _, general, owner, [member] = await people.community()
    _, elsewhere, outsider, _ = await people.community()
    queries = ("SELECT * FROM message", f"SELECT * FROM message WHERE channel_id = {general['id']}")
    inside = [await member.subscribe(query) for query in queries]
    outside = [await outsider.subscribe(query) for query in queries]
    said = await say(owner, general["id"], "inside")
    await member.until(lambda: all(said["id"] in [r["id"] for r in s.rows("message")] for s in inside))
    await outsider.told_all(owner)

    assert not any(row["id"] == said["id"] for seen in outside for row in seen.rows("message"))
    assert not any(seen.log for seen in outside)
    assert json.dumps(elsewhere["id"])


async def test_the_owner_of_the_database_is_exempt(people: People) -> None:
    server, _, _, _ = await lived_in(people)
    owner = await people.owner()
    seen = await owner.subscribe(*(f"SELECT * FROM {table} WHERE server_id = {server['id']}" for table in OF_MEMBERS))

    assert all(seen.rows(table) for table in OF_MEMBERS)
