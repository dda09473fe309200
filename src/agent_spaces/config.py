"""What a host can be told, from defaults, a TOML text and the environment: pure, all problems reported at once."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from agent_spaces.errors import ConfigError

LogFormat = Literal["auto", "text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]
ENVIRONMENT_PREFIX = "SPACES_"
_MAY_BE_ZERO = ("calls_per_second_max", "calls_burst_max")
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuerConfig:
    """Somebody else whose tokens the host accepts, with the keys to check them; nothing is fetched from the network."""

    issuer: str  # exactly as in the `iss` claim
    public_keys: tuple[str, ...] = ()  # PEM texts
    jwks: str = ""  # a JSON Web Key Set as text
    audience: str = ""  # where set, `aud` must hold it


@dataclass(frozen=True, kw_only=True, slots=True)
class HostConfig:
    """What `spaces serve` can be told: in TOML by the field's name, in the environment by SPACES_NAME."""

    listen_host: str = "127.0.0.1"
    listen_port: int = 3000  # 0 lets the system choose
    data_folder: str = ""  # empty: the command's default
    database_name: str = "spaces"

    allow_anonymous: bool | None = None  # requests without a token get an identity; None: only on a loopback address
    allowed_origins: tuple[str, ...] = ()  # web pages that may talk to a loopback host, as scheme://host:port; "*": all
    allowed_hosts: tuple[str, ...] = ()  # more names that a loopback host is asked for, as behind a proxy; "*": any
    issuers: tuple[IssuerConfig, ...] = ()

    message_bytes_max: int = 32 * 2**20  # one WebSocket message of a client
    partial_bytes_max: int = 512 * 2**20  # messages that have not arrived whole, of all clients together
    outgoing_messages_max: int = 16_384  # per connection, behind the one being written; one more and it is cut off
    outgoing_bytes_max: int = 8 * 2**20  # the same in bytes
    incoming_messages_max: int = 16_384  # per connection, not yet handled
    connections_max: int = 10_000  # sockets of any kind; one more is refused with 503
    calls_per_second_max: int = 0  # reducer calls of one identity, over all its connections; 0: no limit
    calls_burst_max: int = 0  # so many at once before that counts; 0: as many as in a second
    http_body_bytes_max: int = 2 * 2**20
    head_bytes_max: int = 16 * 2**10  # request line and headers
    head_timeout_s: float = 5.0
    body_timeout_s: float = 30.0
    ping_interval_s: float = 15.0
    idle_timeout_s: float = 30.0  # silence after which a WebSocket is dropped
    close_timeout_s: float = 1.0  # wait for the other side's Close
    drain_timeout_s: float = 10.0  # wait for requests in flight when stopping

    log_level: LogLevel = "info"
    log_format: LogFormat = "auto"  # auto: text on a terminal, JSON elsewhere
    log_lines_max: int = 10_000  # kept in memory for /logs

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the host."""
        return is_loopback(self.listen_host)

    @property
    def anonymous_allowed(self) -> bool:
        """Whether a request without a token is given an identity of its own."""
        return self.is_loopback if self.allow_anonymous is None else self.allow_anonymous


def is_loopback(host: str) -> bool:
    """Return whether a host name or address, without a port, means this machine only."""
    name = host.lower().removeprefix("[").removesuffix("]").removesuffix(".")
    octets = name.split(".")
    in_net_127 = len(octets) == 4 and octets[0] == "127" and all(part.isascii() and part.isdigit() for part in octets)
    return name in _LOOPBACK_NAMES or name.endswith(".localhost") or in_net_127


class _UnusableError(Exception):
    """A value that a setting cannot take; the text goes behind the setting's name."""


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _UnusableError("must be a whole number")
    try:
        return int(value)
    except ValueError:
        raise _UnusableError("must be a whole number") from None


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _UnusableError("must be a number of seconds")
    try:
        number = float(value)
    except ValueError:
        raise _UnusableError("must be a number of seconds") from None
    if not 0 < number < 86_400:
        raise _UnusableError("must be more than 0 and less than a day")
    return number


def _flag(value: Any) -> bool:
    if isinstance(value, str):
        value = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(value.lower())
    if not isinstance(value, bool):
        raise _UnusableError("must be true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _UnusableError("must be text")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _UnusableError("must be a list of texts")
    return tuple(value)


def _one_of(choices: tuple[str, ...]) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise _UnusableError(f"must be one of {', '.join(choices)}")
        return str(value)

    return read


def _issuers(value: Any) -> tuple[IssuerConfig, ...]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _UnusableError("must be tables, [[issuers]] in TOML")
    return tuple(_issuer(item) for item in value)


def _issuer(item: dict[str, Any]) -> IssuerConfig:
    unknown = set(item) - {field.name for field in fields(IssuerConfig)}
    if unknown:
        raise _UnusableError(f"does not know {', '.join(sorted(unknown))}")
    entry = IssuerConfig(
        issuer=_text(item.get("issuer", "")),
        public_keys=_texts(item.get("public_keys", [])),
        jwks=_text(item.get("jwks", "")),
        audience=_text(item.get("audience", "")),
    )
    if not 1 <= len(entry.issuer.encode()) <= 128:
        raise _UnusableError("needs an issuer of 1 to 128 bytes in each table")
    if entry.issuer == "localhost":
        raise _UnusableError("cannot list localhost: that is this host itself")
    if not entry.public_keys and not entry.jwks:
        raise _UnusableError(f"needs public_keys or jwks for {entry.issuer}")
    return entry


_READERS: dict[str, Callable[[Any], Any]] = {
    "allow_anonymous": _flag,
    "allowed_origins": _texts,
    "allowed_hosts": _texts,
    "issuers": _issuers,
    "log_level": _one_of(get_args(LogLevel)),
    "log_format": _one_of(get_args(LogFormat)),
}
_BY_TYPE: dict[Any, Callable[[Any], Any]] = {int: _whole, float: _seconds, str: _text}


def _read(name: str, kind: Any, value: Any) -> Any:
    read: Callable[[Any], Any] = _READERS.get(name) or _BY_TYPE[kind]
    result = read(value)
    if name == "listen_port":
        if not 0 <= result <= 65_535:
            raise _UnusableError("must be 0 to 65535")
    elif kind is int and result == 0 and name in _MAY_BE_ZERO:
        pass
    elif kind is int and not 1 <= result < 2**40:
        raise _UnusableError("must be at least 1")
    return result


def _is_database_name(name: str) -> bool:
    parts = name.split("-")
    return all(part.isascii() and part.isalnum() and part == part.lower() for part in parts)


def load_host_config(env: Mapping[str, str], toml_text: str = "") -> HostConfig:
    """Merge defaults, TOML text, then SPACES_<FIELD>; ConfigError lists every problem.

    Lists are separated by commas in the environment; `issuers` can only be given in TOML. Variables that name no field
    belong to other commands and are left alone; a key of the TOML text that names no field is a problem.
    """
    problems: list[str] = []
    try:
        given = tomllib.loads(toml_text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"The configuration is no TOML: {error}") from None
    kinds = {field.name: field.type for field in fields(HostConfig)}
    problems += [f"{name}: there is no such setting" for name in given if name not in kinds]
    values: dict[str, Any] = {}
    for name, kind in kinds.items():
        variable = ENVIRONMENT_PREFIX + name.upper()
        sources = [(name, given[name])] if name in given else []
        sources += [(variable, env[variable])] if variable in env else []
        for source, value in sources:
            try:
                values[name] = _read(name, kind, value)
            except _UnusableError as error:
                problems.append(f"{source} {error}")
    config = HostConfig(**values)
    if not _is_database_name(config.database_name):
        problems.append("database_name must be lower-case letters, digits and single dashes")
    if not config.listen_host:
        problems.append("listen_host must not be empty")
    if config.idle_timeout_s <= config.ping_interval_s:
        problems.append("idle_timeout_s must be more than ping_interval_s")
    if problems:
        raise ConfigError("These settings cannot be used:\n" + "\n".join(f"- {problem}" for problem in problems))
    return config
