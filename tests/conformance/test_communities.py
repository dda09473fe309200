"""Users, servers, roles, invites, mutes and bans: contract sections 4.2, 4.3, 4.7 and 6."""

from conformance.people import People, fresh, say
from conformance.raw import Client, Row


async def member(client: Client, server_id: int, of: Client) -> Row | None:
    rows = await client.query(f"SELECT * FROM server_member WHERE server_id = {server_id} AND identity = {of.hex}")
    return rows[0] if rows else None


async def role(client: Client, server_id: int, of: Client) -> str | None:
    row = await member(client, server_id, of)
    return None if row is None else str(row["role"])


async def last_in(client: Client, channel_id: int) -> tuple[str, str]:
    rows = await client.query(f"SELECT * FROM message WHERE channel_id = {channel_id}")
    newest = max(rows, key=lambda row: row["seq"])
    return newest["message_type"], newest["content"]


async def actions(client: Client, server_id: int) -> list[str]:
    rows = await client.query(f"SELECT * FROM audit_entry WHERE server_id = {server_id}")
    return [row["action"] for row in sorted(rows, key=lambda row: row["id"])]


async def name_of(client: Client) -> str:
    return str((await client.one(f"SELECT * FROM user_profile WHERE identity = {client.hex}"))["username"])


async def test_names_stay_with_their_identity_and_agents_stay_agents(people: People) -> None:
    person, other = await people.person(), await people.person()
    first, second = await name_of(person), fresh("renamed")
    await person.ok("register_user", second, "A Name", False)
    assert await other.refused("register_user", first, None, False) == f"The username {first} is taken."
    assert await other.refused("update_profile", second, None, None, None) == f"The username {second} is taken."
    await person.ok("update_profile", first, "", "https://example.org/a.png", "about me")
    profile = await person.one(f"SELECT * FROM user_profile WHERE identity = {person.hex}")
    assert (profile["username"], profile["display_name"], profile["bio"]) == (first, None, "about me")
    await person.ok("register_user", first, None, True)
    assert await role(person, 1, person) == "agent"
    assert await person.refused("register_user", first, None, False) == "An agent cannot become a person again."
    assert await person.refused("create_server", "mine", None, None) == "Agents cannot create servers."
    await people.server(other)
    assert await other.refused("register_user", second[:5] + first[5:], None, True) == "Transfer your servers first."
    assert await other.refused("set_agent_card", "x", [], None) == "Only agents have a card."


async def test_joining_and_leaving_is_told_in_the_home_channel(people: People) -> None:
    server, general, owner, [joined] = await people.community()
    agent = await people.agent()
    name = await name_of(joined)
    assert await last_in(owner, general["id"]) == ("join", f"{name} joined")
    assert await role(owner, server["id"], joined) == "member"
    unchanged = await joined.ok("join_server", server["id"])
    assert unchanged.deltas == []
    await agent.ok("join_server", server["id"])
    assert await role(owner, server["id"], agent) == "agent"
    await joined.ok("leave_server", server["id"])
    assert await last_in(owner, general["id"]) == ("leave", f"{name} left")
    assert await joined.refused("leave_server", server["id"]) == "You are not a member of this server."
    assert await owner.refused("leave_server", server["id"]) == (
        "The owner cannot leave: transfer or delete the server first."
    )
    assert await joined.refused("join_server", 10**12) == f"There is no server {10**12}."


async def test_roles_go_by_rank(people: People) -> None:
    server, _, owner, [admin, moderator, plain] = await people.community(members=3)
    agent = await people.agent()
    await agent.ok("join_server", server["id"])
    at = server["id"]
    await owner.ok("set_member_role", at, admin.identity, "admin")
    await admin.ok("set_member_role", at, moderator.identity, "moderator")

    assert await role(plain, at, moderator) == "moderator"
    assert await admin.refused("set_member_role", at, plain.identity, "admin") == (
        "You can only give roles below your own."
    )
    assert await moderator.refused("set_member_role", at, plain.identity, "member") == (
        "Only admins and the owner may do this."
    )
    assert await admin.refused("set_member_role", at, owner.identity, "member") == (
        "You can do this only to members whose role is below yours."
    )
    assert await owner.refused("set_member_role", at, admin.identity, "owner") == (
        "Call transfer_ownership to make somebody the owner."
    )
    assert await owner.refused("set_member_role", at, owner.identity, "member") == "You cannot change your own role."
    assert await owner.refused("set_member_role", at, agent.identity, "member") == (
        "The role of an agent is always Agent."
    )
    assert await owner.refused("set_member_role", at, plain.identity, "agent") == "A person cannot have the role Agent."
    assert await actions(plain, at) == ["member.role", "member.role"]


async def test_who_is_removed_or_banned_is_told_and_a_ban_keeps_them_out(people: People) -> None:
    server, general, owner, [plain, other] = await people.community(members=2)
    at = server["id"]
    told = await plain.subscribe("SELECT * FROM system_notification")
    name = await name_of(plain)
    assert await other.refused("remove_member", at, plain.identity, None) == "Only admins and the owner may do this."
    await owner.ok("remove_member", at, plain.identity, "a reason")
    await plain.until(lambda: told.log)
    [event] = told.log[0].events
    assert (event["kind"], event["title"], event["body"]) == (
        "removed",
        f"You were removed from {server['name']}",
        "a reason",
    )
    assert await last_in(owner, general["id"]) == ("leave", f"{name} was removed")
    [notice] = await plain.query("SELECT * FROM inbox_item WHERE identity = :sender")
    assert (notice["kind"], notice["title"], notice["server_id"]) == ("notice", event["title"], at)
    await plain.ok("join_server", at)
    await owner.ok("ban_member", at, plain.identity, None)
    assert await plain.refused("join_server", at) == "You are banned from this server."
    await owner.ok("unban_member", at, plain.identity)
    await plain.ok("join_server", at)
    assert await actions(owner, at) == ["member.removed", "member.banned", "member.unbanned"]


async def test_who_is_muted_stays_silent_until_unmuted(people: People) -> None:
    server, general, owner, [plain] = await people.community()
    mine = await say(plain, general["id"], "still allowed")
    await owner.ok("mute_member", server["id"], plain.identity, 3600, "too loud")
    muted = "You are muted in this server."

    assert await plain.refused("send_message", general["id"], "x", "text", None, None, None, None) == muted
    assert await plain.refused("edit_message", mine["id"], "x") == muted
    assert await plain.refused("add_reaction", mine["id"], "+1") == muted
    assert await plain.refused("start_typing", general["id"]) == muted
    assert await plain.refused("create_thread", general["id"], "t", None, None, None) == muted
    await plain.ok("delete_message", mine["id"])
    [row] = await plain.query(f"SELECT * FROM server_mute WHERE server_id = {server['id']}")
    assert (row["identity"], row["reason"], row["muted_by"]) == (plain.identity, "too loud", owner.identity)
    await owner.ok("unmute_member", server["id"], plain.identity)
    await say(plain, general["id"], "again")
    assert await owner.refused("mute_member", server["id"], plain.identity, 0, None) == (
        "A mute must last 1 second to 365 days."
    )


async def test_invites_are_the_way_into_a_closed_server(people: People) -> None:
    server, _, owner, [plain] = await people.community()
    guest, late = await people.person(), await people.person()
    at, code = server["id"], fresh("an-invite-code-of-some-length")
    await owner.ok("set_invite_only", at, True)
    assert await guest.refused("join_server", at) == "This server can only be joined with an invite."
    assert await plain.refused("create_invite", at, code, 1, None, None) == (
        "Only moderators, admins and the owner may do this."
    )
    await owner.ok("create_invite", at, code, 1, None, None)
    assert await owner.refused("create_invite", at, code, 1, None, None) == "This invite code is taken."
    await plain.ok("redeem_invite", code)
    await guest.ok("redeem_invite", code)
    assert await late.refused("redeem_invite", code) == "This invite is not valid."
    assert await role(owner, at, guest) == "member"
    other = fresh("another-invite-code-of-length")
    await owner.ok("create_invite", at, other, 1000, 3600, None)
    assert await guest.refused("revoke_invite", other) == "You have no invite with this code."
    await owner.ok("revoke_invite", other)
    assert await late.refused("redeem_invite", other) == "This invite is not valid."


async def test_ownership_passes_to_an_admin_and_a_server_can_be_deleted(people: People) -> None:
    server, general, owner, [heir] = await people.community()
    at = server["id"]
    told = await heir.subscribe("SELECT * FROM system_notification WHERE target = :sender")
    assert await owner.refused("transfer_ownership", at, heir.identity) == (
        "The new owner must be a person who is an admin of this server."
    )
    await owner.ok("set_member_role", at, heir.identity, "admin")
    await owner.ok("transfer_ownership", at, heir.identity)
    await heir.until(lambda: len(told.log) == 2)
    assert [event["title"] for delta in told.log for event in delta.events] == [
        f"Your role in {server['name']} is now Admin",
        f"Your role in {server['name']} is now Owner",
    ]
    assert await last_in(heir, general["id"]) == ("system", f"{await name_of(heir)} is now the owner")
    assert (await heir.one(f"SELECT * FROM server WHERE id = {at}"))["owner"] == heir.identity
    assert (await role(heir, at, owner), await role(heir, at, heir)) == ("admin", "owner")

    rest = await heir.subscribe(f"SELECT * FROM server_member WHERE server_id = {at}")
    assert await owner.refused("delete_server", at) == "Only the owner may do this."
    await heir.ok("delete_server", at)
    assert await heir.query(f"SELECT * FROM server WHERE id = {at}") == []
    assert await heir.refused("send_message", general["id"], "x", "text", None, None, None, None) == (
        f"There is no channel {general['id']}."
    )
    await heir.until(lambda: not rest.rows("server_member"))


async def test_the_hub_stays_and_notifications_reach_their_target(people: People) -> None:
    owner, person = await people.owner(), await people.person()
    told = await person.subscribe("SELECT * FROM system_notification")
    assert await owner.refused("delete_server", 1) == "The Hub cannot be deleted."
    assert await person.refused("notify", owner.identity, 1, "t", "b") == "Only admins and the owner may do this."
    await owner.ok("notify", person.identity, 1, "a title", "a body")
    await person.until(lambda: told.log)
    [event] = told.log[0].events
    assert (event["kind"], event["title"], event["body"], event["sender"], event["server_id"]) == (
        "admin",
        "a title",
        "a body",
        owner.identity,
        1,
    )
    [notice] = [row for row in await person.query("SELECT * FROM inbox_item") if row["title"] == "a title"]
    await person.ok("ack", [notice["id"], 10**15])
    assert await person.query(f"SELECT * FROM inbox_item WHERE id = {notice['id']}") == []


async def test_sixty_calls_a_minute_are_enough(people: People) -> None:
    """The budget counts calls that change something, and no others; registering was the first."""
    person, other = await people.person(), await people.person()
    for _ in range(3):
        await person.refused("join_server", 0)
    for _ in range(59):
        await person.ok("block_user", other.identity)
        await person.ok("block_user", other.identity)
        await person.ok("unblock_user", other.identity)

    assert await person.refused("block_user", other.identity) == "Too many calls; try again in a minute."
    assert await person.query("SELECT * FROM user_block") == []
