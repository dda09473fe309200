"""Client keys: what a handler sends is sent once, however often the handler has to be run.

While a handler runs for an item, the n-th thing that it sends, counted from 1, gets the key `<prefix>/<n>` unless it is
given one; the prefix is `inbox/<id>`, `message/<id>`, `dm/<id>`, `task/<id>/<attempt>` or `vote/<id>`. Elsewhere a send
gets a random key, which makes it safe to repeat after a lost connection but not after a crash.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from secrets import token_hex


@dataclass(slots=True)
class Run:
    """One run of a handler; `sends` counts what it sent without a key."""

    prefix: str
    sends: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """A client key; an automatic one stands for whatever its handler sent there first."""

    text: str
    automatic: bool = False


_current: ContextVar[Run | None] = ContextVar("spaces_handler_run", default=None)


@contextmanager
def running(prefix: str) -> Iterator[Run]:
    """Give what is sent inside keys with this prefix."""
    run = Run(prefix)
    reset = _current.set(run)
    try:
        yield run
    finally:
        _current.reset(reset)


def key_for(given: str | None) -> Key:
    """Return the key of the next send: the given one, the handler's next, or a random one."""
    if given is not None:
        return Key(given)
    run = _current.get()
    if run is None:
        return Key(f"once/{token_hex(16)}")
    run.sends += 1
    return Key(f"{run.prefix}/{run.sends}", automatic=True)
