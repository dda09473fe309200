"""Tasks, votes and knowledge, with their events and their clocks: contract section 7."""

import json
from typing import Any

from agent_spaces.sats import ZERO_IDENTITY
from conformance.people import People, say
from conformance.raw import Client, Row


async def submit(client: Client, channel: Row, title: str = "a task", **given: Any) -> Row:
    arguments = {"thread": None, "parent": 0, "body": "", "skill": "", "target": None, "failures": 3} | given
    await client.ok(
        "submit_task",
        channel["id"],
        arguments["thread"],
        arguments["parent"],
        title,
        arguments["body"],
        arguments["skill"],
        arguments["target"],
        arguments["failures"],
        None,
        None,
    )
    rows = await client.query(f"SELECT * FROM task WHERE channel_id = {channel['id']}")
    return max(rows, key=lambda row: row["id"])


async def task(client: Client, task_id: int) -> Row:
    return await client.one(f"SELECT * FROM task WHERE id = {task_id}")


async def events(client: Client, channel: Row, prefix: str) -> list[dict[str, Any]]:
    rows = await client.query(f"SELECT * FROM message WHERE channel_id = {channel['id']}")
    said = [row["content"] for row in sorted(rows, key=lambda r: r["seq"]) if row["message_type"] == "agentEvent"]
    return [event for event in map(json.loads, said) if event["event"].startswith(prefix)]


async def test_a_task_goes_from_hand_to_hand_with_its_fencing_token(people: People) -> None:
    server, general, owner, _ = await people.community()
    worker, other = await people.agent("python"), await people.agent("rust")
    for agent in (worker, other):
        await agent.ok("join_server", server["id"])
    made = await submit(owner, general, "write code", skill="python", body="the body")
    number = made["id"]
    assert (made["state"], made["phase"], made["attempt"], made["assignee"]) == ("submitted", 0, 0, ZERO_IDENTITY)

    assert await other.refused("claim_task", number, 60) == "Your card does not have the skill python."
    await worker.ok("claim_task", number, 60)
    name = (await owner.one(f"SELECT * FROM user_profile WHERE identity = {worker.hex}"))["username"]
    assert await owner.refused("claim_task", number, 60) == f"Task {number} is held by {name} (attempt 1)."
    await worker.ok("claim_task", number, 60)
    assert await worker.refused("renew_task", number, 1, 60, None) == (
        f"Task {number} is not yours any more (working, attempt 2)."
    )
    await worker.ok("renew_task", number, 2, 60, "half way")
    await worker.ok("request_input", number, 2, "which one?", True)
    assert (await task(owner, number))["phase"] == 2
    assert await other.refused("provide_input", number, "this") == (
        "Only its creator, moderators, admins and the owner may do this to a task."
    )
    await owner.ok("provide_input", number, "that one")
    await worker.ok("complete_task", number, 2, "done")
    await worker.ok("complete_task", number, 2, "done")
    final = await task(owner, number)
    text = await owner.one(f"SELECT * FROM task_text WHERE task_id = {number}")
    items = await owner.query("SELECT * FROM inbox_item")
    kinds = [row["kind"] for row in sorted(items, key=lambda row: row["id"])]

    assert (final["state"], final["phase"], final["attempt"], final["failures"]) == ("completed", 3, 2, 0)
    assert (text["body"], text["input"], text["input_by"], text["result"]) == (
        "the body",
        "that one",
        owner.identity,
        "done",
    )
    assert kinds == ["taskInputRequired", "taskFinished"]
    assert await events(owner, general, "task.") == [
        {
            "event": "task.submitted",
            "task": number,
            "title": "write code",
            "skill": "python",
            "target": None,
            "parent": None,
        },
        {"event": "task.claimed", "task": number, "attempt": 1},
        {"event": "task.claimed", "task": number, "attempt": 2},
        {"event": "task.progressed", "task": number, "attempt": 2, "note": "half way"},
        {"event": "task.input_required", "task": number, "attempt": 2, "prompt": "which one?"},
        {"event": "task.input_provided", "task": number, "attempt": 2},
        {"event": "task.completed", "task": number, "attempt": 2},
    ]
    assert (await owner.one(f"SELECT * FROM channel_head WHERE channel_id = {general['id']}"))["open_tasks"] == 0


async def test_events_are_written_to_the_byte(people: People) -> None:
    _, general, owner, _ = await people.community()
    made = await submit(owner, general, 'say "hü" \\ 🦀')
    rows = await owner.query(f"SELECT * FROM message WHERE channel_id = {general['id']}")
    content = max(rows, key=lambda row: row["seq"])["content"]

    assert content == (
        f'{{"event":"task.submitted","task":{made["id"]},"title":"say \\"hü\\" \\\\ 🦀","skill":null,"target":null,'
        '"parent":null}'
    )


async def test_a_lease_runs_out_and_the_last_failure_ends_the_task(people: People) -> None:
    _, general, owner, [worker] = await people.community()
    made = await submit(owner, general, failures=1)
    seen = await owner.subscribe(f"SELECT * FROM task WHERE id = {made['id']}")
    await worker.ok("claim_task", made["id"], 1)
    [ended] = await owner.until(lambda: [row for row in seen.rows("task") if row["state"] == "failed"])
    assert (ended["phase"], ended["failures"]) == (3, 1)
    assert (await events(owner, general, "task.lease"))[0] == {
        "event": "task.lease_expired",
        "task": made["id"],
        "attempt": 1,
        "final": True,
    }
    again = await submit(owner, general, failures=2)
    seen = await owner.subscribe(f"SELECT * FROM task WHERE id = {again['id']}")
    await worker.ok("claim_task", again["id"], 1)
    [waiting] = await owner.until(lambda: [row for row in seen.rows("task") if row["failures"] == 1])
    assert (waiting["state"], waiting["phase"], waiting["assignee"]) == ("submitted", 0, worker.identity)
    await worker.ok("complete_task", again["id"], 1, "late but before any successor")
    assert (await task(owner, again["id"]))["state"] == "completed"


async def test_offers_releases_failures_and_cancellations(people: People) -> None:
    _, general, owner, [worker, other] = await people.community(members=2)
    offered = await submit(owner, general, target=worker.identity)
    assert [row["kind"] for row in await worker.query("SELECT * FROM inbox_item")] == ["taskOffered"]
    assert await other.refused("reject_task", offered["id"], "no") == ("Only whom a task is offered to may reject it.")
    await worker.ok("reject_task", offered["id"], "no time")
    assert (await task(owner, offered["id"]))["note"] == "no time"
    assert await worker.refused("claim_task", offered["id"], 60) == f"Task {offered['id']} is rejected."

    made = await submit(owner, general)
    await worker.ok("claim_task", made["id"], 60)
    await worker.ok("release_task", made["id"], 1)
    released = await task(owner, made["id"])
    assert (released["phase"], released["failures"], released["assignee"]) == (0, 0, ZERO_IDENTITY)
    await other.ok("claim_task", made["id"], 60)
    await other.ok("fail_task", made["id"], 2, "broken")
    failed = await task(owner, made["id"])
    assert (failed["state"], failed["failures"], failed["note"]) == ("submitted", 1, "broken")
    await owner.ok("cancel_task", made["id"])
    assert (await task(owner, made["id"]))["state"] == "canceled"
    await owner.ok("cancel_task", made["id"])
    assert await owner.refused("cancel_task", offered["id"]) == f"Task {offered['id']} is rejected."


async def open_vote(client: Client, channel: Row, options: list[str], seconds: int = 600, quorum: int = 1) -> Row:
    await client.ok("open_vote", channel["id"], "which?", options, "members", quorum, seconds, None)
    rows = await client.query(f"SELECT * FROM vote WHERE channel_id = {channel['id']}")
    return max(rows, key=lambda row: row["id"])


async def test_a_vote_closes_with_the_last_ballot(people: People) -> None:
    _, general, owner, [member] = await people.community()
    vote = await open_vote(owner, general, ["a", "b"], quorum=2)
    assert (vote["electors"], vote["tally"], vote["outcome"]) == (2, [], None)
    await member.ok("cast_ballot", vote["id"], 0)
    await member.ok("cast_ballot", vote["id"], 1)
    assert await owner.refused("cast_ballot", vote["id"], 2) == "The options of this vote are 0 to 1."
    assert [row["choice"] for row in await member.query("SELECT * FROM ballot")] == [1]
    assert await owner.query("SELECT * FROM ballot") == []
    late = await people.person()
    await late.ok("join_server", general["server_id"])
    assert await late.refused("cast_ballot", vote["id"], 0) == "You are not an elector of this vote."
    await owner.ok("cast_ballot", vote["id"], 1)
    closed = await owner.one(f"SELECT * FROM vote WHERE id = {vote['id']}")

    assert (closed["closed"], closed["ballots"], closed["tally"], closed["outcome"]) == (True, 2, [0, 2], 1)
    assert await member.refused("cast_ballot", vote["id"], 0) == f"Vote {vote['id']} is closed."
    assert (await events(owner, general, "vote."))[-1] == {
        "event": "vote.closed",
        "vote": vote["id"],
        "outcome": 1,
        "ballots": 2,
        "electors": 2,
        "tally": [0, 2],
    }


async def test_a_vote_closes_by_the_clock_and_can_be_canceled(people: People) -> None:
    _, general, owner, [member] = await people.community()
    timed = await open_vote(owner, general, ["a", "b"], seconds=1, quorum=2)
    await member.ok("cast_ballot", timed["id"], 0)
    seen = await member.subscribe(f"SELECT * FROM vote WHERE id = {timed['id']}")
    [closed] = await member.until(lambda: [row for row in seen.rows("vote") if row["closed"]])
    assert (closed["tally"], closed["outcome"]) == ([1, 0], None)
    other = await open_vote(member, general, ["a", "b"])
    await owner.ok("cancel_vote", other["id"])
    canceled = await owner.one(f"SELECT * FROM vote WHERE id = {other['id']}")
    assert (canceled["closed"], canceled["tally"], canceled["outcome"]) == (True, [], None)
    assert await owner.refused("open_vote", general["id"], "q?", ["a", "a"], "members", 1, 60, None) == (
        "An option stands twice in this vote."
    )
    assert await owner.refused("open_vote", general["id"], "q?", ["a", "b"], "agents", 1, 60, None) == (
        "The quorum of 1 is more than the number of electors (0)."
    )


async def test_knowledge_has_one_current_row_a_key(people: People) -> None:
    _, general, owner, [author, other] = await people.community(members=2)
    source = await say(author, general["id"], "I saw it")
    where = f"SELECT * FROM knowledge WHERE channel_id = {general['id']}"

    async def publish(client: Client, body: str, supersedes: int, kind: str = "observation") -> str | None:
        arguments = (general["id"], "host/name", body, kind, source["id"], supersedes, None)
        return (await client.call("publish_knowledge", *arguments)).refused

    assert await publish(author, "one", 0) is None
    [first] = await owner.query(where)
    assert await publish(other, "two", 0) == f"The current row of this key is {first['id']}."
    assert await author.refused("verify_knowledge", first["id"]) == "You cannot verify what you published yourself."
    await other.ok("verify_knowledge", first["id"])
    assert await publish(author, "two", first["id"]) is None
    rows = sorted(await owner.query(where), key=lambda row: row["id"])
    assert [(row["body"], row["superseded_by"], row["verified_by"]) for row in rows] == [
        ("one", rows[1]["id"], other.identity),
        ("two", 0, None),
    ]
    assert await publish(author, "must", rows[1]["id"], "directive") == (
        "Only persons who are moderators, admins or the owner may publish directives."
    )
    await author.ok("retract_knowledge", rows[1]["id"])
    assert await other.refused("verify_knowledge", rows[1]["id"]) == f"Knowledge {rows[1]['id']} is not current."
    assert [event["event"] for event in await events(owner, general, "knowledge.")] == [
        "knowledge.published",
        "knowledge.verified",
        "knowledge.published",
        "knowledge.retracted",
    ]
