"""Where an agent's token is kept, so that it is the same identity at its next start."""

from dataclasses import dataclass, field
from typing import Protocol

from agent_spaces.client import Address, Credentials, Login


class TokenStore(Protocol):
    """Tokens by the name of the agent."""

    def load(self, name: str) -> str | None:
        """Return the token saved under a name, None if there is none."""
        ...

    def save(self, name: str, identity: str, token: str) -> None:
        """Keep a token under a name."""
        ...


@dataclass(slots=True)
class SavedTokens:
    """Tokens in files that only their owner may read (0600), bound to one host and database."""

    credentials: Credentials
    address: Address

    def load(self, name: str) -> str | None:
        """Return the token saved under a name, None if there is none. ClientError if its file cannot be read."""
        login = self.credentials.load(self.address.base, self.address.database, name)
        return None if login is None else login.token

    def save(self, name: str, identity: str, token: str) -> None:
        """Write a token under a name, without making it the default of the command line."""
        self.credentials.save(self.address.base, self.address.database, Login(name, identity, token), default=False)


@dataclass(slots=True)
class HeldTokens:
    """Tokens of a database that ends with the process."""

    tokens: dict[str, str] = field(default_factory=dict)

    def load(self, name: str) -> str | None:
        """Return the token kept under a name, None if there is none."""
        return self.tokens.get(name)

    def save(self, name: str, identity: str, token: str) -> None:
        """Keep a token under a name."""
        del identity
        self.tokens[name] = token
