"""The host that the official SDKs are run against: an embedded one, or the one that the environment names.

SPACES_CONFORMANCE_URL and SPACES_CONFORMANCE_DATABASE (spaces), as for the conformance suite.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agent_spaces.testing.host import HostProcess, running_host


@dataclass(frozen=True)
class Judged:
    """A database, and its host's process if it was started here."""

    url: str
    database: str
    process: HostProcess | None = None

    @property
    def words(self) -> str:
        """The last that the host wrote to stderr."""
        return "" if self.process is None else self.process.stderr[-3000:]


@asynccontextmanager
async def judged_host(folder: Path) -> AsyncIterator[Judged]:
    """Give the database that the scenarios run in."""
    named = os.environ.get("SPACES_CONFORMANCE_URL")
    if named is not None:
        yield Judged(named.rstrip("/"), os.environ.get("SPACES_CONFORMANCE_DATABASE", "spaces"))
        return
    async with running_host(folder) as running:
        yield Judged(running.url, "spaces", running)
