"""A space for code without asyncio."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from agent_spaces.agents.space import DEFAULT_DATABASE, DEFAULT_HOST, Spaces
from agent_spaces.agents.sync.agent import SyncAgent
from agent_spaces.agents.sync.loop import LoopThread
from agent_spaces.clock import Clock
from agent_spaces.config import HostConfig


class SyncSpaces:
    """A database and the way to it, with an event loop of its own: `with SyncSpaces.open("./data") as space:`.

    Everything of `Spaces`, with methods that wait. What it gives is used inside the block.
    """

    def __init__(self, space: Spaces) -> None:
        self._space = space
        self._thread: LoopThread | None = None

    @classmethod
    def open(cls, folder: str | Path, *, settings: HostConfig | None = None) -> "SyncSpaces":
        """Use a database in a folder, with its host in this process; see Spaces.open."""
        return cls(Spaces.open(folder, settings=settings))

    @classmethod
    def connect(
        cls, host: str = DEFAULT_HOST, *, database: str = DEFAULT_DATABASE, token: str | None = None
    ) -> "SyncSpaces":
        """Use a host elsewhere; see Spaces.connect."""
        return cls(Spaces.connect(host, database=database, token=token))

    @classmethod
    def memory(cls, *, clock: Clock | None = None, settings: HostConfig | None = None) -> "SyncSpaces":
        """Use a database that ends with the block; see Spaces.memory."""
        return cls(Spaces.memory(clock=clock, settings=settings))

    @property
    def _loop(self) -> LoopThread:
        if self._thread is None:
            self._thread = LoopThread()
        return self._thread

    def agent(
        self,
        name: str,
        *,
        skills: Sequence[str] = (),
        summary: str = "",
        url: str | None = None,
        display_name: str | None = None,
    ) -> SyncAgent:
        """Return an agent with this username; see Spaces.agent."""
        core = self._space.agent(name, skills=skills, summary=summary, url=url, display_name=display_name)
        return SyncAgent(core, self._loop)

    def person(self, name: str, *, display_name: str | None = None) -> SyncAgent:
        """Return a participant that is registered as a person; see Spaces.person."""
        return SyncAgent(self._space.person(name, display_name=display_name), self._loop)

    def owner(self) -> SyncAgent:
        """Return the owner of a database whose host is in this process; see Spaces.owner."""
        return SyncAgent(self._space.owner(), self._loop)

    def advance(self, seconds: float) -> None:
        """Move the ManualClock that this space was made with; see Spaces.advance."""
        self._loop.wait(self._space.advance(seconds))

    def __enter__(self) -> Self:
        self._loop.wait(self._space.enter())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        thread, self._thread = self._loop, None
        try:
            thread.wait(self._space.leave())
        finally:
            thread.stop()
