"""Faults that are planted on purpose, to see that the rig finds them. Nothing of the shipped package knows of these.

Each takes the run's seed and changes the process it is called in, which is a host, a client, or a simulation of both.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from unittest import mock

from agent_spaces.client.cache import Plan, TableCache
from agent_spaces.client.calls import PendingCall
from agent_spaces.engine.storage import writers
from agent_spaces.engine.storage.log import Done
from agent_spaces.engine.subscriptions import moves, subscriptions
from agent_spaces.gateway import ws_frames as ws
from agent_spaces.gateway.websocket import WebSocket
from agent_spaces.sql import compile_subscription

DROPPED_ONE_OF = 1000
SWAPPED_ONE_OF = 100
_BODY_AT = {126: 4, 127: 10}
Plant = Callable[[int], None]


def _is_update(frame: bytes) -> bool:
    start = _BODY_AT.get(frame[1], 2)
    return frame[0] == ws.FINAL | ws.BINARY and frame[start : start + 2] == b"\0\4"


def _frames(data: bytes) -> Iterator[bytes]:
    start = 0
    for size in ws.frame_sizes(data):
        yield data[start : start + size]
        start += size


def drop_updates(seed: int) -> None:
    """Lose one update of a thousand on its way to a client."""
    send, count = WebSocket.send, DROPPED_ONE_OF - random.Random(seed).randrange(50, 300)

    def leaky(self: WebSocket, data: bytes) -> None:
        nonlocal count
        kept = []
        for frame in _frames(data):
            count += _is_update(frame)
            if _is_update(frame) and count % DROPPED_ONE_OF == 0:
                continue
            kept.append(frame)
        if kept:
            send(self, b"".join(kept))

    WebSocket.send = leaky  # type: ignore[method-assign]


def swap_updates(seed: int) -> None:
    """Send an update behind the next one, now and then."""
    send, count = WebSocket.send, random.Random(seed).randrange(SWAPPED_ONE_OF)
    held: dict[int, bytes] = {}

    def hasty(self: WebSocket, data: bytes) -> None:
        nonlocal count
        late = held.pop(id(self), None)
        count += _is_update(data)
        if late is None and _is_update(data) and count % SWAPPED_ONE_OF == 0:
            held[id(self)] = data
            return
        send(self, data if late is None else data + late)

    WebSocket.send = hasty  # type: ignore[method-assign]


def queue_without_bounds(_seed: int) -> None:
    """Keep everything for a client that does not read."""
    WebSocket._count_backlog = lambda self, data: None  # type: ignore[method-assign]


def duplicate_after_reconnect(seed: int) -> None:
    """Tell a client once more of a row that it had all along."""
    plan_all, rng = TableCache.plan_all, random.Random(seed)

    def forgetful(self: TableCache[Any], counts: dict[bytes, int]) -> Plan[Any]:
        plan = plan_all(self, counts)
        stayed = sorted(set(self._rows) & set(counts))
        if stayed:
            raw = rng.choice(stayed)
            plan.came[raw] = self.decode(raw)
        return plan

    TableCache.plan_all = forgetful  # type: ignore[method-assign]


def retry_without_key(_seed: int) -> None:
    """Repeat every call whose answer was lost, whatever it does."""
    PendingCall.lost = lambda self: not self.answer.done()  # type: ignore[method-assign]


class EarlyWriter(writers.InlineWriter):
    """Acknowledges a group when it is in the page cache; the fsync follows some time later."""

    def write(self, handle: int, data: bytes, position: int, done: Done) -> None:
        self._call_soon(lambda: done(None))
        self._writes = getattr(self, "_writes", 0) + 1
        with suppress(OSError):
            self._files.pwrite(handle, data, position)
            if self._writes % 4 == 0:
                self._files.fdatasync(handle)


@contextmanager
def keeping_lost_rights() -> Iterator[None]:
    """Send no deletes to who loses a right."""
    delta = moves.Personal._delta

    def keeping(self: Any, feed: Any, view: Any, moved: Any) -> Any:
        inserts, _ = delta(self, feed, view, {key: joined for key, joined in moved.items() if joined})
        return inserts, []

    with mock.patch.object(moves.Personal, "_delta", keeping):
        yield


@contextmanager
def plans_of_others() -> Iterator[None]:
    """Remember compiled queries by their text, whoever asked first."""
    compile_, known = compile_subscription, dict[str, Any]()

    def cached(text: str, catalog: Any, sender: Any) -> Any:
        if text not in known:
            known[text] = compile_(text, catalog, sender)
        return known[text]

    with mock.patch.object(subscriptions, "compile_subscription", cached):
        yield


HOST_PLANTS: dict[str, Plant] = {"drop": drop_updates, "swap": swap_updates, "unbounded": queue_without_bounds}
CLIENT_PLANTS: dict[str, Plant] = {"duplicate": duplicate_after_reconnect, "retry": retry_without_key}
