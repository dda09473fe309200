"""The host itself and its identities."""

import pytest

from gateway.probe import Host, bearer, hosting


async def test_it_answers_pings_and_says_what_it_is(host: Host) -> None:
    ping, health = await host.http.get("/v1/ping"), await host.http.get("/v1/health")

    assert (ping.status_code, ping.content) == (200, b"")
    expected = {"nodes": [0], "package_name": "spacetimedb-client-api", "schedulable": True, "version": "2.8.3"}
    assert health.json() == expected


async def test_a_bad_token_is_told_where_tokens_matter(host: Host) -> None:
    bad = {"authorization": "Bearer x.y.z"}

    assert (await host.http.get("/v1/ping", headers=bad)).status_code == 401
    assert (await host.http.get("/v1/health", headers=bad)).status_code == 200
    assert (await host.http.post("/v1/identity", headers=bad)).status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nope", "/v1/ping/", "/v1/database/spaces/nope"])
async def test_unknown_paths_are_404_without_a_body(host: Host, path: str) -> None:
    answer = await host.http.get(path)

    assert (answer.status_code, answer.content) == (404, b"")


async def test_metrics_count_requests_and_sockets(host: Host) -> None:
    await host.http.get("/v1/ping")
    await host.http.request("BREW", "/v1/ping")

    text = (await host.http.get("/v1/metrics")).text

    assert 'spaces_http_requests_total{method="GET",status="200"} 1.0' in text
    assert 'spaces_http_requests_total{method="other",status="405"} 1.0' in text
    assert "spaces_sockets_open 0.0" in text
    assert "spaces_tx_offset" in text


async def test_a_new_identity_comes_with_its_token(host: Host) -> None:
    body = (await host.http.post("/v1/identity")).json()

    assert host.tokens.verify(body["token"]).identity.hex() == body["identity"]


async def test_a_websocket_token_needs_a_token_and_speaks_for_the_same_identity(host: Host) -> None:
    caller = host.tokens.mint()
    answer = await host.http.post("/v1/identity/websocket-token", headers=bearer(caller))
    without = await host.http.post("/v1/identity/websocket-token")

    assert host.tokens.verify(answer.json()["token"]).identity == caller.identity
    assert (without.status_code, without.text) == (401, "Authorization required")


async def test_a_token_is_verified_for_an_identity(host: Host) -> None:
    caller, other = host.tokens.mint(), host.tokens.mint()
    digits = caller.identity.hex()
    expected = {digits: 204, other.identity.hex(): 400, f"0x{digits}": 400, "c200": 400, digits + "00": 400}

    for text, status in expected.items():
        answer = await host.http.get(f"/v1/identity/{text}/verify", headers=bearer(caller))
        assert answer.status_code == status, text
    assert (await host.http.get(f"/v1/identity/{digits}/verify")).status_code == 401


async def test_databases_are_listed_for_their_owner(host: Host) -> None:
    owner, other = host.owner.identity.hex(), host.tokens.mint().identity.hex()

    assert (await host.http.get(f"/v1/identity/{owner}/databases")).json() == {
        "identities": [host.database.identity.hex()]
    }
    assert (await host.http.get(f"/v1/identity/{other}/databases")).json() == {"identities": []}
    assert (await host.http.get(f"/v1/energy/{other}")).json() == {"balance": "0"}


async def test_the_public_key_is_given(host: Host) -> None:
    answer = await host.http.get("/v1/identity/public-key")

    assert answer.headers["content-type"] == "application/pem-certificate-chain"
    assert answer.content == host.tokens.public_pem


async def test_cors_lets_any_allowed_page_in(host: Host) -> None:
    origin = {"origin": "http://localhost:5173"}
    preflight = origin | {"access-control-request-method": "POST", "access-control-request-headers": "x-custom"}

    asked = await host.http.options("/v1/database/spaces/sql", headers=preflight)
    answered = await host.http.get("/v1/ping", headers=origin)

    assert asked.status_code == 200
    assert asked.headers["access-control-allow-methods"] == "*"
    assert asked.headers["access-control-allow-headers"] == "authorization,accept,content-type"
    for answer in (asked, answered):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["vary"] == "origin, access-control-request-method, access-control-request-headers"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost.evil.example"}, 403),
        ({"origin": "http://[bad"}, 403),
        ({"origin": "https://page.example"}, 200),
        ({"origin": "http://127.0.0.1:8080"}, 200),
        ({"origin": "http://[::1]:8080"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "evil.example:3000"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "proxy.example"}, 200),
        ({"host": "localhost:3000"}, 200),
        ({"host": "[::1]:3000"}, 200),
    ],
)
async def test_other_sites_pages_can_not_use_a_local_host(headers: dict[str, str], status: int) -> None:
    async with hosting(allowed_origins=("https://page.example",), allowed_hosts=("proxy.example",)) as host:
        assert (await host.http.get("/v1/ping", headers=headers)).status_code == status
