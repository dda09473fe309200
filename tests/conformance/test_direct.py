"""Direct messages: contract section 4.6."""

from conformance.people import People
from conformance.raw import Client, Row


async def conversation(a: Client, b: Client) -> Row:
    await a.ok("start_dm", b.identity)
    rows = await a.query("SELECT * FROM direct_conversation")
    [row] = [row for row in rows if {row["participant_a"], row["participant_b"]} == {a.identity, b.identity}]
    return row


async def test_two_talk_and_nobody_else_hears(people: People) -> None:
    a, b, third = await people.person(), await people.person(), await people.person()
    talk = await conversation(a, b)
    again = await conversation(b, a)
    seen = [await client.subscribe("SELECT * FROM direct_message") for client in (a, b, third)]
    await a.ok("send_dm", talk["id"], "psst", None, None, None)
    await b.until(lambda: seen[1].log)
    await third.told_all(a)
    [message] = seen[1].rows("direct_message")

    assert again["id"] == talk["id"]
    assert talk["participant_a"].hex() < talk["participant_b"].hex()
    assert talk["starter"] == a.identity
    assert (message["content"], message["seq"], message["sender"], message["recipient"], message["read"]) == (
        "psst",
        1,
        a.identity,
        b.identity,
        False,
    )
    assert seen[0].rows("direct_message") == [message]
    assert seen[2].log == []
    assert await third.query(f"SELECT * FROM direct_conversation WHERE id = {talk['id']}") == []
    assert await third.refused("send_dm", talk["id"], "me too", None, None, None) == (
        f"There is no conversation {talk['id']}."
    )


async def test_read_marks_are_the_readers(people: People) -> None:
    a, b = await people.person(), await people.person()
    talk = await conversation(a, b)
    for n in range(3):
        await a.ok("send_dm", talk["id"], f"m{n}", None, None, None)
    await b.ok("mark_dm_read", talk["id"], 2)
    rows = sorted(await a.query("SELECT * FROM direct_message"), key=lambda row: row["seq"])
    assert [row["read"] for row in rows] == [True, True, False]
    await b.ok("mark_dm_read", talk["id"], None)
    assert all(row["read"] for row in await a.query("SELECT * FROM direct_message"))
    now = await a.one(f"SELECT * FROM direct_conversation WHERE id = {talk['id']}")
    assert {now["read_seq_a"], now["read_seq_b"]} == {0, 3}


async def test_who_is_blocked_cannot_write_and_edits_are_the_senders(people: People) -> None:
    a, b, c = await people.person(), await people.person(), await people.person()
    talk = await conversation(a, b)
    await a.ok("send_dm", talk["id"], "before", None, None, None)
    [said] = await a.query("SELECT * FROM direct_message")
    assert await b.refused("edit_dm", said["id"], "x") == "Only its sender may edit a message."
    await a.ok("edit_dm", said["id"], "after")
    await b.ok("block_user", a.identity)
    await b.ok("block_user", c.identity)

    assert await a.refused("send_dm", talk["id"], "x", None, None, None) == "You cannot write to this person."
    assert await c.refused("start_dm", b.identity) == "You cannot write to this person."
    assert await a.refused("start_dm", a.identity) == "You cannot start a conversation with yourself."
    assert await b.refused("block_user", b.identity) == "You cannot block yourself."
    [edited] = await b.query("SELECT * FROM direct_message")
    assert (edited["content"], edited["edited_at"] is not None) == ("after", True)
    await a.ok("delete_dm", said["id"])
    assert await b.query("SELECT * FROM direct_message") == []
