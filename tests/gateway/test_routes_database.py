"""What is told about the database, and to whom."""

import asyncio
import json

import pytest

from gateway.probe import PROBE, Host, bearer

ROOT = "/v1/database/spaces"
UNKNOWN = "c2" + "0" * 62


async def test_the_database_tells_whose_it_is(host: Host) -> None:
    answer = await host.http.get(ROOT)

    body = answer.json()
    assert list(body) == ["database_identity", "owner_identity", "host_type", "initial_program"]
    assert body["database_identity"] == {"__identity__": f"0x{host.database.identity.hex()}"}
    assert body["owner_identity"] == {"__identity__": f"0x{host.owner.identity.hex()}"}
    assert body["host_type"] == {"Wasm": []}


async def test_it_is_reached_by_name_and_by_identity(host: Host) -> None:
    digits = host.database.identity.hex()
    for name in ("spaces", digits, f"0x{digits}"):
        answer = await host.http.get(f"/v1/database/{name}/identity")
        assert (answer.status_code, answer.text) == (200, digits)


@pytest.mark.parametrize(
    ("name", "status", "text"),
    [
        ("nope", 404, "`nope` not found"),
        (UNKNOWN, 404, "No such database."),
        ("Not_A_Name", 400, "Invalid URL: invalid characters in database name"),
        ("a--b", 400, "Invalid URL: invalid characters in database name"),
        ("%C3%A9", 400, "Invalid URL: invalid characters in database name"),
    ],
)
async def test_other_names_are_not_found(host: Host, name: str, status: int, text: str) -> None:
    for rest in ("", "/names", "/identity", "/schema?version=9"):
        answer = await host.http.get(f"/v1/database/{name}{rest}")
        assert (answer.status_code, answer.text) == (status, text)
        assert "spacetime-identity" in answer.headers


async def test_the_schema_is_given_in_both_versions(host: Host) -> None:
    nine, ten = [await host.http.get(f"{ROOT}/schema", params={"version": version}) for version in ("9", "10")]

    assert nine.json() == PROBE.schema_v9()
    assert ten.json() == PROBE.schema_v10()
    for query, reason in (("", "missing field `version`"), ("?version=8", "unknown variant `8`, expected `9` or `10`")):
        answer = await host.http.get(f"{ROOT}/schema{query}")
        assert (answer.status_code, answer.text) == (400, f"Failed to deserialize query string: {reason}")


async def test_names_are_listed_and_fixed(host: Host) -> None:
    assert (await host.http.get(f"{ROOT}/names")).json() == {"names": ["spaces"]}

    stranger = await host.http.put(f"{ROOT}/names", content=b'["x"]')
    owner = await host.http.post(f"{ROOT}/names", content=b"x", headers=bearer(host.owner))
    assert stranger.status_code == 401
    assert stranger.json() == {"NotYourDatabase": {"database": host.database.identity.hex()}}
    assert (owner.status_code, "database_name" in owner.text) == (400, True)


@pytest.mark.parametrize(
    ("method", "path", "stranger"),
    [
        ("PUT", ROOT, 403),
        ("DELETE", ROOT, 403),
        ("POST", f"{ROOT}/pre_publish", 403),
        ("PUT", f"{ROOT}/reset", 403),
        ("PUT", "/v1/database/other", 400),
        ("POST", "/v1/database", 400),
    ],
)
async def test_publishing_is_refused_with_the_reason(host: Host, method: str, path: str, stranger: int) -> None:
    refused = await host.http.request(method, path)
    owner = await host.http.request(method, path, headers=bearer(host.owner))

    assert refused.status_code == stranger
    assert (owner.status_code, "part of its program" in owner.text) == (400, True)


async def test_the_time_is_the_hosts(host: Host) -> None:
    answer = await host.http.get(f"{ROOT}/unstable/timestamp")

    assert answer.json() == {"__timestamp_micros_since_unix_epoch__": host.clock.now_us()}


async def test_the_log_is_for_the_owner(host: Host) -> None:
    caller = host.tokens.mint()
    answer = await host.http.get(f"{ROOT}/logs", headers=bearer(caller))

    assert answer.status_code == 403
    assert answer.text.endswith(f"on database {host.database.identity.hex()}: view module logs")


async def test_the_last_lines_of_the_log_are_given(host: Host) -> None:
    for number in range(5):
        host.gateway.site.log.add("Info", f"line {number}", function="add_note")

    answer = await host.http.get(f"{ROOT}/logs", params={"num_lines": "2"}, headers=bearer(host.owner))

    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("application/x-ndjson", "no-cache")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["message"] for line in lines] == ["line 3", "line 4"]
    assert list(lines[0]) == ["level", "ts", "target", "filename", "function", "message"]


@pytest.mark.parametrize("query", ["num_lines=x", "num_lines=-1", "num_lines=1234567890", "follow=x"])
async def test_what_is_no_number_or_flag_is_400(host: Host, query: str) -> None:
    answer = await host.http.get(f"{ROOT}/logs?{query}", headers=bearer(host.owner))

    assert answer.status_code == 400


async def test_the_log_can_be_followed_until_the_host_stops(host: Host) -> None:
    host.gateway.site.log.add("Info", "before")
    async with host.http.stream("GET", f"{ROOT}/logs?follow=true&num_lines=1", headers=bearer(host.owner)) as answer:
        lines = answer.aiter_lines()
        assert json.loads(await anext(lines))["message"] == "before"
        host.gateway.site.log.add("Warn", "during")
        assert json.loads(await anext(lines))["message"] == "during"
        stopping = asyncio.create_task(host.gateway.stop())

        assert [line async for line in lines] == []
        await stopping
