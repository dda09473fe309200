"""Who is told of a row: plain functions that run once the whole transaction is in the cache."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import structlog

if TYPE_CHECKING:
    from agent_spaces.client.cache import Difference
    from agent_spaces.client.connection import DbConnection

log = structlog.get_logger()
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ReducerEvent:
    """Rows changed by a call of one's own."""

    reducer: str
    timestamp: int  # microseconds since 1970: when the host began to run it


@dataclass(frozen=True, slots=True)
class SubscribeAppliedEvent:
    """Rows that came with a subscription."""


@dataclass(frozen=True, slots=True)
class UnsubscribeAppliedEvent:
    """Rows that went with a subscription."""


@dataclass(frozen=True, slots=True)
class TransactionEvent:
    """Rows changed by somebody else, or by a call over HTTP."""


@dataclass(frozen=True, slots=True)
class ReconnectedEvent:
    """The net change while the connection was away."""


Event = ReducerEvent | SubscribeAppliedEvent | UnsubscribeAppliedEvent | TransactionEvent | ReconnectedEvent


@dataclass(frozen=True, slots=True)
class EventContext:
    """What a callback is handed first: the connection, and what made the row change."""

    connection: "DbConnection"
    event: Event


def run_callback(callback: Callable[..., Any], *args: Any) -> None:
    """Run one callback; its exception is logged and reaches nobody else."""
    try:
        callback(*args)
    except Exception:
        log.exception("callback.failed", callback=getattr(callback, "__qualname__", repr(callback)))


class RowCallbacks(Generic[R]):
    """The callbacks of one table."""

    def __init__(self) -> None:
        self._insert: list[Callable[..., None]] = []
        self._update: list[Callable[..., None]] = []
        self._delete: list[Callable[..., None]] = []

    def on_insert(self, callback: Callable[..., None]) -> Callable[[], None]:
        """Add callback(ctx, row); returns a function that removes it."""
        return _added(self._insert, callback)

    def on_update(self, callback: Callable[..., None]) -> Callable[[], None]:
        """Add callback(ctx, old, new); returns a function that removes it."""
        return _added(self._update, callback)

    def on_delete(self, callback: Callable[..., None]) -> Callable[[], None]:
        """Add callback(ctx, row); returns a function that removes it."""
        return _added(self._delete, callback)

    def fire(self, ctx: EventContext, change: "Difference[R]") -> None:
        """Tell everybody of a net change: inserts, updates, deletes."""
        for row in change.inserted:
            for callback in tuple(self._insert):
                run_callback(callback, ctx, row)
        for old, new in change.updated:
            for callback in tuple(self._update):
                run_callback(callback, ctx, old, new)
        for row in change.deleted:
            for callback in tuple(self._delete):
                run_callback(callback, ctx, row)


def _added(callbacks: list[Callable[..., None]], callback: Callable[..., None]) -> Callable[[], None]:
    if inspect.iscoroutinefunction(callback):
        msg = f"{callback.__qualname__} is a coroutine function; a callback is a plain one, which may start a task."
        raise TypeError(msg)
    callbacks.append(callback)

    def remove() -> None:
        if callback in callbacks:
            callbacks.remove(callback)

    return remove
