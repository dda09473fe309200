"""Structured logs on stderr: one event a line, keys with units, never contents or tokens."""

import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import IO, Any

import structlog

Event = MutableMapping[str, Any]
Tap = Callable[[Event], None]
HIDDEN = "…"
SECRET_KEYS = frozenset({"token", "authorization", "args", "content", "payload", "sql", "password", "secret"})
_TOKEN = re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def hide_secrets(_logger: Any, _method: str, event: Event) -> Event:
    """Blank the values of keys that hold contents or tokens, and whatever looks like a token in other texts."""
    for key, value in event.items():
        if key in SECRET_KEYS:
            event[key] = HIDDEN
        elif isinstance(value, str) and "eyJ" in value:
            event[key] = _TOKEN.sub(HIDDEN, value)
    return event


def _tapping(tap: Tap) -> Callable[[Any, str, Event], Event]:
    def pass_on(_logger: Any, method: str, event: Event) -> Event:
        tap({**event, "level": event.get("level", method)})
        return event

    return pass_on


def _line_for_people(_logger: Any, _method: str, event: Event) -> str:
    """Return `03:39:21 info  host.started url=…`: the second of the day in UTC, and no name of a logger."""
    event.pop("logger", None)
    at, level, name = (str(event.pop(key, "")) for key in ("timestamp", "level", "event"))
    failure = event.pop("exception", None)
    keys = "".join(f" {key}={value}" for key, value in event.items())
    return f"{at[11:19]} {level:<7} {name}{keys}" + (f"\n{failure}" if failure else "")


def configure(level: str = "info", *, as_json: bool, stream: IO[str] | None = None, tap: Tap | None = None) -> None:
    """Send every log line, also those of libraries, to `stream` (stderr) from `level` up.

    `as_json` gives one JSON object a line, otherwise text for people. `tap` is handed a copy of every event that is
    logged, after secrets are hidden.
    """
    shared: list[Any] = [
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    closing: list[Any] = [structlog.processors.format_exc_info, hide_secrets]
    if tap is not None:
        closing.append(_tapping(tap))
    renderer: Any = structlog.processors.JSONRenderer() if as_json else _line_for_people
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *closing, renderer],
    )
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a room; the event's name is `noun.past_verb`, everything else is keys."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
