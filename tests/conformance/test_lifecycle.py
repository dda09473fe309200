"""What is there at first, who is online, and who may not call what the module keeps for itself."""

import pytest

from agent_spaces.sats import Identity
from conformance.people import People, fresh, say
from conformance.raw import RefusedError, Target


async def test_init_makes_the_hub_its_channels_the_owner_and_the_system(people: People, target: Target) -> None:
    owner = await people.owner()
    [deployment] = await owner.query("SELECT * FROM deployment")
    hub = await owner.one("SELECT * FROM server WHERE id = 1")
    channels = await owner.query("SELECT * FROM channel WHERE server_id = 1")
    heads = await owner.query("SELECT * FROM channel_head WHERE server_id = 1")
    system = await owner.one(f"SELECT * FROM user_profile WHERE identity = 0x{deployment['system'].hex()}")
    profile = await owner.one(f"SELECT * FROM user_profile WHERE identity = {owner.hex}")
    role = await owner.one(f"SELECT * FROM server_member WHERE server_id = 1 AND identity = {owner.hex}")
    identity = await target.http("GET", f"database/{target.database}/identity")

    assert (hub["name"], hub["owner"], hub["invite_only"]) == ("Spaces Hub", owner.identity, False)
    assert [(c["name"], c["channel_type"], c["position"], c["agent_streak_max"]) for c in by_id(channels)] == [
        ("general", "text", 0, 100),
        ("agent-logs", "agentLog", 1, 0),
        ("system", "announcement", 2, 100),
    ]
    assert {head["channel_id"] for head in heads} == {channel["id"] for channel in channels}
    assert (profile["username"], profile["is_agent"]) == (f"owner-{owner.identity.hex()[-8:]}", False)
    assert (system["username"], system["is_agent"]) == ("system", True)
    assert deployment["system"] == Identity.from_hex(identity.text)
    assert (role["role"], deployment["owner"], deployment["import_open"]) == ("owner", owner.identity, False)


def by_id(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return sorted(rows, key=lambda row: str(row["id"]).zfill(20))


async def test_who_has_several_connections_is_online_until_the_last_one_ends(people: People) -> None:
    watcher, person = await people.person(), await people.person()
    second = await people.visitor(person.token)
    seen = await watcher.subscribe(f"SELECT * FROM user_presence WHERE identity = {person.hex}")
    [online] = seen.rows("user_presence")
    await person.close()
    third = await people.visitor(person.token)
    await third.ok("set_presence", True, "two are left")
    await watcher.until(lambda: [row for row in seen.rows("user_presence") if row["status_text"] == "two are left"])
    offline_seen = [row for delta in seen.log for row in delta.inserts if not row["online"]]
    await second.close()
    await third.close()
    [gone] = await watcher.until(lambda: [row for row in seen.rows("user_presence") if not row["online"]])

    assert online["online"]
    assert offline_seen == []
    assert gone["last_seen"] >= online["last_seen"]
    assert gone["status_text"] == "two are left"


async def test_a_heartbeat_says_so_and_the_next_connection_comes_online_again(people: People) -> None:
    person = await people.person()
    await person.ok("set_presence", False, "busy")
    own = f"SELECT * FROM user_presence WHERE identity = {person.hex}"
    away = await person.one(own)
    await people.visitor(person.token)
    back = await person.one(own)

    assert (away["online"], away["status_text"]) == (False, "busy")
    assert (back["online"], back["status_text"]) == (True, "busy")


async def test_a_visitor_sees_what_everybody_sees_and_may_only_register(people: People) -> None:
    server, general, owner, _ = await people.community()
    await say(owner, general["id"], "for members")
    visitor = await people.visitor()

    assert await visitor.query(f"SELECT * FROM server WHERE id = {server['id']}")
    assert await visitor.query(f"SELECT * FROM channel WHERE id = {general['id']}") == []
    assert await visitor.query(f"SELECT * FROM user_presence WHERE identity = {visitor.hex}") == []
    register = "Register first: call register_user."
    assert await visitor.refused("join_server", server["id"]) == register
    assert await visitor.refused("create_server", "", None, None) == register
    await visitor.ok("register_user", fresh("visitor"), None, False)
    assert (await visitor.one(f"SELECT * FROM user_presence WHERE identity = {visitor.hex}"))["online"]
    assert await visitor.query(f"SELECT * FROM server_member WHERE identity = {visitor.hex} AND server_id = 1")


async def test_a_call_over_http_connects_and_disconnects(people: People, target: Target) -> None:
    """So an identity without other connections is offline afterwards, and keeps its other ones otherwise."""
    person = await people.person()
    answer = await target.call(person.token, "set_presence", True, {"some": "by http"})
    still = await person.one(f"SELECT * FROM user_presence WHERE identity = {person.hex}")
    await person.close()
    watcher = await people.person()
    seen = await watcher.subscribe(f"SELECT * FROM user_presence WHERE identity = {person.hex}")
    await watcher.until(lambda: [row for row in seen.rows("user_presence") if not row["online"]])
    await target.call(person.token, "set_presence", True, {"some": "alone"})
    [row] = await watcher.until(lambda: [row for row in seen.rows("user_presence") if row["status_text"] == "alone"])
    await watcher.until(lambda: [row for row in seen.rows("user_presence") if not row["online"]])

    assert answer.status_code == 200
    assert (still["online"], still["status_text"]) == (True, "by http")
    assert row


@pytest.mark.parametrize(
    ("reducer", "text"),
    [
        ("no_such_reducer", "no such reducer"),
        ("sendMessage", "no such reducer"),
        ("init", "can't directly call special Init lifecycle reducer"),
        ("client_connected", "can't directly call special OnConnect lifecycle reducer"),
        ("client_disconnected", "can't directly call special OnDisconnect lifecycle reducer"),
    ],
)
async def test_nobody_calls_what_is_not_there_or_runs_by_itself(people: People, reducer: str, text: str) -> None:
    for client in (await people.visitor(), await people.owner()):
        assert (await client.call_raw(reducer, b"")).failed == text


async def test_only_the_scheduler_runs_timers(people: People) -> None:
    timer = bytes(8) + b"\1" + bytes(8) + b"\0" + bytes(8)
    visitor, owner = await people.visitor(), await people.owner()

    assert (await visitor.call_raw("run_timer", timer)).failed == "no such reducer"
    assert await owner.query("SELECT * FROM timer") is not None
    outcome = await owner.call_raw("run_timer", timer)
    assert outcome.refused == "Only the scheduler calls run_timer." or outcome.failed == "no such reducer"


async def test_arguments_that_do_not_fit_are_named_and_bytes_behind_them_ignored(people: People) -> None:
    person = await people.person()
    prefix = "invalid arguments for reducer"
    short = await person.call_raw("join_server", b"")
    text = await person.call_raw("revoke_invite", b"\2\0\0\0\xff\xff")
    tag = await person.call_raw("send_message", bytes(8) + b"\1\0\0\0x\x09")
    behind = await person.call_raw("ack", bytes(4) + b"more")

    assert short.failed == f"{prefix} join_server: data too short for u64: Expected 8, given 0"
    assert text.failed == f"{prefix} revoke_invite: invalid utf8"
    assert (tag.failed or "").startswith(f"{prefix} send_message: unknown tag 0x9 for sum type")
    assert (behind.refused, behind.failed) == (None, None)


async def test_who_reconnects_is_the_same_and_finds_what_was_said_meanwhile(people: People) -> None:
    _, general, owner, [member] = await people.community()
    text = f"SELECT * FROM message WHERE channel_id = {general['id']}"
    await say(owner, general["id"], "before")
    before = await member.subscribe(text)
    await member.close()
    await say(owner, general["id"], "meanwhile")
    back = await people.visitor(member.token)
    after = await back.subscribe(text)

    assert back.identity == member.identity
    assert {row["id"] for row in before.rows("message")} < {row["id"] for row in after.rows("message")}
    assert "meanwhile" in [row["content"] for row in after.rows("message")]
    with pytest.raises(RefusedError):
        await back.ok("join_server", 0)
