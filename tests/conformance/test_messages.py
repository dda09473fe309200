"""Channels, threads, messages and what hangs on them: contract sections 4.4, 4.5 and 2."""

from conformance.people import People, fresh, say
from conformance.raw import Client, Row


def in_channel(table: str, channel: Row) -> str:
    return f"SELECT * FROM {table} WHERE channel_id = {channel['id']}"


async def event(client: Client, channel_id: int, content: str) -> str:
    return await client.refused("send_message", channel_id, content, "agentEvent", None, None, None, None)


async def test_seq_counts_without_a_hole_and_the_head_follows(people: People) -> None:
    _, general, owner, [member] = await people.community()
    head = await owner.one(in_channel("channel_head", general))
    first = await say(owner, general["id"], "one")
    await owner.ok("create_thread", general["id"], "aside", "two", None, None)
    await member.ok("send_message", general["id"], '{"event":"build.done"}', "agentEvent", None, None, None, None)
    await owner.ok("delete_message", first["id"])
    await member.refused("send_message", general["id"], "", "text", None, None, None, None)
    rows = sorted(await owner.query(in_channel("message", general)), key=lambda row: row["seq"])
    after = await owner.one(in_channel("channel_head", general))

    assert [row["seq"] for row in rows][-2:] == [head["last_seq"] + 2, head["last_seq"] + 3]
    assert (after["last_seq"], after["last_text_seq"]) == (head["last_seq"] + 3, head["last_seq"] + 2)
    assert after["last_message_id"] == rows[-1]["id"]
    assert (rows[-1]["message_type"], rows[-1]["server_id"]) == ("agentEvent", general["server_id"])
    assert rows[-2]["thread_id"] is not None


async def test_a_client_key_makes_a_call_happen_once(people: People) -> None:
    _, general, owner, [member] = await people.community()
    arguments = (general["id"], "only once", "text", None, None, "key-1", None)
    await owner.ok("send_message", *arguments)
    again = await owner.ok("send_message", *arguments)
    await member.ok("send_message", *arguments)
    found = [row for row in await owner.query(in_channel("message", general)) if row["content"] == "only once"]
    [key] = await owner.query("SELECT * FROM idempotency_key")

    assert again.deltas == []
    assert {row["sender"] for row in found} == {owner.identity, member.identity}
    assert (key["client_key"], key["action"], len(key["digest"])) == ("key-1", "send_message", 32)
    assert key["ref_id"] in [row["id"] for row in found]
    assert await owner.refused("send_message", general["id"], "other", "text", None, None, "key-1", None) == (
        "This client key was used for another call."
    )


async def test_editing_keeps_what_was_said_before(people: People) -> None:
    _, general, owner, [member] = await people.community()
    said = await say(member, general["id"], "first")
    seen = await owner.subscribe(in_channel("message", general), in_channel("message_edit", general))
    await member.ok("edit_message", said["id"], "second")
    await owner.until(lambda: seen.seen("message_edit"))
    [edited] = [row for delta in seen.seen("message") for row in delta.inserts]
    [kept] = seen.rows("message_edit")

    assert (edited["content"], edited["edited_at"] is not None, edited["seq"]) == ("second", True, said["seq"])
    assert (kept["content"], kept["message_id"]) == ("first", said["id"])
    assert await owner.refused("edit_message", said["id"], "x") == "Only its sender may edit a message."


async def test_deleting_takes_along_what_hangs_on_a_message(people: People) -> None:
    _, general, owner, [member, other] = await people.community(members=2)
    said = await say(member, general["id"], "soon gone")
    await say(owner, general["id"], "a reply", reply_to=said["id"])
    await member.ok("edit_message", said["id"], "soon gone!")
    await other.ok("add_reaction", said["id"], "+1")
    await owner.ok("pin_message", said["id"])
    tables = ("reaction", "message_edit", "channel_pin")
    seen = await other.subscribe(*(in_channel(table, general) for table in tables))
    assert all(seen.rows(table) for table in tables)
    assert await other.refused("delete_message", said["id"]) == (
        "Only its sender, moderators, admins and the owner may delete this message."
    )
    await owner.ok("delete_message", said["id"])
    await other.until(lambda: not any(seen.rows(table) for table in tables))
    entry = [row for row in await owner.query(in_channel("audit_entry", general)) if row["action"] == "message.deleted"]

    assert [(row["object_id"], row["seq"], row["subject"]) for row in entry] == [
        (said["id"], said["seq"], member.identity)
    ]
    assert await other.refused("add_reaction", said["id"], "+1") == f"There is no message {said['id']}."


async def test_reactions_and_pins_are_what_one_asked_for_however_often(people: People) -> None:
    _, general, owner, [member] = await people.community()
    said = await say(member, general["id"], "react")
    for _ in range(2):
        await member.ok("add_reaction", said["id"], "👍🏽")
        await owner.ok("pin_message", said["id"])
    [reaction] = await owner.query(in_channel("reaction", general))
    [pin] = await owner.query(in_channel("channel_pin", general))
    pinned = [r for r in await owner.query(in_channel("message", general)) if r["message_type"] == "system"]
    await owner.ok("remove_reaction", said["id"], "👍🏽")
    assert await owner.query(in_channel("reaction", general)) == [reaction]
    await member.ok("remove_reaction", said["id"], "👍🏽")
    await owner.ok("unpin_message", said["id"])

    assert (reaction["emoji"], reaction["identity"]) == ("👍🏽", member.identity)
    assert (pin["message_id"], pin["pinned_by"]) == (said["id"], owner.identity)
    assert [row["reply_to_id"] for row in pinned] == [said["id"]]
    assert await owner.query(in_channel("reaction", general)) == await owner.query(in_channel("channel_pin", general))
    assert await member.refused("pin_message", said["id"]) == "Only moderators, admins and the owner may do this."


async def test_threads_are_archived_by_their_creator_or_moderators(people: People) -> None:
    _, general, owner, [creator, other] = await people.community(members=2)
    await creator.ok("create_thread", general["id"], "plan", "first", None, None)
    [thread] = await owner.query(in_channel("thread", general))
    assert await other.refused("archive_thread", thread["id"]) == (
        "Only its creator, moderators, admins and the owner may change this thread."
    )
    await creator.ok("update_thread", thread["id"], "plan b")
    await creator.ok("archive_thread", thread["id"])
    archived = "This thread is archived."
    assert await owner.refused("send_message", general["id"], "x", "text", thread["id"], None, None, None) == archived
    await owner.ok("unarchive_thread", thread["id"])
    said = await say(other, general["id"], "inside", thread=thread["id"])
    [now] = await owner.query(in_channel("thread", general))

    assert (now["name"], now["archived"], now["last_message_at"]) == ("plan b", False, said["created_at"])


async def test_channels_say_who_may_post_what(people: People) -> None:
    server, general, owner, [member] = await people.community()
    news = await people.channel(owner, server["id"], "announcement")
    voice = await people.channel(owner, server["id"], "voice")
    agents = await people.channel(owner, server["id"], "agentLog")

    async def refusal(channel: Row) -> str:
        return await member.refused("send_message", channel["id"], "x", "text", None, None, None, None)

    assert await refusal(news) == "Only admins and the owner may post in announcement channels."
    assert await refusal(voice) == "Voice channels carry no text."
    await say(owner, news["id"], "news")
    await say(member, agents["id"], "text is fine here")
    assert agents["agent_streak_max"] == 0
    assert await owner.refused("create_channel", server["id"], general["name"].upper(), "text", None) == (
        "This server has a channel of this name already."
    )
    assert await member.refused("create_channel", server["id"], "x", "text", None) == (
        "Only admins and the owner may do this."
    )
    await owner.ok("update_channel", news["id"], "old-news", "a topic", 7, 3)
    changed = await member.one(f"SELECT * FROM channel WHERE id = {news['id']}")
    assert (changed["name"], changed["topic"], changed["position"], changed["agent_streak_max"]) == (
        "old-news",
        "a topic",
        7,
        3,
    )
    gone = await member.subscribe(in_channel("message", news))
    await owner.ok("delete_channel", news["id"])
    assert await refusal(news) == f"There is no channel {news['id']}."
    await member.until(lambda: not gone.rows("message"))


async def test_events_are_json_objects_that_name_their_event(people: People) -> None:
    _, general, _, [member] = await people.community()
    at = general["id"]
    no_object = "The message is not a JSON object."
    rule = "The event must be words of a-z, 0-9 and _ joined by single dots, of at most 64 characters."

    for content in ("[]", "{", '{"event":"a"} x', '"event"', "{'event':'a'}", '{"event":"a\\ud800"}'):
        assert await event(member, at, content) == no_object, content
    for content in (
        "{}",
        '{"event":7}',
        '{"event":"A"}',
        '{"event":"a..b"}',
        '{"event":"_a"}',
        f'{{"event":"{"a" * 65}"}}',
    ):
        assert await event(member, at, content) == rule, content
    for prefix in ("task.", "vote.", "knowledge.", "member.", "server."):
        assert await event(member, at, f'{{"event":"{prefix}x"}}') == f"Events named {prefix}* are made by the system."
    nested = '{"a":' * 31 + "{}" + "}" * 31
    assert await event(member, at, nested) == rule
    assert await event(member, at, '{"a":' + nested + "}") == no_object
    await member.ok(
        "send_message", at, '{"event":"x","event":"build.done","n":1e999}', "agentEvent", None, None, None, None
    )
    for kind in ("system", "join", "leave"):
        assert await member.refused("send_message", at, "x", kind, None, None, None, None) == (
            "Only the system sends messages of this type."
        )


async def test_mentions_and_replies_wait_in_the_inbox_until_acknowledged(people: People) -> None:
    _, general, owner, [member, blocker] = await people.community(members=2)
    names = {}
    for client in (owner, member, blocker):
        names[client] = (await client.one(f"SELECT * FROM user_profile WHERE identity = {client.hex}"))["username"]
    await blocker.ok("block_user", owner.identity)
    inbox = await member.subscribe("SELECT * FROM inbox_item")
    said = await say(member, general["id"], "a question")
    text = f"hey @{names[member].upper()}. and @{names[blocker]} and x@{names[member]} @nobody-{fresh('x')}"
    mention = await say(owner, general["id"], text, reply_to=said["id"])
    reply = await say(owner, general["id"], "also this", reply_to=said["id"])
    await member.until(lambda: len(inbox.rows("inbox_item")) == 2)
    items = sorted(inbox.rows("inbox_item"), key=lambda row: row["id"])

    assert [(row["kind"], row["message_id"], row["seq"]) for row in items] == [
        ("mention", mention["id"], mention["seq"]),
        ("reply", reply["id"], reply["seq"]),
    ]
    assert {(row["title"], row["body"], row["sender"]) for row in items} == {(general["name"], "", owner.identity)}
    assert await blocker.query("SELECT * FROM inbox_item") == []
    await owner.ok("ack", [row["id"] for row in items])
    assert len(await member.query("SELECT * FROM inbox_item")) == 2
    await member.ok("ack", [row["id"] for row in items])
    assert inbox.rows("inbox_item") == []


async def test_agents_stop_after_a_row_of_their_own_until_a_person_speaks(people: People) -> None:
    server, general, owner, [member] = await people.community()
    agent = await people.agent()
    await agent.ok("join_server", server["id"])
    await owner.ok("update_channel", general["id"], None, None, None, 2)
    for n in range(2):
        await say(agent, general["id"], f"agent {n}")
    assert await agent.refused("send_message", general["id"], "x", "text", None, None, None, None) == (
        "Agents have sent 2 messages here in a row; a person's message or 10 quiet minutes will reset this."
    )
    await agent.ok("send_message", general["id"], '{"event":"still.allowed"}', "agentEvent", None, None, None, None)
    await say(member, general["id"], "go on")
    await say(agent, general["id"], "thanks")
    assert (await owner.one(in_channel("channel_head", general)))["agent_streak"] == 1


async def test_read_states_go_forward_only_and_are_ones_own(people: People) -> None:
    _, general, owner, [member] = await people.community()
    said = [await say(owner, general["id"], f"m{n}") for n in range(3)]
    await member.ok("mark_channel_read", general["id"], said[1]["id"])
    await member.ok("mark_channel_read", general["id"], said[0]["id"])
    [state] = await member.query("SELECT * FROM channel_read_state")
    assert (state["last_read_msg_id"], state["last_read_seq"]) == (said[1]["id"], said[1]["seq"])
    await member.ok("mark_channel_read", general["id"], 0)
    [state] = await member.query("SELECT * FROM channel_read_state")
    assert state["last_read_seq"] == said[2]["seq"]
    assert await owner.query("SELECT * FROM channel_read_state") == []


async def test_typing_reaches_members_once_and_is_never_stored(people: People) -> None:
    server, general, owner, [member] = await people.community()
    visitor = await people.person()
    seen = [await client.subscribe("SELECT * FROM typing_indicator") for client in (member, visitor)]
    await owner.ok("start_typing", general["id"])
    await member.until(lambda: seen[0].log)
    await visitor.told_all(owner)

    [delta] = seen[0].log
    assert [(row["channel_id"], row["identity"], row["server_id"]) for row in delta.events] == [
        (general["id"], owner.identity, server["id"])
    ]
    assert seen[1].log == []
    assert await member.query("SELECT * FROM typing_indicator") == []
