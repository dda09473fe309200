"""The callbacks that the published TypeScript SDK made for a run of messages are those that this client makes."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from agent_spaces.client import Address, ClientOptions, ClientSchema, DbConnection, EventContext
from agent_spaces.client.errors import ClientError
from agent_spaces.client.incoming import Incoming
from agent_spaces.wire.client_side import decode_server_message

GOLDEN = Path(__file__).parents[2] / "vectors" / "golden"
SCENARIOS = json.loads((GOLDEN / "cache-scenarios.json").read_text())["scenarios"]
ROW_TYPES = json.loads((GOLDEN / "server-messages.json").read_text())["row_types"]
EVENT_TABLES = {"typing_event"}
WITHOUT_KEY = {"channel_member", "typing_event"}


def _schema() -> ClientSchema:
    names = list(ROW_TYPES)
    return ClientSchema.from_json(
        {
            "sections": [
                {"Typespace": {"types": list(ROW_TYPES.values())}},
                {
                    "Types": [
                        {"source_name": {"scope": [], "source_name": name}, "ty": number}
                        for number, name in enumerate(names)
                    ]
                },
                {
                    "Tables": [
                        {
                            "source_name": name,
                            "product_type_ref": number,
                            "primary_key": [] if name in WITHOUT_KEY else [0],
                            "is_event": name in EVENT_TABLES,
                            "table_access": {"Public": []},
                        }
                        for number, name in enumerate(names)
                    ]
                },
                {
                    "Reducers": [
                        {
                            "source_name": "send_message",
                            "params": {"elements": []},
                            "visibility": {"ClientCallable": []},
                        }
                    ]
                },
            ]
        }
    )


class Recorder:
    """Notes callbacks the way the scenarios are written."""

    def __init__(self, connection: DbConnection) -> None:
        self.made: list[dict[str, Any]] = []
        for name in ROW_TYPES:
            table = connection.cache[name]
            table.on_insert(lambda ctx, row, name=name: self._note("insert", name, ctx, row=_brief(row)))
            table.on_delete(lambda ctx, row, name=name: self._note("delete", name, ctx, row=_brief(row)))
            table.on_update(
                lambda ctx, old, new, name=name: self._note("update", name, ctx, old=_brief(old), new=_brief(new))
            )

    def _note(self, kind: str, table: str, ctx: EventContext, **rows: Any) -> None:
        event = type(ctx.event).__name__.removesuffix("Event")
        self.made.append({"cb": kind, "table": table, "event": event, **rows})


def _brief(row: Any) -> dict[str, str]:
    keys = ("id", "content") if hasattr(row, "content") else ("channel_id",)
    return {key: str(getattr(row, key)) for key in keys}


def _expected(callback: dict[str, Any]) -> dict[str, Any]:
    def brief(row: dict[str, Any]) -> dict[str, Any]:
        return {key: row[key] for key in ("id", "content", "channel_id") if key in row}

    return {key: brief(value) if key in ("row", "old", "new") else value for key, value in callback.items()}


async def _play(scenario: dict[str, Any]) -> tuple[list[dict[str, Any]], DbConnection]:
    connection = DbConnection(Address("http://127.0.0.1:1", "chat"), _schema(), None, ClientOptions())
    connection._ready.set()
    incoming, recorder, waiting = Incoming(connection), Recorder(connection), []

    async def subscribe(query: str) -> None:
        try:
            await connection.subscribe(query, on_applied=lambda: recorder.made.append({"cb": "applied"}))
        except ClientError as error:
            recorder.made.append({"cb": "error", "message": str(error)})

    async def call() -> None:
        names = {"ReducerFailedError": "reducer SenderError", "HostFailedError": "reducer InternalError"}
        try:
            await connection.call("send_message")
            recorder.made.append({"cb": "reducer ok"})
        except ClientError as error:
            text = str(error).removeprefix("send_message: ")
            recorder.made.append({"cb": names[type(error).__name__], "message": text})

    for step in scenario["steps"]:
        if "client_subscribes" in step:
            waiting.append(asyncio.create_task(subscribe(step["client_subscribes"])))
        elif "client_calls" in step:
            waiting.append(asyncio.create_task(call()))
        else:
            incoming._apply(decode_server_message(bytes.fromhex(step["server_sends_hex"]))[0])
        await asyncio.sleep(0)
    await asyncio.gather(*waiting)
    return recorder.made, connection


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[s["name"] for s in SCENARIOS])
async def test_callbacks_and_cache_equal_those_of_the_published_sdk(scenario: dict[str, Any]) -> None:
    made, connection = await _play(scenario)

    assert made == [_expected(callback) for callback in scenario["callbacks"]]
    held = sorted((_brief(row) for row in connection.cache["message"]), key=lambda row: int(row["id"]))
    assert held == scenario["message_cache"]
