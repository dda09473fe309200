"""Saved logins: one file a login, readable by its owner only, bound to the host and database it was made for.

    <config>/spaces/logins/<host>/<database>/<name>.json    {"name", "identity", "token"}
    <config>/spaces/logins/<host>/<database>/.default       the name that is used when none is given

A token never travels to a host it was not made for.
"""

import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from agent_spaces.client.errors import ClientError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Login(msgspec.Struct, frozen=True):
    """Who somebody is on one database: the name it was saved under, the identity as hex, the token."""

    name: str
    identity: str
    token: str


def config_folder(env: Mapping[str, str]) -> Path:
    """Return where this user's settings live, by the XDG rules."""
    return Path(env.get("XDG_CONFIG_HOME") or Path(env.get("HOME") or Path.home()) / ".config")


def host_key(host: str) -> str:
    """Return a host's address as one word of scheme, name and port: `http://localhost:3000` and `localhost:3000` are one."""
    parts = urlsplit(host if "://" in host else f"http://{host}")
    port = parts.port or (443 if parts.scheme in ("https", "wss") else 80)
    name = (parts.hostname or "").lower()
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    loopback = "localhost" if name in ("127.0.0.1", "::1", "localhost") else name
    return f"{scheme}_{loopback.replace(':', '-')}_{port}"


class Credentials:
    """The saved logins of one user."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "spaces" / "logins"

    def names(self, host: str, database: str) -> list[str]:
        """Return the names that are saved for a database, in order."""
        return sorted(path.stem for path in self._place(host, database).glob("*.json"))

    def load(self, host: str, database: str, name: str | None = None) -> Login | None:
        """Return a saved login, the default one if no name is given; None if there is none.

        ClientError if the file cannot be read as one.
        """
        place = self._place(host, database)
        if name is None:
            try:
                name = (place / ".default").read_text().strip()
            except FileNotFoundError:
                return None
        path = place / f"{_checked(name)}.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=Login)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            msg = f"{path} is not a saved login ({error}); delete it and log in again."
            raise ClientError(msg) from error

    def save(self, host: str, database: str, login: Login, *, default: bool) -> Path:
        """Write a login, for its owner only, and return its file."""
        place = self._place(host, database)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = place / f"{_checked(login.name)}.json"
        _write_private(path, msgspec.json.encode(login))
        if default:
            _write_private(place / ".default", login.name.encode())
        return path

    def forget(self, host: str, database: str, name: str) -> bool:
        """Remove a login; False if there was none."""
        place = self._place(host, database)
        try:
            (place / f"{_checked(name)}.json").unlink()
        except FileNotFoundError:
            return False
        default = place / ".default"
        if default.exists() and default.read_text().strip() == name:
            default.unlink()
        return True

    def _place(self, host: str, database: str) -> Path:
        return self._folder / host_key(host) / _checked(database)


def cli_token(env: Mapping[str, str], host: str) -> str | None:
    """Return the token of the `spacetime` command line tool, if this host is one of its servers."""
    path = config_folder(env) / "spacetime" / "cli.toml"
    try:
        settings = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return None
    token = settings.get("spacetimedb_token")
    servers = settings.get("server_configs", [])
    known: set[str] = set()
    for server in servers if isinstance(servers, list) else []:
        with suppress(ValueError, AttributeError, KeyError, TypeError):  # an entry that is no server is nobody's
            known.add(host_key(f"{server.get('protocol', 'http')}://{server['host']}"))
    return token if isinstance(token, str) and host_key(host) in known else None


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        msg = f"{name!r} cannot be the name of a saved login: letters, digits, dots, dashes and underscores only."
        raise ClientError(msg)
    return name


def _write_private(path: Path, data: bytes) -> None:
    descriptor, fresh = tempfile.mkstemp(prefix=".", suffix=".new", dir=path.parent)  # 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        Path(fresh).replace(path)
    except BaseException:
        Path(fresh).unlink(missing_ok=True)
        raise
