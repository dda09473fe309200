"""What the processes of a run did and saw: one file of JSON lines each, on one clock.

All processes of a machine share CLOCK_MONOTONIC, so the real-time order of events in different files is exact.
"""

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

import msgspec

Kind = Literal["invoke", "ok", "fail", "info", "note"]
NEVER = float("inf")


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line: `invoke` begins an operation, which `ok`, `fail` or `info` (nobody knows) ends; `note` stands alone."""

    t: float
    proc: str
    type: Kind
    f: str
    value: Any = None
    where: str = ""  # the channel, key or table it is about
    op: int = 0  # pairs an `invoke` with its end, within a process


@dataclass(frozen=True)
class Operation:
    """A call from its beginning to its end; `outcome` is `info` and `ended` NEVER where nobody knows."""

    proc: str
    f: str
    value: Any
    where: str
    began: float
    ended: float
    outcome: Kind
    answer: Any = None


class Recorder:
    """Writes the events of one process; a line is flushed at once, so that a killed process leaves what it did."""

    def __init__(self, path: Path, proc: str) -> None:
        self.proc = proc
        self._file: TextIO = path.open("w")
        self._encode = msgspec.json.Encoder().encode
        self._numbers = itertools.count(1)

    def note(self, f: str, value: Any = None, where: str = "") -> None:
        """Write an event that stands alone."""
        self._write(Event(time.monotonic(), self.proc, "note", f, value, where))

    def invoke(self, f: str, value: Any, where: str = "") -> Event:
        """Write the beginning of an operation; `end` takes what this returns."""
        event = Event(time.monotonic(), self.proc, "invoke", f, value, where, next(self._numbers))
        self._write(event)
        return event

    def end(self, invoked: Event, kind: Kind, answer: Any = None) -> None:
        """Write the end of an operation."""
        self._write(Event(time.monotonic(), self.proc, kind, invoked.f, answer, invoked.where, invoked.op))

    def _write(self, event: Event) -> None:
        self._file.write(self._encode(event).decode() + "\n")
        self._file.flush()


def read(paths: Iterable[Path]) -> list[Event]:
    """Return the events of all files in the order of time; a last line that was cut off by a kill is left out."""
    decode = msgspec.json.Decoder(Event).decode
    events: list[Event] = []
    for path in paths:
        events += map(decode, path.read_bytes().split(b"\n")[:-1])
    return sorted(events, key=lambda event: event.t)


def operations(events: Sequence[Event]) -> list[Operation]:
    """Return the operations in the order in which they began; one without an end is `info`."""
    ends = {(e.proc, e.op): e for e in events if e.op and e.type != "invoke"}
    found = []
    for e in events:
        if e.type != "invoke":
            continue
        end = ends.get((e.proc, e.op))
        outcome: Kind = "info" if end is None else end.type
        ended = NEVER if end is None or outcome == "info" else end.t
        found.append(Operation(e.proc, e.f, e.value, e.where, e.t, ended, outcome, None if end is None else end.value))
    return found


def notes(events: Iterable[Event], f: str) -> list[Event]:
    """Return the events that stand alone and have this name."""
    return [event for event in events if event.type == "note" and event.f == f]
