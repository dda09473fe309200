"""Subscriptions and queries: snapshots, changes, overlaps, endings, and the words of refusals."""

import json
from pathlib import Path
from typing import Any

import pytest

from conformance.people import People, fresh, say
from conformance.raw import Client, RefusedError

TEXTS = json.loads((Path(__file__).parents[2] / "vectors" / "conformance" / "queries.json").read_text())


def labels(form: str) -> list[Any]:
    return [pytest.param(entry, id=entry["label"]) for entry in TEXTS[form]]


@pytest.fixture
async def visitor(people: People) -> Client:
    return await people.visitor()


@pytest.mark.parametrize("entry", labels("subscription"))
async def test_a_subscription_is_taken_or_refused_as_a_real_host_does(visitor: Client, entry: dict[str, Any]) -> None:
    """A refusal leaves the connection and its other sets as they are."""
    kept = await visitor.subscribe("SELECT * FROM server WHERE id = 1")
    if entry["error"] is None:
        await visitor.subscribe(entry["sql"])
        return
    with pytest.raises(RefusedError) as refusal:
        await visitor.subscribe("SELECT * FROM server WHERE id = 1", entry["sql"])

    assert str(refusal.value) == f"{entry['error']}, executing: `{entry['sql']}`"
    assert list(visitor.sets) == [kept.number]


@pytest.mark.parametrize("entry", labels("one_off"))
async def test_a_one_off_query_is_answered_or_refused_as_a_real_host_does(
    visitor: Client, entry: dict[str, Any]
) -> None:
    if entry["error"] is None:
        await visitor.query(entry["sql"])
        return
    with pytest.raises(RefusedError) as refusal:
        await visitor.query(entry["sql"])

    assert str(refusal.value) == entry["error"]


async def test_one_entry_a_query_none_for_a_table_without_rows_and_equal_texts_once(people: People) -> None:
    server, general, owner, _ = await people.community()
    where = f"WHERE id = {server['id']}"
    overlapping = await owner.subscribe(
        f"SELECT * FROM server {where}",
        f"SELECT * FROM server {where}",
        f"select * from server {where}",
        "SELECT * FROM server WHERE id = 0",
    )
    events = await owner.subscribe("SELECT * FROM typing_indicator", "SELECT * FROM system_notification")
    nothing = await owner.subscribe()

    assert sorted(len(rows) for _, rows in overlapping.entries) == [0, 1, 1]
    assert overlapping.rows("server") == [server]
    assert (events.entries, nothing.entries) == ([], [])
    assert general["server_id"] == server["id"]


async def test_the_callers_update_is_in_its_result_and_everybody_elses_comes_once(people: People) -> None:
    _, general, owner, [member] = await people.community()
    text = f"SELECT * FROM message WHERE channel_id = {general['id']}"
    mine, theirs = await owner.subscribe(text), await member.subscribe(text)
    outcome = await owner.ok("send_message", general["id"], "hello", "text", None, None, None, None)
    await member.until(lambda: theirs.seen("message"))
    await owner.told_all(member)

    [delta] = outcome.deltas
    [seen] = theirs.seen("message")
    assert ([row["content"] for row in delta.inserts], delta.deletes) == (["hello"], [])
    assert (seen.inserts, seen.deletes) == (delta.inserts, [])
    assert mine.seen("message") == [delta]
    assert delta.inserts[0]["created_at"] == outcome.timestamp


async def test_another_connection_of_the_same_identity_is_told_as_anybody_else(people: People) -> None:
    person = await people.person()
    other = await people.visitor(person.token)
    seen = await other.subscribe(f"SELECT * FROM user_profile WHERE identity = {person.hex}")
    await person.ok("update_profile", None, "Another Name", None, None)
    await other.until(lambda: seen.seen("user_profile"))

    [delta] = seen.seen("user_profile")
    assert [row["display_name"] for row in delta.deletes] == [None]
    assert [row["display_name"] for row in delta.inserts] == ["Another Name"]


async def test_overlapping_queries_and_sets_report_each_for_itself(people: People) -> None:
    person = await people.person()
    text = f"SELECT * FROM user_profile WHERE identity = {person.hex}"
    both = await person.subscribe(text, f"{text} AND is_agent = false")
    again = await person.subscribe(text)
    await person.ok("update_profile", None, "Seen Thrice", None, None)

    [changed] = both.seen("user_profile")
    assert [row["display_name"] for row in changed.inserts] == ["Seen Thrice", "Seen Thrice"]
    assert len(both.rows("user_profile")) == len(again.rows("user_profile")) == 1


async def test_what_changes_nothing_tells_nobody(people: People) -> None:
    _, general, owner, [member] = await people.community()
    seen = await member.subscribe("SELECT * FROM server_member", f"SELECT * FROM channel WHERE id = {general['id']}")
    unchanged = await owner.ok("update_channel", general["id"], None, None, None, None)
    await member.told_all(owner)

    assert unchanged.deltas == []
    assert seen.log == []


async def test_a_live_number_is_refused_and_its_set_lives_on(people: People) -> None:
    person = await people.person()
    text = f"SELECT * FROM user_profile WHERE identity = {person.hex}"
    first = await person.subscribe_as(4000, text)
    with pytest.raises(
        RefusedError, match=r"^Subscription with id QuerySetId \{ id: 4000 \} already exists for client"
    ):
        await person.subscribe_as(4000, text)
    await person.ok("update_profile", None, "Still Told", None, None)
    assert [row["display_name"] for row in first.rows("user_profile")] == ["Still Told"]

    dropped = await person.unsubscribe(4000, rows=True)
    again = await person.subscribe_as(4000, text)
    assert dropped == again.entries


async def test_unsubscribing_gives_rows_only_if_they_are_asked_for_and_ends_the_changes(people: People) -> None:
    person = await people.person()
    text = f"SELECT * FROM user_profile WHERE identity = {person.hex}"
    with_rows, without, empty = [await person.subscribe(q) for q in (text, text, "SELECT * FROM typing_indicator")]

    dropped = await person.unsubscribe(with_rows.number, rows=True)
    assert dropped == with_rows.entries
    assert await person.unsubscribe(without.number, rows=False) is None
    assert await person.unsubscribe(empty.number, rows=True) == []
    outcome = await person.ok("update_profile", None, "Nobody Looks", None, None)
    assert outcome.deltas == []
    for number in (with_rows.number, 77_777):
        with pytest.raises(RefusedError, match=r"^Subscription not found: "):
            await person.unsubscribe(number, rows=True)


async def test_a_snapshot_holds_what_was_and_changes_what_comes(people: People) -> None:
    """Somebody who joins a busy channel sees each message once: in the snapshot, or as a change."""
    _, general, owner, [member] = await people.community()
    said = [await say(owner, general["id"], f"before {n}") for n in range(3)]
    seen = await member.subscribe(
        f"SELECT * FROM message WHERE channel_id = {general['id']} AND seq > {said[0]['seq']}"
    )
    said.append(await say(owner, general["id"], "after"))
    await member.until(lambda: seen.seen("message"))

    assert sorted(row["seq"] for row in seen.rows("message")) == [row["seq"] for row in said[1:]]
    assert [row["content"] for delta in seen.log for row in delta.inserts] == ["after"]


async def test_every_public_table_can_be_subscribed_in_one_set_by_everybody(people: People) -> None:
    """As the SDKs' subscribe-to-all-tables does; event tables have no entry."""
    server, general, _, [member] = await people.community()
    for client in (member, await people.visitor(), await people.owner()):
        everything = await client.subscribe(*(f"SELECT * FROM {name}" for name in client.schema.public))
        star = await client.subscribe("SELECT * FROM *")

        tables = [table for table, _ in everything.entries]
        assert len(tables) == len(set(tables))
        assert not {"typing_indicator", "system_notification", "timer", "deployment"} & set(tables)
        assert {"server", "user_profile"} <= {table for table, _ in star.entries}
    assert server["id"] in [row["id"] for row in everything.rows("server")]
    assert general


async def test_a_private_table_is_the_owners_alone(people: People) -> None:
    owner = await people.owner()

    assert len(await owner.query("SELECT * FROM deployment")) == 1
    assert (await owner.subscribe("SELECT * FROM username_claim")).rows("username_claim")


async def test_joins_give_a_row_as_often_as_it_finds_partners(people: People) -> None:
    server, _, owner, _ = await people.community(members=2)
    join = f"SELECT s.* FROM server s JOIN server_member m ON s.id = m.server_id WHERE s.id = {server['id']}"
    seen = await owner.subscribe(join)

    assert len(await owner.query(join)) == 3
    assert [len(rows) for _, rows in seen.entries] == [3]
    await owner.ok("update_server", server["id"], fresh("renamed"), None, None)
    assert len(seen.rows("server")) == 1


async def test_quoted_names_aliases_and_reserved_words(people: People) -> None:
    server, general, owner, _ = await people.community()
    one = f'SELECT "c".* FROM "channel" "c" WHERE "c"."position" = 0 AND ("c"."server_id" = {server["id"]})'

    assert await owner.query(one) == [general]
    assert (await owner.subscribe(one)).rows("channel") == [general]
    assert await owner.query(f"SELECT * FROM user_profile WHERE identity = {owner.hex} AND identity = :sender")
    with pytest.raises(RefusedError, match=r"^sql parser error: "):
        await owner.query("SELECT * FROM channel WHERE position = 0")
