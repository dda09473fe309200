"""As whom a hook speaks, and to which database."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from agent_spaces.location import Location, location_of
from agent_spaces.logins import Credentials, cli_token, config_folder, host_key

CONTEXT_CHARS, CONTEXT_CHARS_MAX = 6000, 9900  # the harness turns 10,000 and more into a preview
COOLDOWN_SECONDS = 300.0
TIMEOUT_SECONDS, HOST_SECONDS_MAX = 3.0, 2.5  # of which a digest may wait so long: the rest is for its process
LOG_CHANNEL = "agent-logs"
_LOOPBACK = host_key("http://localhost:80").split("_")[1]


class Caller(NamedTuple):
    """A database and the token for it; `name` is the saved login's, empty for a token from elsewhere."""

    location: Location
    token: str
    name: str


def caller_of(env: Mapping[str, str], folder: Path, login: str | None = None) -> Caller | None:
    """Return who speaks from a folder; None if nobody is signed in.

    A token from the environment is not sent to a host that only a file of the project names: whoever writes that
    file would get it. SpacesError if a setting cannot be read.
    """
    location = location_of(None, None, env, folder)
    chosen = login or env.get("SPACES_AGENT") or None
    given = env.get("SPACETIMEDB_TOKEN")
    if given and chosen is None:
        local = host_key(location.host).split("_")[1] == _LOOPBACK
        return Caller(location, given, "") if local or not location.from_project else None
    saved = Credentials(config_folder(env)).load(location.host, location.database, chosen)
    if saved is not None:
        return Caller(location, saved.token, saved.name)
    token = None if chosen else cli_token(env, location.host)
    return None if token is None else Caller(location, token, "")


def seconds(env: Mapping[str, str], name: str, default: float, most: float) -> float:
    """Return a number of seconds from the environment, the default if it is none; at most `most`."""
    try:
        value = float(env[name])
    except (KeyError, ValueError):
        return default
    return min(value, most) if value >= 0 else default


def context_chars(env: Mapping[str, str]) -> int:
    """Return how long a digest may be."""
    try:
        value = int(env["SPACES_CONTEXT_CHARS"])
    except (KeyError, ValueError):
        return CONTEXT_CHARS
    return min(value, CONTEXT_CHARS_MAX) if value > 0 else CONTEXT_CHARS
