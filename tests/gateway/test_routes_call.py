"""Calling reducers by HTTP: statuses, headers and texts of the reference host."""

from typing import Any

import pytest

from agent_spaces.sats.identity import derive_identity
from gateway.probe import Host, Note, Visit, bearer, hosting


async def test_a_call_that_commits_is_200_without_a_body_and_its_rows_are_there(host: Host) -> None:
    caller = host.tokens.mint()
    answer = await host.call("add_note", '["hi", {"some": 7}, {"agentEvent": []}]', caller)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["spacetime-identity"] == caller.identity.hex()
    assert answer.headers["spacetime-identity-token"] == caller.token
    assert int(answer.headers["spacetime-execution-duration-micros"]) >= 0
    assert "spacetime-energy-used" in answer.headers
    (note,) = host.database.tables[Note]
    assert (note.sender, note.text, note.thread_id, note.kind) == (caller.identity, "hi", 7, 1)


@pytest.mark.parametrize(
    "body",
    [
        '["hi", null, [1, []]]',
        '["hi", [1, []], {"1": []}]',
        '{"thread_id": null, "text": "hi", "kind": {"agentEvent": {}}}',
    ],
)
async def test_arguments_come_in_every_form_the_reference_host_takes(host: Host, body: str) -> None:
    assert (await host.call("add_note", body)).status_code == 200


async def test_a_caller_without_a_token_is_somebody_new_each_time(host: Host) -> None:
    first, second = await host.call("noop"), await host.call("noop")

    identities = [answer.headers["spacetime-identity"] for answer in (first, second)]
    assert identities[0] != identities[1]
    assert host.tokens.verify(first.headers["spacetime-identity-token"]).identity.hex() == identities[0]


async def test_a_token_in_the_query_counts_and_the_header_wins(host: Host) -> None:
    one, other = host.tokens.mint(), host.tokens.mint()
    path, sent = "/v1/database/spaces/call/noop", {"content-type": "application/json"}

    answer = await host.http.post(path, params={"token": one.token}, content=b"[]", headers=sent)
    both = await host.http.post(path, params={"token": one.token}, content=b"[]", headers=sent | bearer(other))

    assert answer.headers["spacetime-identity"] == one.identity.hex()
    assert both.headers["spacetime-identity"] == other.identity.hex()


async def test_connect_and_disconnect_run_around_a_call(host: Host) -> None:
    caller = host.tokens.mint()
    await host.call("noop", caller=caller)

    visits = [visit.is_arrival for visit in host.database.tables[Visit] if visit.identity == caller.identity]
    assert visits == [True, False]


async def test_whoever_client_connected_refuses_gets_403_with_its_text(host: Host) -> None:
    caller = host.tokens.mint()
    await host.call("keep_secret", '["locked out"]', caller)

    for answer in (await host.call("noop", caller=caller), await host.sql("SELECT * FROM note", caller)):
        assert (answer.status_code, answer.text) == (403, "You are locked out.")


@pytest.mark.parametrize(
    ("name", "body", "status", "text"),
    [
        ("add_note", '["", null, [0, []]]', 530, "nö: a note cannot be “empty”"),
        ("boom", "[]", 530, "The instance encountered a fatal error."),
        ("nope", "[]", 404, "No such procedure"),
        ("client_connected", "[]", 400, "can't directly call special OnConnect lifecycle reducer"),
    ],
)
async def test_calls_that_do_not_commit_say_why(host: Host, name: str, body: str, status: int, text: str) -> None:
    answer = await host.call(name, body)

    assert (answer.status_code, answer.text) == (status, text)
    assert "spacetime-identity" in answer.headers
    assert len(host.database.tables[Note]) == 0


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("", "."),
        ("[1,", "."),
        ("null", "."),
        ("[1]", "."),
        ('["x", null, [0, []], 1]', "."),
        ("[7, null, [0, []]]", "[0]"),
        ('["x", "bare", [0, []]]', "[1]"),
        ('["x", -1, [0, []]]', "[1]"),
        ('["x", null, "text"]', "[2]"),
        ('["x", null, {"nope": []}]', "[2].nope"),
        ('{"txt": "x", "thread_id": null, "kind": {"text": []}}', "txt"),
        ("[" * 100_000, "."),
        ("[NaN, null, null]", "."),
        ("[" + "9" * 10_000 + ", null, null]", "."),
    ],
)
async def test_arguments_that_do_not_fit_are_400_with_their_path(host: Host, body: str, path: str) -> None:
    answer = await host.call("add_note", body)

    assert answer.status_code == 400
    if path != ".":
        start = f"invalid arguments for reducer add_note: {path}: invalid arguments for function add_note: {path}: "
        assert answer.text.startswith(start)
    assert answer.text.startswith("invalid arguments for reducer add_note: ")


@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ({"content-type": "text/plain"}, 415, "Expected request with `Content-Type: application/json`"),
        ({"content-type": "application/json; charset=utf-8"}, 415, "Expected request with"),
        ({"content-type": "Application/JSON"}, 200, ""),
        ({"authorization": "Basic abc"}, 400, "Authorization is invalid: malformed token"),
        ({"authorization": "Bearer"}, 400, "Authorization is invalid: malformed token"),
        ({"authorization": "Bearer x.y.z"}, 401, "Invalid token: "),
    ],
)
async def test_headers_are_checked(host: Host, headers: dict[str, str], status: int, text: str) -> None:
    answer = await host.call("noop", "[]", None, **headers)

    assert answer.status_code == status
    assert answer.text.startswith(text)


async def test_a_missing_content_type_is_400(host: Host) -> None:
    answer = await host.http.post("/v1/database/spaces/call/noop", content=b"[]")

    assert (answer.status_code, answer.text) == (400, "Header of type `content-type` was missing")


async def test_a_body_may_reach_the_limit_and_not_pass_it(host: Host) -> None:
    def body(size: int) -> str:
        return '["' + "x" * (size - len('["", null, [0, []]]')) + '", null, [0, []]]'

    assert (await host.call("add_note", body(2 * 2**20))).status_code == 200
    answer = await host.call("add_note", body(2 * 2**20 + 1))
    assert (answer.status_code, answer.text) == (413, "Failed to buffer the request body: length limit exceeded")


async def test_other_methods_are_405(host: Host) -> None:
    answer = await host.http.get("/v1/database/spaces/call/noop")

    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "POST", b"")


async def test_nobody_without_a_token_is_served_where_that_is_forbidden() -> None:
    async with hosting(allow_anonymous=False) as host:
        caller = host.tokens.mint()
        paths: list[tuple[str, Any]] = [
            ("GET", "/v1/database/spaces"),
            ("POST", "/v1/identity"),
            ("GET", "/v1/metrics"),
        ]
        for method, path in paths:
            answer = await host.http.request(method, path)
            assert (answer.status_code, answer.text) == (401, "Authorization required")
        assert (await host.call("noop", caller=caller)).status_code == 200
        assert (await host.http.get("/v1/ping")).status_code == 200
        assert caller.identity == derive_identity("localhost", caller.claims["sub"])
