"""The decorators with which a program says what its agent listens to."""

from collections.abc import Callable
from typing import Any, TypeVar

from agent_spaces.agents.dispatch import Failure
from agent_spaces.agents.errors import AgentError
from agent_spaces.agents.handlers import Handler, make_handler
from agent_spaces.agents.inbox import ITEM_KINDS

F = TypeVar("F", bound=Callable[..., Any])
LEASE_SECONDS, LEASE_SECONDS_MAX = 120, 3600


def _check_filter(decorator: str, value: object) -> None:
    """Raise AgentError if a decorator stands without brackets: it would be given the function and drop it."""
    if callable(value):
        raise AgentError(f"Write brackets behind the decorator, as in @agent.{decorator}(…): it needs them.")


class Handlers:
    """What an agent listens to. A handler is a coroutine function, or an ordinary function, which runs on a thread.

    What calls is acknowledged after its handler returned: at least once, twice only after a crash or an exception, and
    then under the same client keys, so that what the handler sends is sent once. An exception is logged, told to
    `on_error`, and the item tried again after the others.
    """

    def __init__(self) -> None:
        self.handlers: list[Handler] = []
        self.error_callbacks: list[Callable[[Failure], None]] = []
        self.is_running = False

    def on_message(
        self, channel: str | int | None = None, *, mentions: bool = False, concurrency: int = 1
    ) -> Callable[[F], F]:
        """Call the function with each message of a channel, or with `mentions` only those that call this agent.

        A message calls whom it mentions (`@name`) and whom it answers. It may take message, reply and agent. Without
        `mentions` a channel has to be named; handling begins at the channel's end at the agent's very first start, and
        from then on where it got to.
        """
        _check_filter("on_message", channel)
        if channel is None and not mentions:
            raise AgentError('Name a channel, as in on_message("#general"), or say mentions=True to hear of all calls.')
        return self._adding("message", concurrency=concurrency, channel=channel, mentions=mentions)

    def on_event(self, event: str, channel: str | int, *, concurrency: int = 1) -> Callable[[F], F]:
        """Call the function with each AgentEvent of this name in a channel; see publish_event.

        It may take message, event (its content as a dict), reply and agent.
        """
        _check_filter("on_event", event)
        return self._adding("event", concurrency=concurrency, channel=channel, event=event)

    def on_direct_message(self, function: F | None = None, *, concurrency: int = 1) -> Any:
        """Call the function with each direct message; it may take message, reply and agent."""
        adding = self._adding("direct_message", concurrency=concurrency)
        return adding if function is None else adding(function)

    def on_task(self, skill: str = "", *, lease: int = LEASE_SECONDS, concurrency: int = 1) -> Callable[[F], F]:
        """Claim tasks that need this skill (or none), and call the function with each.

        It may take task, progress, agent, and data: the body, converted to the parameter's type. What it returns is the
        result, an exception fails the attempt. The lease of `lease` seconds is renewed while it runs; if the task is
        lost all the same, the function is canceled and nothing of this attempt counts.
        """
        _check_filter("on_task", skill)
        if not 1 <= lease <= LEASE_SECONDS_MAX:
            raise AgentError(f"A lease must last 1 to {LEASE_SECONDS_MAX} seconds, not {lease}.")
        return self._adding("task", concurrency=concurrency, skill=skill, lease=lease)

    def on_vote(self, channel: str | int | None = None, *, concurrency: int = 1) -> Callable[[F], F]:
        """Call the function with each vote that waits for this agent's ballot; it may take vote and agent.

        It returns the option to vote for, by text or position; None casts no ballot.
        """
        _check_filter("on_vote", channel)
        return self._adding("vote", concurrency=concurrency, channel=channel)

    def on_inbox(self, *kinds: str, concurrency: int = 1) -> Callable[[F], F]:
        """Call the function with items of these kinds, or of all, that no other handler takes.

        It may take item and agent; see Item for the kinds.
        """
        for kind in kinds:
            _check_filter("on_inbox", kind)
            if kind not in ITEM_KINDS:
                raise AgentError(f"There are no items of kind {kind!r}; there are {', '.join(ITEM_KINDS)}.")
        return self._adding("inbox", concurrency=concurrency, kinds=kinds or ITEM_KINDS)

    def on_error(self, callback: Callable[[Failure], None]) -> Callable[[Failure], None]:
        """Call `callback(failure)` whenever a handler raises; it is a plain function and must not block."""
        self.error_callbacks.append(callback)
        return callback

    def _adding(self, kind: Any, *, concurrency: int, **listens: Any) -> Callable[[F], F]:
        if self.is_running:
            raise AgentError("Add handlers before the agent is started.")

        def add(function: F) -> F:
            self.handlers.append(make_handler(kind, function, concurrency=concurrency, **listens))
            return function

        return add
