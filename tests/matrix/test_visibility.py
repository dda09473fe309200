"""Who sees which rows, through every door, against policy.py; the bytes are those that travel on a real socket."""

import json
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.types import MemberRole
from agent_spaces.sats.json import to_json
from agent_spaces.wire.messages import SubscriptionError
from matrix.policy import EVENT_TABLES, POLICY, PRIVATE_TABLES, PUBLIC_TABLES
from matrix.stage import JOINS, Stage, difference, staged
from matrix.world import CLUB, DEN, HUB, NAMES, private

pytestmark = pytest.mark.asyncio(loop_scope="module")
NO_TABLE = "no such table: `{}`. If the table exists, it may be marked private."
DOORS = (
    *("/v1/ping", "/v1/health", "/v1/metrics", "/v1/database/spaces", "/v1/database/spaces/names"),
    *("/v1/database/spaces/identity", "/v1/database/spaces/schema?version=9", "/v1/database/spaces/logs?follow=false"),
)
REFUSED = 530
LIVE_TABLES = ("user_connection", "st_client")  # every request has a row in them while it runs
STORED_TABLES = tuple(name for name in PUBLIC_TABLES if name not in EVENT_TABLES)
EVERYBODY_BUT_CHIEF = tuple(name for name in NAMES if name != "chief")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage() -> AsyncIterator[Stage]:
    """The world after it was made; what changes it stands in tests at the end of this file."""
    async with staged() as made:
        yield made


async def test_every_table_stands_in_the_policy() -> None:
    assert set(POLICY) == {*SPACES.tables, "st_client"}


async def test_the_model_agrees_with_the_story(stage: Stage) -> None:
    assert stage.model.members == {
        HUB: {*NAMES} - {"rita", "stan", "vic"},
        CLUB: {"alice", "adam", "mona", "bob", "bot", "max", "carol", "rita"},
        DEN: {"dora", "drew"},
    }


async def test_the_world_has_rows_to_see_and_rows_to_hide(stage: Stage) -> None:
    """Guards the tests below: every table has rows, and where there is a rule somebody is left out."""
    for table in STORED_TABLES:
        seen = {who: sum(stage.model.expected(table, who).values()) for who in NAMES}
        assert seen["chief"] > 0, table
        if POLICY[table] != ("everyone",):
            assert any(0 < number < seen["chief"] for number in seen.values()), table
            assert seen["vic"] == 0, table


async def test_deltas(stage: Stage) -> None:
    """Who listened from the beginning has exactly the rows that the policy gives; that includes people who left."""
    assert await stage.wrong_rows() == []
    assert stage.wrong_events() == []


async def test_snapshots(stage: Stage) -> None:
    for who in NAMES:
        client = await stage.listen(who)
        wrong = [
            line
            for number, table in enumerate(PUBLIC_TABLES)
            for line in difference(
                f"{who}, {table}",
                client.held[number],
                Counter() if table in EVENT_TABLES else stage.model.expected(table, who),
            )
        ]
        await client.close()
        stage.answers[who] += client.bodies
        assert wrong == []


async def test_one_off_queries(stage: Stage) -> None:
    wrong = []
    for who, client in stage.viewers.items():
        for table in STORED_TABLES:
            rows = await client.query(f"SELECT * FROM {table}")
            assert isinstance(rows, Counter)
            wrong += difference(f"{who}, {table}", rows, stage.model.expected(table, who))
        for name, (text, _) in JOINS.items():
            rows = await client.query(text)
            assert isinstance(rows, Counter), rows
            wrong += difference(f"{who}, {name}", rows, stage.joined(name, who))
    assert wrong == []


async def test_sql_over_http(stage: Stage) -> None:
    wrong = []
    for who in ("chief", "alice", "bob", "max", "dan", "eve", "stan", "vic"):
        for table in PUBLIC_TABLES:
            answer = await stage.sql(who, f"SELECT * FROM {table}")
            counted = await stage.sql(who, f"SELECT COUNT(*) AS n FROM {table}")
            rows = [] if table in EVENT_TABLES else stage.world.database.tables.by_name[table].rows.values()
            row_class = SPACES.tables[table].row_class
            expected = Counter(
                json.dumps(to_json(row_class, row, "row")) for row in rows if who in stage.model.viewers(table, row)
            )
            assert answer.status_code == 200, answer.text
            got = Counter(json.dumps(row) for row in answer.json()[0]["rows"])
            if got != expected or counted.json()[0]["rows"] != [[expected.total()]]:
                wrong.append(f"{who}, {table}: {got.total()} instead of {expected.total()}, count {counted.text[-90:]}")
        for name, (text, _) in JOINS.items():
            if (got_rows := len((await stage.sql(who, text)).json()[0]["rows"])) != stage.joined(name, who).total():
                wrong.append(f"{who}, {name}: {got_rows}")
    assert wrong == []


@pytest.mark.parametrize("table", PRIVATE_TABLES)
async def test_private_tables_do_not_exist_for_others(stage: Stage, table: str) -> None:
    """One text for a table that is private and for one that is not there."""
    for who in (*EVERYBODY_BUT_CHIEF[:2], "stan", "vic"):
        client = stage.viewers[who]
        for name in (table, "no_table_at_all"):
            text = f"SELECT * FROM {name}"
            refused = await client.subscribe(5000, text)
            assert isinstance(refused, SubscriptionError)
            assert refused.error == f"{NO_TABLE.format(name)}, executing: `{text}`"
            assert await client.query(text) == NO_TABLE.format(name)
            answer = await stage.sql(who, text)
            assert (answer.status_code, answer.text) == (400, NO_TABLE.format(name))
    join = f"SELECT p.* FROM user_profile p JOIN {table} t ON p.identity = t.identity"
    answer = await stage.sql("stan", join)
    assert (answer.status_code, answer.text) == (400, NO_TABLE.format(table))


@pytest.mark.parametrize("table", PRIVATE_TABLES)
async def test_the_owner_of_the_database_reads_private_tables(stage: Stage, table: str) -> None:
    rows = await stage.viewers["chief"].query(f"SELECT * FROM {table}")
    assert isinstance(rows, Counter), rows
    assert rows == stage.model.expected(table, "chief")
    answer = await stage.sql("chief", f"SELECT * FROM {table}")
    assert len(answer.json()[0]["rows"]) == rows.total() + (table in LIVE_TABLES)


async def test_nobody_else_writes_by_sql(stage: Stage) -> None:
    before = stage.world.database.tx_offset
    writes = ("DELETE FROM message", "UPDATE server SET name = 'x'", "DELETE FROM user_block WHERE id = 1")
    for who in ("alice", "stan", "vic"):
        for text in writes:
            answer = await stage.sql(who, text)
            assert answer.status_code == 400
            assert answer.text.endswith("is not authorized to run SQL DML statements"), answer.text
        answer = await stage.sql(who, "DELETE FROM username_claim")
        assert (answer.status_code, answer.text) == (400, NO_TABLE.format("username_claim"))
    connects_and_disconnects = 2 * 3 * (len(writes) + 1)
    assert stage.world.database.tx_offset == before + connects_and_disconnects


async def test_a_rule_with_a_membership_takes_the_second_table_of_a_subscription(stage: Stage) -> None:
    """As on SpacetimeDB 2.8.3: such joins are for one-off queries, and for the database's owner."""
    for name, tables in (("members who are banned", 3), ("pinned messages", 4)):
        text = JOINS[name][0]
        refused = await stage.viewers["alice"].subscribe(5000, text)
        assert isinstance(refused, SubscriptionError)
        assert refused.error == f"Invalid number of tables in subscription: {tables}, executing: `{text}`"


async def checked(stage: Stage, step: str) -> None:
    assert await stage.wrong_rows() == [], step
    assert stage.wrong_events() == [], step


async def test_memberships_won_and_lost_while_subscribed(stage: Stage) -> None:
    """After every step everybody holds what the policy gives: rows come with a right, and are deleted with it."""
    world, ids = stage.world, stage.world.identities
    stan = stage.viewers["stan"]
    messages = PUBLIC_TABLES.index("message")
    steps: list[tuple[str, tuple[object, ...]]] = [
        ("stan", ("join_server", CLUB)),
        ("alice", ("start_typing", world.channels["club"])),
        ("dora", ("start_typing", world.channels["den"])),
        ("stan", ("leave_server", CLUB)),
        ("alice", ("start_typing", world.channels["club"])),
        ("alice", ("remove_member", CLUB, ids["bob"], private("reason"))),
        ("eve", ("redeem_invite", world.things["invite"]["mona"])),
        ("alice", ("unban_member", CLUB, ids["dan"])),
        ("dan", ("join_server", CLUB)),
        ("carol", ("edit_dm", world.things["dm to"]["bob"], private("to-bob"))),
        ("alice", ("set_member_role", CLUB, ids["mona"], MemberRole.MEMBER)),
        ("alice", ("notify", ids["dan"], CLUB, private("title"), private("body"))),
        ("alice", ("transfer_ownership", CLUB, ids["adam"])),
        ("adam", ("ban_member", CLUB, ids["carol"], private("reason"))),
        ("max", ("delete_message", world.things["message"]["max"])),
        ("vic", ("register_user", "vic", None, False)),
    ]
    for who, (reducer, *args) in steps:
        await world.do(who, str(reducer), *args)
        await world.send("alice", "club", private("club-said"))
        await world.send("dora", "den", private("den-said"))
        if reducer == "join_server" and who == "stan":
            assert (await stage.wrong_rows(), stan.held[messages].total() > 100) == ([], True)
        await checked(stage, f"{who} calls {reducer}")
        if reducer == "leave_server":
            assert (+stan.held[messages]).total() == 0
    assert stage.model.members[CLUB] == {"alice", "adam", "mona", "bot", "max", "rita", "eve", "dan"}


async def test_deletions_take_what_hung_on_them_from_everybody(stage: Stage) -> None:
    world = stage.world
    await world.do("adam", "delete_channel", world.channels["club logs"])
    await checked(stage, "delete_channel")
    await world.do("dora", "delete_server", DEN)
    await checked(stage, "delete_server")
    for _ in range(20):
        stage.clock.advance(1)
        await world.database.run_due()
        await stage.settle()
    stage.model.members[DEN].clear()
    await checked(stage, "purge")
    rows = world.database.tables.by_name["message"].rows.values()
    assert {row.server_id for row in rows} == {HUB, CLUB} or {row.server_id for row in rows} == {CLUB}


async def test_the_other_doors_answer_and_tell_nothing_that_is_private(stage: Stage) -> None:
    """Every GET of the HTTP door, and what a call about each message of others is answered; scanned below."""
    messages = stage.world.database.tables.by_name["message"].rows.values()
    for who in EVERYBODY_BUT_CHIEF:
        headers = {"authorization": f"Bearer {stage.callers[who].token}"}
        asked = [await stage.http.get(path, headers=headers) for path in DOORS]
        for row in messages:
            path = f"/v1/database/spaces/call/{'edit_message' if row.id % 2 else 'delete_message'}"
            if who not in stage.model.viewers("message", row):
                body = [row.id, "other"] if row.id % 2 else [row.id]
                asked.append(await stage.http.post(path, json=body, headers=headers))
                assert asked[-1].status_code == REFUSED, asked[-1].text
        stage.answers[who] += [each.content + str(each.headers).encode() for each in asked]
        assert [each.status_code for each in asked[: len(DOORS)]] == [200] * (len(DOORS) - 1) + [403]
    assert messages


async def test_no_canary_reached_anybody_without_a_right(stage: Stage) -> None:
    """All bytes of all doors, of the tests above as well; and those with a right did get them."""
    await stage.settle()
    assert stage.leaks() == []
    for who in ("alice", "stan", "drew"):
        body = b"".join(stage.viewers[who].bodies)
        assert all(canary in body for canary in stage.model.allowed[who]), who
    assert stage.model.allowed["alice"] - stage.model.allowed["vic"]
