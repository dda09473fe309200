"""Log lines: structured, from libraries too, and without secrets."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from agent_spaces.logs import HIDDEN, configure, get_logger

TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield io.StringIO()
    structlog.reset_defaults()
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_object_with_its_keys(stream: io.StringIO) -> None:
    configure("info", as_json=True, stream=stream)

    get_logger("gateway").info("socket.opened", sockets_open=3)

    (line,) = lines(stream)
    assert (line["event"], line["sockets_open"], line["level"], line["logger"]) == (
        "socket.opened",
        3,
        "info",
        "gateway",
    )


def test_lines_of_libraries_are_written_the_same_way(stream: io.StringIO) -> None:
    configure("info", as_json=True, stream=stream)

    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")

    assert lines(stream)[0]["event"] == "Invalid HTTP request received."


def test_levels_below_the_chosen_one_are_left_out(stream: io.StringIO) -> None:
    configure("warning", as_json=True, stream=stream)

    get_logger("gateway").info("socket.opened")
    logging.getLogger("library").info("hello")

    assert lines(stream) == []


@pytest.mark.parametrize("as_json", [True, False])
def test_no_token_and_no_content_reaches_the_log(stream: io.StringIO, as_json: bool) -> None:
    configure("info", as_json=as_json, stream=stream)

    get_logger("gateway").info("socket.opened", token=TOKEN, content="private words", url=f"/x?token={TOKEN}")
    get_logger("gateway").error("request.failed", exc_info=ValueError(TOKEN))

    written = stream.getvalue()
    assert TOKEN not in written
    assert "private words" not in written
    assert HIDDEN in written or "\\u2026" in written


def test_a_tap_gets_what_was_logged_without_secrets(stream: io.StringIO) -> None:
    seen: list[Any] = []
    configure("info", as_json=True, stream=stream, tap=seen.append)

    get_logger("engine").error("reducer.failed", token=TOKEN)

    assert [(event["event"], event["level"], event["token"]) for event in seen] == [("reducer.failed", "error", HIDDEN)]
