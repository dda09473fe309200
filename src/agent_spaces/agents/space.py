"""A space: the database that agents meet in, in this process or on a host elsewhere."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from agent_spaces.agents.agent import Agent
from agent_spaces.agents.embedded import Embedded, InFolder, InMemory, RunningHost
from agent_spaces.agents.enrol import Card
from agent_spaces.agents.errors import AgentError
from agent_spaces.agents.tokens import HeldTokens, SavedTokens, TokenStore
from agent_spaces.client import Address, ClientOptions, Credentials
from agent_spaces.client.over_http import new_identity
from agent_spaces.clock import Clock, ManualClock, SystemClock
from agent_spaces.config import HostConfig
from agent_spaces.errors import SpacesError
from agent_spaces.logins import config_folder
from agent_spaces.logs import hide_secrets

DEFAULT_HOST = "http://localhost:3000"
DEFAULT_DATABASE = "spaces"
_EMBEDDED = Address("http://embedded", DEFAULT_DATABASE)  # tokens of a folder are bound to the folder, not to a port


class Spaces:
    """A database and the way to it: `Spaces.open`, `Spaces.connect` and `Spaces.memory` give the same type.

    A host in this process runs while the space or one of its agents is open: `async with space:`, `async with agent:`.
    """

    def __init__(
        self, *, address: Address | None, embedded: Embedded | None, tokens: TokenStore, token: str | None = None
    ) -> None:
        self._address, self._embedded, self.tokens, self._token = address, embedded, tokens, token
        self.options = ClientOptions()
        self.clock: Clock = SystemClock()
        self._host: RunningHost | None = None
        self._users = 0
        self._starting = asyncio.Lock()

    @classmethod
    def open(cls, folder: str | Path, *, settings: HostConfig | None = None) -> "Spaces":
        """Use a database in a folder, made if it is not there, with its host in this process.

        Agents' tokens are kept in the folder (0600). `settings` are those of `spaces serve`. What can go wrong is told
        when it is entered: LockedError names the process that has the folder open.
        """
        path = Path(folder)
        tokens = SavedTokens(Credentials(path / "agents"), _EMBEDDED)
        return cls(address=None, embedded=InFolder(path, settings), tokens=tokens)

    @classmethod
    def connect(
        cls, host: str = DEFAULT_HOST, *, database: str = DEFAULT_DATABASE, token: str | None = None
    ) -> "Spaces":
        """Use a host elsewhere, embedded or SpacetimeDB.

        Each agent's token is saved under its name for this host (0600, beside those of `spaces login`); a `token` given
        here is used instead, by the one agent that this space then has.
        """
        address = Address(host, database)
        tokens = SavedTokens(Credentials(config_folder(os.environ)), address)
        return cls(address=address, embedded=None, tokens=tokens, token=token)

    @classmethod
    def memory(cls, *, clock: Clock | None = None, settings: HostConfig | None = None) -> "Spaces":
        """Use a database that ends with it: for tests and trials.

        With a ManualClock the host's time stands still until `await space.advance(seconds)`.
        """
        chosen = clock or SystemClock()
        space = cls(address=None, embedded=InMemory(chosen, settings), tokens=HeldTokens())
        space.clock = chosen
        return space

    def agent(
        self,
        name: str,
        *,
        skills: Sequence[str] = (),
        summary: str = "",
        url: str | None = None,
        display_name: str | None = None,
    ) -> Agent:
        """Return an agent with this username; it is the same identity at every start.

        `skills` and `summary` are on its card, where others find it and claims of tasks are checked; the skills of its
        task handlers come onto it by themselves.
        """
        return Agent(self, Card(name, tuple(skills), summary, url, display_name), token=self._token)

    def person(self, name: str, *, display_name: str | None = None) -> Agent:
        """Return a participant that is registered as a person: for tests, and for what a person acts through."""
        return Agent(self, Card(name, display_name=display_name, is_agent=False), token=self._token)

    def owner(self) -> Agent:
        """Return the database's owner, who may do all; only of a host in this process, once the space is entered."""
        if self._host is None:
            raise AgentError("Only a host in this process has its owner's token, while `async with space:` is entered.")
        return Agent(self, Card("owner", is_agent=False, is_owner=True), token=self._host.owner_token)

    @property
    def address(self) -> Address:
        """Where the host is reached, also by others of this machine who have a token."""
        if self._address is not None:
            return self._address
        if self._host is None:
            raise AgentError("This space is not open: use `async with space:` or `async with agent:`.")
        return self._host.address

    async def __aenter__(self) -> Self:
        await self.enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    async def enter(self) -> None:
        """Start the host, if it is to run in this process; each `enter` has its `leave`."""
        async with self._starting:
            _quiet_logs()
            if self._embedded is not None and self._host is None:
                self._host = await self._embedded.start()
            self._users += 1

    async def leave(self) -> None:
        """Stop the host with its last user, making everything durable."""
        async with self._starting:
            self._users -= 1
            if self._users == 0 and self._host is not None:
                host, self._host = self._host, None
                await host.stop()

    async def new_identity(self) -> tuple[str, str]:
        """Return (identity as hex, token) of a new identity."""
        return await new_identity(self.address) if self._host is None else self._host.new_identity()

    async def advance(self, seconds: float) -> None:
        """Move the ManualClock that this space was made with, and let what is due by then happen."""
        if not isinstance(self.clock, ManualClock) or self._host is None:
            raise AgentError("Only an entered Spaces.memory(clock=ManualClock()) can be advanced.")
        self.clock.advance(seconds)
        await self._host.database.run_due()

    @asynccontextmanager
    async def running(self, *agents: Agent) -> AsyncIterator[None]:
        """Keep the space and these agents connected for a block: they start together, and end together."""
        async with self:
            try:
                async with asyncio.TaskGroup() as group:
                    for agent in agents:
                        group.create_task(agent.start())
                yield
            finally:
                await asyncio.gather(*(agent.stop() for agent in agents))

    def run(self, *agents: Agent) -> None:
        """Serve with these agents until interrupted: the last line of a program, without asyncio around it.

        What ends one agent for good ends all, and is raised: HostUnreachableError if nobody answers at the start.
        """

        async def serve() -> None:
            async with self, asyncio.TaskGroup() as group:
                for agent in agents:
                    group.create_task(agent.run())

        try:
            asyncio.run(serve())
        except KeyboardInterrupt:
            return
        except BaseExceptionGroup as group:
            reasons = _reasons(group)
            if all(isinstance(reason, SpacesError) for reason in reasons):
                raise reasons[0] from None  # what HTTP libraries said of it is of no use to its reader
            raise

    @staticmethod
    def twin(value: Any) -> Any:
        """Return the form of a value that ordinary functions can use: without asyncio, from any thread."""
        from agent_spaces.agents.sync import Loop  # noqa: PLC0415 - the twins are made of the classes here

        return Loop(asyncio.get_running_loop()).twin(value)


def _reasons(error: BaseException) -> list[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [reason for each in error.exceptions for reason in _reasons(each)]


def _quiet_logs() -> None:
    """Log warnings and errors on stderr, unless the program has set up structlog as it likes."""
    if not structlog.is_configured():
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                hide_secrets,
                structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
            cache_logger_on_first_use=False,
        )
