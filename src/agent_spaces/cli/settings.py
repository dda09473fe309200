"""What a command talks to: flag, then environment, then project file, then default."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import json5

from agent_spaces.client import Address, Credentials, Login
from agent_spaces.client.credentials import cli_token, config_folder
from agent_spaces.errors import ConfigError, SpacesError

DEFAULT_HOST = "http://localhost:3000"
DEFAULT_DATABASE = "spaces"
_SERVERS = {"local": "http://127.0.0.1:3000", "maincloud": "https://maincloud.spacetimedb.com"}


class NotSignedInError(SpacesError):
    """There is no saved login for the host and database."""

    code = "not_signed_in"


@dataclass(frozen=True)
class Target:
    """A database, and who calls; `login` is None where the token comes from elsewhere."""

    address: Address
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


def project_settings(start: Path) -> Mapping[str, Any]:
    """Return `spacetime.json` (JSON5) of this folder or the nearest above it, with `spacetime.local.json` over it.

    ConfigError if one of them cannot be read.
    """
    for folder in (start, *start.parents):
        merged: dict[str, Any] = {}
        for name in ("spacetime.json", "spacetime.local.json"):
            path = folder / name
            if not path.is_file():
                continue
            try:
                read = json5.loads(path.read_text())
            except (ValueError, OSError) as error:
                raise ConfigError(f"{path} cannot be read: {error}") from error
            if not isinstance(read, dict):
                raise ConfigError(f"{path} must hold an object.")
            merged.update(read)
        if merged:
            return merged
    return {}


def default_data_folder(env: Mapping[str, str], database: str) -> Path:
    """Return where `spaces serve` keeps a database if it is told nothing else."""
    home = Path(env.get("XDG_DATA_HOME") or Path(env.get("HOME") or Path.home()) / ".local" / "share")
    return home / "spaces" / database


def address_of(host: str | None, database: str | None, env: Mapping[str, str], folder: Path) -> Address:
    """Return the database that a command means."""
    project = project_settings(folder)
    named = project.get("server")
    server = _SERVERS.get(named, named) if isinstance(named, str) else None
    chosen = host or env.get("SPACETIMEDB_HOST") or server or DEFAULT_HOST
    name = database or env.get("SPACETIMEDB_DATABASE") or project.get("database") or DEFAULT_DATABASE
    return Address(_SERVERS.get(chosen, chosen), str(name))


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
