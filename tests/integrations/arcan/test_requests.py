"""How failures are named, and that one request's failure is its own."""

import json
from typing import Any

import pytest

from agent_spaces.agents import AgentError, UnknownPlaceError
from agent_spaces.client import (
    ClientError,
    ConnectionClosedError,
    ConnectionRefusedByHostError,
    HostFailedError,
    HostUnreachableError,
    OutcomeUnknownError,
    QueryFailedError,
    ReducerFailedError,
    UnknownNameError,
)
from agent_spaces.errors import EncodeError, SpacesError
from agent_spaces.integrations.arcan import Activity
from agent_spaces.integrations.arcan.process import Bridge
from agent_spaces.integrations.arcan.requests import NO_ANSWER, RequestError, code_of
from agent_spaces.testing.host import HostProcess
from integrations.arcan.conftest import People


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RequestError("too_long", "x"), "too_long"),
        (UnknownPlaceError("x"), "not_found"),
        (AgentError("x"), "validation"),
        (UnknownNameError("x"), "validation"),
        (EncodeError("u64", "x"), "validation"),
        (ReducerFailedError("send_message", "x"), "reducer_failed"),
        (QueryFailedError("x"), "reducer_failed"),
        (HostFailedError("x", "y"), "reducer_failed"),
        (ConnectionRefusedByHostError(401, "x"), "auth"),
        (ConnectionClosedError("x"), "connection"),
        (HostUnreachableError("x"), "connection"),
        (OutcomeUnknownError("send_message"), "connection"),
        (ClientError("x"), "connection"),
        (TimeoutError(), "connection"),
        (SpacesError("x"), "internal"),
        (ZeroDivisionError(), "internal"),
    ],
)
def test_every_failure_has_its_code(error: Exception, code: str) -> None:
    assert code_of(error) == code


async def test_a_host_that_does_not_answer_is_told_of_and_asked_again(host: HostProcess, people: People) -> None:
    box = await people.box("ann")
    bridge = Bridge(box, Activity(box.session))
    bridge.answer_seconds = 0.3
    host.pause()
    try:
        answer = json.loads(await bridge.answer(b'{"id": 1, "method": "list_channels"}'))
    finally:
        host.go_on()
    bridge.answer_seconds = 60
    again = json.loads(await bridge.answer(b'{"id": 2, "method": "list_channels"}'))

    assert answer == {"id": 1, "error": {"code": "connection", "message": NO_ANSWER}}
    assert again["result"]


async def test_a_fault_of_the_bridge_ends_one_request_only(people: People) -> None:
    box = await people.box("ann")
    bridge = Bridge(box, Activity(box.session))

    async def broken(params: Any) -> Any:
        return params / 0

    bridge.methods["broken"] = broken
    answer = json.loads(await bridge.answer(b'{"id": 1, "method": "broken", "params": 1}'))
    after = json.loads(await bridge.answer(b'{"id": 2, "method": "hello"}'))

    assert (answer["id"], answer["error"]["code"]) == (1, "internal")
    assert "division" not in answer["error"]["message"]
    assert after["result"]["name"] == "@ann"


async def test_a_connection_that_is_gone_for_good_is_told_of(people: People) -> None:
    box = await people.box("ann")
    bridge = Bridge(box, Activity(box.session))
    await box.session.connection.close()
    answers = [json.loads(await bridge.answer(b'{"id": 1, "method": "list_channels"}')) for _ in range(2)]

    assert [answer["error"]["code"] for answer in answers] == ["connection", "connection"]
