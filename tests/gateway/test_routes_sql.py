"""SQL by HTTP: answers in the reference host's form, under the caller's rights."""

import json

import pytest

from gateway.probe import Host, Visit

NOTE_SCHEMA = [
    {"name": {"some": "id"}, "algebraic_type": {"U64": []}},
    {
        "name": {"some": "sender"},
        "algebraic_type": {
            "Product": {"elements": [{"name": {"some": "__identity__"}, "algebraic_type": {"U256": []}}]}
        },
    },
    {"name": {"some": "text"}, "algebraic_type": {"String": []}},
]


async def test_rows_are_arrays_in_the_order_of_the_schema(host: Host) -> None:
    caller = host.tokens.mint()
    await host.call("add_note", '["hi", null, [0, []]]', caller)
    await host.call("add_note", '["ho", [0, 18446744073709551615], [1, []]]', caller)

    answer = await host.sql("SELECT * FROM note", caller)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    (result,) = json.loads(answer.content)
    assert list(result) == ["schema", "rows", "total_duration_micros", "stats"]
    assert result["schema"]["elements"][:3] == NOTE_SCHEMA
    identity, now = [f"0x{caller.identity.hex()}"], [host.clock.now_us()]
    assert result["rows"] == [
        [1, identity, "hi", [1, []], [0, []], now],
        [2, identity, "ho", [0, 18446744073709551615], [1, []], now],
    ]
    assert result["stats"] == {"rows_inserted": 0, "rows_deleted": 0, "rows_updated": 0}
    assert str(result["total_duration_micros"]) == answer.headers["spacetime-execution-duration-micros"]


async def test_a_caller_sees_what_the_rules_allow_and_the_owner_everything(host: Host) -> None:
    one, other = host.tokens.mint(), host.tokens.mint()
    await host.call("keep_secret", '["mine"]', one)

    for caller, count in ((one, 1), (other, 0), (host.owner, 1), (None, 0)):
        answer = await host.sql("SELECT COUNT(*) AS n FROM secret", caller)
        assert json.loads(answer.content)[0]["rows"] == [[count]]


async def test_only_the_owner_changes_rows_by_sql(host: Host) -> None:
    caller = host.tokens.mint()
    await host.call("add_note", '["hi", null, [0, []]]', caller)

    refused = await host.sql("DELETE FROM note", caller)
    done = await host.sql("DELETE FROM note", host.owner)

    text = f"Caller {caller.identity.hex()} is not authorized to run SQL DML statements"
    assert (refused.status_code, refused.text) == (400, text)
    (result,) = json.loads(done.content)
    assert (result["schema"]["elements"], result["rows"]) == ([], [])
    assert result["stats"] == {"rows_inserted": 0, "rows_deleted": 1, "rows_updated": 0}


@pytest.mark.parametrize("text", ["SELEKT", "SELECT * FROM nope", "", "SELECT * FROM note; SELECT * FROM note"])
async def test_statements_that_can_not_be_run_are_400_with_a_text(host: Host, text: str) -> None:
    answer = await host.sql(text)

    assert answer.status_code == 400
    assert answer.text


async def test_text_that_is_no_utf8_is_400(host: Host) -> None:
    answer = await host.http.post("/v1/database/spaces/sql", content=b"SELECT \xff")

    assert answer.status_code == 400


async def test_confirmed_must_be_a_flag(host: Host) -> None:
    path, body = "/v1/database/spaces/sql", b"SELECT * FROM note"

    assert (await host.http.post(path, params={"confirmed": "false"}, content=body)).status_code == 200
    assert (await host.http.post(path, params={"confirmed": "maybe"}, content=body)).status_code == 400


async def test_connect_and_disconnect_run_around_a_statement(host: Host) -> None:
    await host.sql("SELECT * FROM note", host.owner)

    assert [visit.is_arrival for visit in host.database.tables[Visit]] == [True, False]
