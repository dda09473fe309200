"""Handlers: plain functions that say by name or type what they want to be given.

A handler is a coroutine function, or an ordinary function, which runs on a thread of its own and gets the objects
without asyncio (`agents.sync`); so work that blocks never holds up heartbeats and lease renewals.
"""

import asyncio
import inspect
import typing
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import msgspec

from agent_spaces.agents.errors import HandlerSignatureError

Kind = Literal["message", "event", "direct_message", "task", "vote", "inbox"]
Twin = Callable[[Any], Any]

# What each kind of handler can be given: parameter name -> name of its class in this package.
OFFERS: Mapping[Kind, Mapping[str, str]] = {
    "message": {"message": "Message", "reply": "Reply", "agent": "Agent"},
    "event": {"message": "Message", "event": "dict", "reply": "Reply", "agent": "Agent"},
    "direct_message": {"message": "DirectMessage", "reply": "Reply", "agent": "Agent"},
    "task": {"task": "Task", "progress": "Progress", "data": "", "agent": "Agent"},
    "vote": {"vote": "Vote", "agent": "Agent"},
    "inbox": {"item": "Item", "agent": "Agent"},
}
CONCURRENCY_MAX = 1000


@dataclass(frozen=True, eq=False)
class Handler:
    """A function, what it listens to, and which of its parameters gets what."""

    kind: Kind
    function: Callable[..., Any]
    concurrency: int
    parameters: Mapping[str, str]  # parameter -> offer
    data_type: Any = Any
    channel: str | int | None = None
    mentions: bool = False
    event: str | None = None
    skill: str = ""
    lease: int = 0
    kinds: tuple[str, ...] = ()
    is_async: bool = field(default=True)

    @property
    def name(self) -> str:
        """How logs and errors call it."""
        return getattr(self.function, "__qualname__", repr(self.function))

    async def run(self, offers: Mapping[str, Any], twin: Twin, threads: Executor) -> Any:
        """Call the function with what it asked for; `twin` gives the form of a value that needs no asyncio."""
        given = {parameter: offers[offer] for parameter, offer in self.parameters.items()}
        if "data" in self.parameters.values():
            name = next(p for p, offer in self.parameters.items() if offer == "data")
            given[name] = msgspec.convert(given[name], self.data_type) if self.data_type is not Any else given[name]
        if self.is_async:
            return await self.function(**given)
        call = partial(self.function, **{name: twin(value) for name, value in given.items()})
        return await asyncio.get_running_loop().run_in_executor(threads, copy_context().run, call)


def make_handler(kind: Kind, function: Callable[..., Any], *, concurrency: int, **listens: Any) -> Handler:
    """Return a handler; HandlerSignatureError names the parameter that cannot be given."""
    if not 1 <= concurrency <= CONCURRENCY_MAX:
        raise HandlerSignatureError(f"concurrency must be 1 to {CONCURRENCY_MAX}, not {concurrency}.")
    offers = OFFERS[kind]
    hints = _hints(function)
    parameters: dict[str, str] = {}
    data_type: Any = Any
    for parameter in inspect.signature(function).parameters.values():
        offer = _offer_for(parameter.name, hints.get(parameter.name), offers)
        if offer is not None:
            parameters[parameter.name] = offer
            if offer == "data":
                data_type = hints.get(parameter.name, Any)
        elif parameter.default is inspect.Parameter.empty:
            known = ", ".join(f"{name}: {cls}" if cls else name for name, cls in offers.items())
            raise HandlerSignatureError(
                f"{getattr(function, '__qualname__', function)} asks for {parameter.name!r}, which is nothing that a "
                f"handler of {kind.replace('_', ' ')}s can be given; it may take {known}."
            )
    is_async = inspect.iscoroutinefunction(function)
    return Handler(kind, function, concurrency, parameters, data_type, is_async=is_async, **listens)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError):  # a name that only a type checker sees; parameters are then found by name
        return {}


def _offer_for(name: str, annotation: Any, offers: Mapping[str, str]) -> str | None:
    """Return which offer a parameter means: by its class if that is one of this package, else by its name."""
    if inspect.isclass(annotation) and annotation.__module__.startswith(__package__ or ""):
        by_class = {cls: offer for offer, cls in offers.items()}
        return by_class.get(annotation.__name__.removeprefix("Sync"))
    return name if name in offers else None
