"""A host inside this process: the database in a folder or in memory, behind a loopback port of its own.

Agents reach it through the real protocol and the real gateway, so nothing they rely on differs from a host elsewhere.
Requests without a token are refused: other users of the machine cannot come in.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent_spaces.client import Address
from agent_spaces.clock import Clock, SystemClock, SystemRandomness
from agent_spaces.config import HostConfig
from agent_spaces.engine.database import Database
from agent_spaces.engine.memory import memory_database
from agent_spaces.engine.opening import OpenDatabase, open_database
from agent_spaces.engine.storage.lock import prepare_folder
from agent_spaces.fabric.module import SPACES
from agent_spaces.gateway.identity_file import database_identity
from agent_spaces.gateway.keys import SigningKey
from agent_spaces.gateway.serve import Gateway
from agent_spaces.gateway.tokens import OwnerToken, TokenAuthority


@dataclass(slots=True)
class RunningHost:
    """A host that serves: its address, its owner's token, and who may make identities."""

    gateway: Gateway
    tokens: TokenAuthority
    owner_token: str
    opened: OpenDatabase | None

    @property
    def address(self) -> Address:
        """Where it is reached."""
        return Address(self.gateway.url, self.database.name)

    @property
    def database(self) -> Database:
        """The database that is served."""
        return self.gateway.site.database

    def new_identity(self) -> tuple[str, str]:
        """Return (identity as hex, token) of a new identity."""
        caller = self.tokens.mint()
        return caller.identity.hex(), caller.token

    async def stop(self) -> None:
        """Make everything durable and end."""
        await self.gateway.stop()
        if self.opened is not None:
            await self.opened.close()


class Embedded(Protocol):
    """How to start a host in this process."""

    async def start(self) -> RunningHost:
        """Start it on the running event loop."""
        ...


def _settings(given: HostConfig | None) -> HostConfig:
    return given or HostConfig(listen_port=0, allow_anonymous=False)


@dataclass(frozen=True, slots=True)
class InFolder:
    """A host whose database lives in a folder, made if it is not there."""

    folder: Path
    settings: HostConfig | None = None

    async def start(self) -> RunningHost:
        """Open the folder and serve it.

        LockedError if another process has it open, DamagedError, StorageError, ConfigError.
        """
        clock, randomness, settings = SystemClock(), SystemRandomness(), _settings(self.settings)
        prepare_folder(self.folder)
        tokens = TokenAuthority(SigningKey.load_or_create(self.folder), clock, randomness, settings.issuers)
        owner = OwnerToken.load_or_create(self.folder, tokens)
        opened = open_database(
            self.folder,
            SPACES,
            identity=database_identity(self.folder, tokens),
            owner=owner.identity,
            clock=clock,
            randomness=randomness,
            name=settings.database_name,
        )
        gateway = Gateway(opened.database, settings, tokens, clock=clock, randomness=randomness)
        try:
            await gateway.start()
        except BaseException:
            await opened.close()
            raise
        return RunningHost(gateway, tokens, owner.token, opened)


@dataclass(frozen=True, slots=True)
class InMemory:
    """A host whose database ends with it; `clock` is the one that leases, votes and messages go by."""

    clock: Clock
    settings: HostConfig | None = None

    async def start(self) -> RunningHost:
        """Make the database and serve it."""
        tokens = TokenAuthority(SigningKey.generate(), self.clock, SystemRandomness())
        owner = tokens.mint()
        database = memory_database(SPACES, self.clock, owner=owner.identity)
        gateway = Gateway(database, _settings(self.settings), tokens, clock=self.clock)
        await gateway.start()
        return RunningHost(gateway, tokens, owner.token, None)
