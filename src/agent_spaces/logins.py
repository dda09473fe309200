"""Saved logins: one file a login, readable by its owner only, bound to the host and database it was made for.

    <config>/spaces/logins/<host>/<database>/<name>.json    {"name", "identity", "token"}
    <config>/spaces/logins/<host>/<database>/.default       the name that is used when none is given

A token never travels to a host it was not made for. Light on purpose: hooks of other programs start with it.
"""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from agent_spaces.errors import SpacesError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class LoginError(SpacesError):
    """A saved login that cannot be read, or a name that cannot be one."""

    code = "login"


class Login(NamedTuple):
    """Who somebody is on one database: the name it was saved under, the identity as hex, the token."""

    name: str
    identity: str
    token: str


def config_folder(env: Mapping[str, str]) -> Path:
    """Return where this user's settings live, by the XDG rules."""
    return Path(env.get("XDG_CONFIG_HOME") or Path(env.get("HOME") or Path.home()) / ".config")


def host_key(host: str) -> str:
    """Return a host's address as one word: `http://localhost:3000` and `localhost:3000` are the same."""
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

        LoginError if the file cannot be read as one.
        """
        place = self._place(host, database)
        if name is None:
            try:
                name = (place / ".default").read_text().strip()
            except FileNotFoundError:
                return None
        path = place / f"{_checked(name)}.json"
        try:
            return _login(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, RecursionError) as error:
            raise LoginError(f"{path} is not a saved login ({error}); delete it and log in again.") from error

    def save(self, host: str, database: str, login: Login, *, default: bool) -> Path:
        """Write a login, for its owner only, and return its file."""
        place = self._place(host, database)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = place / f"{_checked(login.name)}.json"
        _write_private(path, json.dumps(login._asdict()).encode())
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
        return self._folder / host_key(host) / _checked(database, "a database")


def cli_token(env: Mapping[str, str], host: str) -> str | None:
    """Return the token of the `spacetime` command line tool, if this host is one of its servers."""
    path = config_folder(env) / "spacetime" / "cli.toml"
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError):
        return None
    import tomllib  # noqa: PLC0415 - only who has that file waits for it

    try:
        settings = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    token = settings.get("spacetimedb_token")
    servers = settings.get("server_configs", [])
    known: set[str] = set()
    for server in servers if isinstance(servers, list) else []:
        with suppress(ValueError, AttributeError, KeyError, TypeError):  # an entry that is no server is nobody's
            known.add(host_key(f"{server.get('protocol', 'http')}://{server['host']}"))
    return token if isinstance(token, str) and host_key(host) in known else None


def _login(read: object) -> Login:
    members = read if isinstance(read, dict) else {}
    values = [members.get(name) for name in Login._fields]
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) != len(values):
        raise ValueError("it needs name, identity and token")
    return Login(*texts)


def _checked(name: str, what: str = "a saved login") -> str:
    if not _NAME.fullmatch(name):
        raise LoginError(f"{name!r} cannot be the name of {what}: letters, digits, dots, dashes and underscores only.")
    return name


def _write_private(path: Path, data: bytes) -> None:
    fresh = path.with_name(f".{os.urandom(8).hex()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
