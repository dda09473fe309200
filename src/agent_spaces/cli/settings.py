"""What a command talks to: flag, then environment, then project file, then default."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent_spaces.errors import ConfigError, SpacesError
from agent_spaces.location import location_of
from agent_spaces.logins import Credentials, Login, cli_token, config_folder

if TYPE_CHECKING:
    from agent_spaces.client import Address


class NotSignedInError(SpacesError):
    """There is no saved login for the host and database."""

    code = "not_signed_in"


@dataclass(frozen=True)
class Target:
    """A database, and who calls; `login` is None where the token comes from elsewhere."""

    address: "Address"
    token: str | None
    login: Login | None
    json: bool

    def signed_in(self) -> str:
        """Return the token; NotSignedInError says how to get one."""
        if self.token is None:
            raise NotSignedInError(
                f"You are not signed in to {self.address.database} at {self.address.base}. Run: spaces login NAME"
            )
        return self.token


def default_data_folder(env: Mapping[str, str], database: str) -> Path:
    """Return where `spaces serve` keeps a database if it is told nothing else."""
    home = Path(env.get("XDG_DATA_HOME") or Path(env.get("HOME") or Path.home()) / ".local" / "share")
    return home / "spaces" / database


def address_of(host: str | None, database: str | None, env: Mapping[str, str], folder: Path) -> "Address":
    """Return the database that a command means."""
    from agent_spaces.client import Address  # noqa: PLC0415 - a host starts without the client

    location = location_of(host, database, env, folder)
    return Address(location.host, location.database)


def credentials(env: Mapping[str, str] | None = None) -> Credentials:
    """Return the saved logins of this user."""
    return Credentials(config_folder(os.environ if env is None else env))


def target(
    *,
    host: str | None = None,
    database: str | None = None,
    login: str | None = None,
    as_owner: bool = False,
    data_dir: Path | None = None,
    json: bool = False,
) -> Target:
    """Find the database and the token of a command.

    The owner's token is used only with `as_owner`; it is read from the data folder of a host on this machine.
    """
    env = os.environ
    address = address_of(host, database, env, Path.cwd())
    if as_owner:
        path = (data_dir or default_data_folder(env, address.database)) / "owner.token"
        try:
            return Target(address, path.read_text().strip(), None, json)
        except OSError as error:
            raise ConfigError(
                f"The owner's token cannot be read at {path} ({error.strerror}); name the folder with --data-dir."
            ) from error
    if login is None and (given := env.get("SPACETIMEDB_TOKEN")):
        return Target(address, given, None, json)
    saved = credentials(env).load(address.base, address.database, login)
    if login is not None and saved is None:
        raise NotSignedInError(f"There is no saved login {login} for {address.database} at {address.base}.")
    if saved is not None:
        return Target(address, saved.token, saved, json)
    return Target(address, cli_token(env, address.base), None, json)
