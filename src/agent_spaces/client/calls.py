"""Calls and queries that wait for an answer."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from agent_spaces.client.errors import HostFailedError, OutcomeUnknownError, ReducerFailedError
from agent_spaces.wire.messages import CallReducer, InternalError, OneOffQuery, ReducerErr, ReducerResult


@dataclass(frozen=True, slots=True)
class CallResult:
    """A call that was committed; `timestamp` is when the host began to run it, in microseconds since 1970."""

    timestamp: int


@dataclass(slots=True, eq=False)
class PendingCall:
    """A reducer call that was not answered yet.

    `repeatable` if its client key makes repeating it safe; `sent` once it may have reached a host.
    """

    message: CallReducer
    repeatable: bool
    sent: bool = False
    answer: asyncio.Future[CallResult] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def settle(self, result: ReducerResult) -> None:
        """Give the host's answer to whoever waits."""
        if self.answer.done():
            return
        match result.result:
            case ReducerErr() as refusal:
                self.answer.set_exception(ReducerFailedError(self.message.reducer, refusal.text))
            case InternalError(text):
                self.answer.set_exception(HostFailedError(self.message.reducer, text))
            case _:
                self.answer.set_result(CallResult(int(result.timestamp)))

    def lost(self) -> bool:
        """Take note that the connection is gone; True if the call may be sent again."""
        if self.answer.done():
            return False
        if not self.sent or self.repeatable:
            return True
        self.answer.set_exception(OutcomeUnknownError(self.message.reducer))
        return False

    def abandoned(self, error: Exception) -> Exception:
        """Return what a caller hears when the connection ends for good because of `error`."""
        return OutcomeUnknownError(self.message.reducer) if self.sent else error


@dataclass(slots=True, eq=False)
class PendingQuery:
    """A one-off query that was not answered yet; asking again is always safe."""

    message: OneOffQuery
    answer: asyncio.Future[list[Any]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
