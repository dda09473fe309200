"""The HTTP routes, in the words and statuses that a SpacetimeDB 2.8.3 host answered with."""

import json
from typing import Any

import pytest

from conformance.people import People, fresh
from conformance.raw import Target

UNKNOWN = "c200" + "0" * 60


async def test_a_new_identity_comes_with_a_token_that_verifies(target: Target) -> None:
    made = (await target.http("POST", "identity")).json()
    other = (await target.http("POST", "identity")).json()
    path = f"identity/{made['identity']}/verify"
    short = await target.http("POST", "identity/websocket-token", made["token"])

    assert set(made) == {"identity", "token"}
    assert made["identity"].startswith("c200")
    assert (await target.http("GET", path, made["token"])).status_code == 204
    assert (await target.http("GET", path, other["token"])).status_code == 400
    assert (await target.http("GET", path)).text == "Authorization required"
    assert (await target.http("GET", path, made["token"][:-4] + "AAAA")).status_code == 401
    assert list(short.json()) == ["token"]
    assert (await target.http("GET", path, short.json()["token"])).status_code == 204
    assert (await target.http("POST", "identity/websocket-token")).status_code == 401


async def test_the_host_says_that_it_is_there(target: Target) -> None:
    ping, health = await target.http("GET", "ping"), await target.http("GET", "health")
    key = await target.http("GET", "identity/public-key")

    assert (ping.status_code, ping.content) == (200, b"")
    assert {"version", "schedulable", "nodes", "package_name"} <= set(health.json())
    assert key.text.startswith("-----BEGIN PUBLIC KEY-----")
    assert (await target.http("GET", "nope")).status_code == 404
    assert (await target.http("GET", "ping", "abc")).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "database/no-such-database", 404, "`no-such-database` not found"),
        ("GET", "database/no-such-database/names", 404, "`no-such-database` not found"),
        ("GET", "database/no-such-database/identity", 404, "`no-such-database` not found"),
        ("GET", "database/no-such-database/schema?version=9", 404, "`no-such-database` not found"),
        ("POST", "database/no-such-database/sql", 404, "`no-such-database` not found"),
        ("GET", f"database/{UNKNOWN}", 404, "No such database."),
        ("GET", "database/Not_A_Name", 400, "Invalid URL: invalid characters in database name"),
        ("GET", "database/{db}/schema", 400, "Failed to deserialize query string: missing field `version`"),
        ("GET", "database/{db}/schema?version=8", 400, "Failed to deserialize query string: unknown variant `8`"),
        ("POST", "database/{db}/sql", 400, "Empty SQL query"),
    ],
)
async def test_what_is_not_there(target: Target, method: str, path: str, status: int, text: str) -> None:
    answer = await target.http(method, path.format(db=target.database))

    assert (answer.status_code, answer.text[: len(text)]) == (status, text)


async def test_a_database_is_reached_by_name_and_by_identity(target: Target) -> None:
    identity = (await target.http("GET", f"database/{target.database}/identity")).text
    info = (await target.http("GET", f"database/{target.database}")).json()
    names = (await target.http("GET", f"database/{identity}/names")).json()

    assert info["database_identity"] == {"__identity__": f"0x{identity}"}
    assert info["host_type"] == {"Wasm": []}
    assert (await target.http("GET", f"database/0x{identity}")).json() == info
    assert target.database in names["names"]
    assert set(await _json(target, "unstable/timestamp")) == {"__timestamp_micros_since_unix_epoch__"}


async def _json(target: Target, path: str) -> Any:
    return (await target.http("GET", f"database/{target.database}/{path}")).json()


async def call(target: Target, token: str | None, reducer: str, body: str, **headers: str) -> tuple[int, str]:
    given = {"Content-Type": "application/json"} | headers
    path = f"database/{target.database}/call/{reducer}"
    answer = await target.http(
        "POST", path, token, content=body.encode(), headers={k: v for k, v in given.items() if v}
    )
    return answer.status_code, answer.text


async def test_arguments_come_as_arrays_or_objects(people: People, target: Target) -> None:
    person = await people.person()
    for body in (
        '["n1",{"none":[]},null]',
        '{"name":"n2","description":{"some":"d"},"icon_url":null}',
        '["n3",[0,"d"],[1,[]]]',
    ):
        assert await call(target, person.token, "create_server", body) == (200, "")
    rows = await person.query("SELECT * FROM server WHERE owner = :sender")

    assert sorted((row["name"], row["description"]) for row in rows) == [("n1", None), ("n2", "d"), ("n3", "d")]
    for enum in ('{"text":[]}', "[0,[]]", '{"0":[]}', '{"text":{}}', '["text",[]]'):
        body = f'[{10**12},"hi",{enum},null,null,null,null]'
        assert await call(target, person.token, "send_message", body) == (530, f"There is no channel {10**12}.")


@pytest.mark.parametrize(
    ("reducer", "body", "text"),
    [
        ("ack", "", ".: invalid arguments for function ack: .: .: EOF while parsing a value"),
        ("join_server", "[]", ".: invalid arguments for function join_server: .: .: invalid length 0, expected"),
        ("join_server", "[1,2]", ".: invalid arguments for function join_server: .: .: trailing characters"),
        ("join_server", '["x"]', '[0]: invalid arguments for function join_server: [0]: [0]: invalid type: string "x"'),
        ("join_server", '["1"]', '[0]: invalid arguments for function join_server: [0]: [0]: invalid type: string "1"'),
        (
            "join_server",
            "[1,",
            ".: invalid arguments for function join_server: .: .: ",
        ),
        (
            "join_server",
            '{"serverId":1}',
            "serverId: invalid arguments for function join_server: serverId: serverId: unknown",
        ),
        (
            "create_server",
            '["n","bare",null]',
            '[1]: invalid arguments for function create_server: [1]: [1]: invalid type: string "ba',
        ),
        (
            "send_message",
            '[1,"x",{"Text":[]},null,null,null,null]',
            "[2].Text: invalid arguments for function send_message",
        ),
        (
            "send_message",
            '[1,"x","text",null,null,null,null]',
            '[2]: invalid arguments for function send_message: [2]: [2]: invalid type: string "text',
        ),
        (
            "send_dm",
            '[1,"x",null,null]',
            (
                ".: invalid arguments for function send_dm: .: .: "
                "invalid length 4, expected reducer args for send_dm with 5 elements"
            ),
        ),
    ],
)
async def test_arguments_that_do_not_fit_are_told_with_their_path(
    target: Target, reducer: str, body: str, text: str
) -> None:
    status, said = await call(target, None, reducer, body)

    assert status == 400
    assert said.startswith(f"invalid arguments for reducer {reducer}: {text}"), said


async def test_outcomes_of_a_call(people: People, target: Target) -> None:
    person = await people.person()
    refused = "There is no server 0."

    assert await call(target, person.token, "join_server", "[0]") == (530, refused)
    assert await call(target, None, "join_server", "[0]") == (530, "Register first: call register_user.")
    assert await call(target, person.token, "no_such_reducer", "[]") == (404, "No such procedure")
    assert await call(target, person.token, "joinServer", "[0]") == (404, "No such procedure")
    assert await call(target, person.token, "init", "[]") == (400, "can't directly call special Init lifecycle reducer")
    assert await call(target, person.token, "run_timer", "[]") == (404, "No such procedure")
    missing = "Header of type `content-type` was missing"
    assert await call(target, person.token, "ack", "[[]]", **{"Content-Type": ""}) == (400, missing)
    assert (await call(target, person.token, "ack", "[[]]", **{"Content-Type": "text/plain"}))[0] == 415
    assert (await call(target, person.token, "ack", "[[]]", **{"Content-Type": "application/json; charset=utf-8"}))[
        0
    ] == 415
    assert await call(target, person.token, "ack", "[[]]", **{"Content-Type": "APPLICATION/JSON"}) == (200, "")


async def test_every_answer_says_who_one_is(people: People, target: Target) -> None:
    person = await people.person()
    known = await target.call(person.token, "ack", [])
    anonymous = await target.sql(None, "SELECT * FROM server WHERE id = 1")
    refused = await target.sql(None, "SELEC")

    assert known.headers["spacetime-identity"] == person.identity.hex()
    for answer in (anonymous, refused):
        assert answer.headers["spacetime-identity"].startswith("c200")
        assert answer.headers["spacetime-identity-token"].count(".") == 2
    again = await target.sql(anonymous.headers["spacetime-identity-token"], "SELECT * FROM server WHERE id = 1")
    assert again.headers["spacetime-identity"] == anonymous.headers["spacetime-identity"]


@pytest.mark.parametrize(
    ("token", "header", "status", "text"),
    [("abc", None, 401, "Invalid token: "), (None, "Basic abc", 400, "Authorization is invalid: malformed token")],
)
async def test_bad_tokens(target: Target, token: str | None, header: str | None, status: int, text: str) -> None:
    headers = {"Authorization": header} if header else {}
    answer = await target.http("GET", f"database/{target.database}/names", token, headers=headers)
    if header is None:
        answer = await target.http("POST", f"database/{target.database}/sql", token, content=b"SELECT 1")

    assert (answer.status_code, answer.text[: len(text)]) == (status, text)


async def test_sql_answers_rows_in_row_form_with_their_schema(people: People, target: Target) -> None:
    server, general, owner, _ = await people.community()
    where = f'c."position" = 0 AND c.server_id = {server["id"]}'
    text = f"SELECT id, c.name AS title, channel_type, topic FROM channel c WHERE {where}"
    [result] = (await target.sql(owner.token, text)).json()
    count = (await target.sql(None, f"SELECT COUNT(*) AS n FROM server WHERE id = {server['id']}")).json()

    assert [element["name"] for element in result["schema"]["elements"]] == [
        {"some": name} for name in ("id", "title", "channel_type", "topic")
    ]
    assert result["schema"]["elements"][0]["algebraic_type"] == {"U64": []}
    assert result["rows"] == [[general["id"], "general", [0, []], [1, []]]]
    assert set(result) == {"schema", "rows", "total_duration_micros", "stats"}
    assert count[0]["rows"] == [[1]]
    me = (
        await target.sql(owner.token, "SELECT identity, created_at FROM user_profile WHERE identity = :sender")
    ).json()
    assert me[0]["rows"][0][0] == [hex(int(owner.identity.hex(), 16))]
    assert isinstance(me[0]["rows"][0][1][0], int)
    limited = await target.sql(owner.token, "SELECT * FROM server LIMIT 1;")
    assert len(limited.json()[0]["rows"]) == 1


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("SELECT * FROM nope", "no such table: `nope`. If the table exists, it may be marked private."),
        ("SELEC 1", "sql parser error: Expected an SQL statement, found: SELEC at Line: 1, Column 1"),
        ("SELECT * FROM server; SELECT * FROM server", "Multiple SQL statements are not supported"),
        ("SELECT * FROM server ORDER BY id", "Unsupported: SELECT * FROM server ORDER BY id"),
        ("SELECT SUM(id) AS s FROM server", "Unsupported aggregate function: SUM(id)"),
        ("SELECT nope FROM server", "`nope` is not in scope"),
        ("SELECT * FROM *", "sql parser error: Expected identifier, found: * at Line: 1, Column 15"),
    ],
)
async def test_sql_is_refused_in_words(target: Target, text: str, error: str) -> None:
    answer = await target.sql(None, text)

    assert (answer.status_code, answer.text) == (400, error)


INSERT = (
    "INSERT INTO reaction (id, message_id, identity, emoji, channel_id, server_id) "
    f"VALUES (0, 1, 0x{UNKNOWN}, 'x', 1, 1)"
)


async def test_only_the_owner_writes_by_sql_and_everybody_is_told(people: People, target: Target) -> None:
    _, general, owner, [member] = await people.community()
    await owner.ok("add_reaction", (await owner.query("SELECT * FROM message"))[0]["id"], "+1")
    seen = await member.subscribe(f"SELECT * FROM reaction WHERE channel_id = {general['id']}")
    for text in ("DELETE FROM reaction", "UPDATE reaction SET emoji = 'x'", INSERT):
        answer = await target.sql(member.token, text)
        assert (answer.status_code, answer.text) == (
            400,
            f"Caller {member.identity.hex()} is not authorized to run SQL DML statements",
        )
    where = f"WHERE channel_id = {general['id']}"
    updated = (await target.sql(target.owner_token, f"UPDATE reaction SET emoji = 'it''s' {where}")).json()[0]
    await member.until(lambda: [row for row in seen.rows("reaction") if row["emoji"] == "it's"])
    deleted = (await target.sql(target.owner_token, f"DELETE FROM reaction {where}")).json()[0]
    await member.until(lambda: not seen.rows("reaction"))

    assert updated["stats"] == {"rows_inserted": 0, "rows_deleted": 0, "rows_updated": 1}
    assert (deleted["rows"], deleted["stats"]["rows_deleted"]) == ([], 1)


async def test_logs_are_the_owners(people: People, target: Target) -> None:
    person = await people.person()
    path = f"database/{target.database}/logs?num_lines=2"
    stranger = await target.http("GET", path, person.token)
    own = await target.http("GET", path, target.owner_token)

    assert stranger.status_code == 403
    assert stranger.text.startswith(f"{person.identity.hex()} is not authorized to perform action on database ")
    assert own.status_code == 200
    assert own.headers["content-type"] == "application/x-ndjson"
    for line in own.text.splitlines():
        assert {"level", "ts", "message"} <= set(json.loads(line))


async def test_a_call_is_seen_by_the_sockets_of_the_same_identity(people: People, target: Target) -> None:
    person = await people.person()
    seen = await person.subscribe("SELECT * FROM server WHERE owner = :sender")
    name = fresh("by-http")
    answer = await target.call(person.token, "create_server", name, None, None)
    await person.until(lambda: seen.log)

    assert (answer.status_code, answer.text) == (200, "")
    assert [row["name"] for row in seen.log[0].inserts] == [name]
