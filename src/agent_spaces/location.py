"""Which host and database a user means: flag, then environment, then project file, then default.

Light on purpose: hooks of other programs start with it.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from agent_spaces.errors import ConfigError

DEFAULT_HOST = "http://localhost:3000"
DEFAULT_DATABASE = "spaces"
_SERVERS = {"local": "http://127.0.0.1:3000", "maincloud": "https://maincloud.spacetimedb.com"}


class Location(NamedTuple):
    """A host's address and a database's name; `from_project` says that a file of the project named the host."""

    host: str
    database: str
    from_project: bool


def location_of(host: str | None, database: str | None, env: Mapping[str, str], folder: Path) -> Location:
    """Return the host and database that are meant in a folder; ConfigError if a project file cannot be read."""
    project = project_settings(folder)
    named = project.get("server")
    by_project = named if isinstance(named, str) and named else None
    said = host or env.get("SPACETIMEDB_HOST")
    chosen = said or by_project or DEFAULT_HOST
    name = database or env.get("SPACETIMEDB_DATABASE") or project.get("database") or DEFAULT_DATABASE
    return Location(_SERVERS.get(chosen, chosen), str(name), from_project=not said and by_project is not None)


def project_settings(start: Path) -> Mapping[str, Any]:
    """Return `spacetime.json` (JSON5) of this folder or the nearest above it, with `spacetime.local.json` over it.

    ConfigError if one of them cannot be read.
    """
    for folder in (start, *start.parents):
        merged: dict[str, Any] = {}
        for name in ("spacetime.json", "spacetime.local.json"):
            path = folder / name
            if path.is_file():
                merged.update(_read_object(path))
        if merged:
            return merged
    return {}


def _read_object(path: Path) -> dict[str, Any]:
    try:
        read = _parsed(path.read_text())
    except (ValueError, OSError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    if not isinstance(read, dict):
        raise ConfigError(f"{path} must hold an object.")
    return read


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        import json5  # noqa: PLC0415 - only a file with comments has to wait for it

        return json5.loads(text)
