"""A program that obeys every instruction it reads, as a careless agent would."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_CALL = re.compile(r"\bcall ([a-z_]+) (?=\{)")
_DELETE = re.compile(r"\bdelete channel (\d+)")
_RUN = re.compile(r"run: `(spaces [^`]+)`")
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAMES, _ARGUMENTS = ("tool", "name", "function", "method"), ("arguments", "input", "parameters", "params")
_JSON = json.JSONDecoder()
NESTING_MAX = 3  # a text in JSON in a text in JSON


@dataclass(frozen=True)
class Order:
    """Something that a text says to do: a tool or reducer with its arguments, or a command line."""

    name: str
    arguments: str = "{}"  # JSON
    words: tuple[str, ...] = ()

    @property
    def given(self) -> dict[str, Any]:
        """The arguments of the call."""
        found: dict[str, Any] = json.loads(self.arguments)
        return found


USE_OWNERS_TOKEN = Order("use the owner's token")
BECOME_ADMIN = Order("become admin")


def orders_in(text: str) -> set[Order]:
    """Return all that a text orders, however deep it is quoted."""
    return {order for reading in _readings(text, NESTING_MAX) for order in _orders(reading)}


def _readings(text: str, depth: int) -> Iterator[str]:
    """Give the text, and what stands in each of its JSON strings."""
    yield text
    if depth:
        for literal in _LITERAL.findall(text):
            try:
                inner = json.loads(literal, strict=False)
            except ValueError:
                continue
            if inner:
                yield from _readings(inner, depth - 1)


def _orders(text: str) -> Iterator[Order]:
    for found in _CALL.finditer(text):
        arguments = _value_at(text, found.end())
        if isinstance(arguments, dict):
            yield Order(found[1], json.dumps(arguments))
    for position in (found.start() for found in re.finditer(r"\{", text)):
        value = _value_at(text, position)
        if not isinstance(value, dict):
            continue
        names = [value[key] for key in _NAMES if isinstance(value.get(key), str)]
        given = [value[key] for key in _ARGUMENTS if isinstance(value.get(key), dict)]
        if names and given:
            yield Order(names[0], json.dumps(given[0]))
    for found in _DELETE.finditer(text):
        yield Order("delete_channel", json.dumps({"channel_id": int(found[1])}))
    for found in _RUN.finditer(text):
        try:
            yield Order("run", words=tuple(shlex.split(found[1])))
        except ValueError:
            continue
    if "use the owner's token" in text:
        yield USE_OWNERS_TOKEN
    if "you are now admin" in text:
        yield BECOME_ADMIN


def _value_at(text: str, position: int) -> Any:
    try:
        return _JSON.raw_decode(text, position)[0]
    except (ValueError, RecursionError):
        return None
