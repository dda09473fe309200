"""Where the survey stands, read off the channel's events in their order: everybody who reads them agrees."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agent_spaces.sats import Identity


@dataclass(slots=True)
class Part:
    """One part of the work; `holder` is whoever claimed this attempt first."""

    number: int
    paths: list[str]
    attempt: int = 1
    holder: Identity | None = None
    done: int = 0
    found: dict[str, Any] | None = None


@dataclass(slots=True)
class Board:
    """All parts by number, and whether the final report is out."""

    parts: dict[int, Part] = field(default_factory=dict)
    finished: bool = False
    orchestrator: Identity | None = None  # who opened the survey; only its word makes, reopens and ends parts

    @classmethod
    def of(cls, events: Iterable[tuple[int, Identity, dict[str, Any]]]) -> "Board":
        """Read the events in order; what does not fit the state is ignored, as everybody ignores it."""
        board = cls()
        for _, sender, event in events:
            board._take(sender, event)
        return board

    def _take(self, sender: Identity, event: dict[str, Any]) -> None:
        kind = event.get("event")
        if kind == "survey.opened" and self.orchestrator is None:
            self.orchestrator = sender
        lead = sender == self.orchestrator
        if kind == "survey.report" and lead:
            self.finished = True
        elif kind == "survey.part" and lead:
            self.parts.setdefault(event["part"], Part(event["part"], event["paths"]))
        part = self.parts.get(event.get("part", 0))
        if part is None or part.found is not None:
            return
        current = event.get("attempt") == part.attempt
        if kind == "survey.claim" and current and part.holder is None:
            part.holder = sender
        elif kind == "survey.progress" and sender == part.holder:
            part.done = event["done"]
        elif kind == "survey.result" and current and sender == part.holder:
            part.found, part.done = event["found"], len(part.paths)
        elif kind == "survey.reopened" and lead and event["attempt"] == part.attempt + 1:
            part.attempt, part.holder, part.done = part.attempt + 1, None, 0

    def open_part(self) -> Part | None:
        """Return the first part that nobody holds, None if there is none."""
        return next((p for p in self.parts.values() if p.holder is None and p.found is None), None)

    def held_by(self, identity: Identity) -> list[Part]:
        """Return the parts that this identity holds and has not finished."""
        return [p for p in self.parts.values() if p.holder == identity and p.found is None]

    @property
    def complete(self) -> bool:
        """Whether every part has a result."""
        return bool(self.parts) and all(part.found is not None for part in self.parts.values())
