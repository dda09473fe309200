"""`spaces serve`: the embedded host, put together from its parts."""

import asyncio
import gc
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, get_args

import typer

from agent_spaces import logs
from agent_spaces.cli.failures import clean_failure
from agent_spaces.cli.settings import default_data_folder
from agent_spaces.clock import SystemClock, SystemRandomness
from agent_spaces.config import HostConfig, LogLevel, is_loopback, load_host_config
from agent_spaces.engine.collector import tune_collector
from agent_spaces.engine.opening import open_database
from agent_spaces.engine.storage.lock import prepare_folder
from agent_spaces.errors import ConfigError
from agent_spaces.fabric.module import SPACES
from agent_spaces.gateway.identity_file import database_identity
from agent_spaces.gateway.keys import SigningKey
from agent_spaces.gateway.module_log import LogRing
from agent_spaces.gateway.serve import Gateway
from agent_spaces.gateway.serve import serve as serve_gateway
from agent_spaces.gateway.tokens import OwnerToken, TokenAuthority
from agent_spaces.location import DEFAULT_DATABASE, DEFAULT_HOST

_LISTEN = re.compile(r"(?:(?P<host>\[[0-9A-Fa-f:]+\]|[^:]*):)?(?P<port>\d{1,5})")


def serve(
    listen: Annotated[
        str | None, typer.Option("--listen", metavar="HOST:PORT", help="Where to listen; 127.0.0.1:3000 if not said.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", metavar="DIR", help="The database's folder; made if it is not there.")
    ] = None,
    database: Annotated[str | None, typer.Option("--database", metavar="NAME", help="The database's name.")] = None,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="More settings, as TOML.")] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Allow an address that other machines can reach; see above.")
    ] = False,
    allow_anonymous: Annotated[
        bool,
        typer.Option("--allow-anonymous", help="With --public: give an identity to whoever comes without a token."),
    ] = False,
    log_level: Annotated[str | None, typer.Option("--log-level", help="debug, info, warning or error.")] = None,
) -> None:
    """Serve a database until interrupted.

    The host listens on this machine only. With --public and another address everybody who reaches it can try to
    connect, and the traffic is not encrypted: put a reverse proxy with TLS before it. Requests without a token are then
    refused unless --allow-anonymous is given.
    """
    with clean_failure():
        settings = _settings(config, listen, database, data_dir, allow_anonymous=allow_anonymous, log_level=log_level)
        if not is_loopback(settings.listen_host) and not public:
            raise ConfigError(
                f"{settings.listen_host} can be reached from other machines: everybody there could try to connect, and "
                "traffic is not encrypted. If you mean it, add --public (and put a proxy with TLS before it)."
            )
        asyncio.run(_serve(settings))


def _settings(
    config: Path | None,
    listen: str | None,
    database: str | None,
    data_dir: Path | None,
    *,
    allow_anonymous: bool,
    log_level: str | None,
) -> HostConfig:
    env = dict(os.environ)
    if listen is not None:
        match = _LISTEN.fullmatch(listen)
        if match is None:
            raise ConfigError(f"--listen takes HOST:PORT or PORT, for example 127.0.0.1:3000, not {listen!r}.")
        env["SPACES_LISTEN_PORT"] = match["port"]
        if match["host"]:
            env["SPACES_LISTEN_HOST"] = match["host"].strip("[]")
    if database is not None:
        env["SPACES_DATABASE_NAME"] = database
    if data_dir is not None:
        env["SPACES_DATA_FOLDER"] = str(data_dir)
    if allow_anonymous:
        env["SPACES_ALLOW_ANONYMOUS"] = "true"
    if log_level is not None:
        if log_level not in get_args(LogLevel):
            raise ConfigError(f"--log-level takes {', '.join(get_args(LogLevel))}, not {log_level!r}.")
        env["SPACES_LOG_LEVEL"] = log_level
    try:
        text = "" if config is None else config.read_text()
    except OSError as error:
        raise ConfigError(f"{config} cannot be read: {error.strerror}.") from error
    settings = load_host_config(env, text)
    if not settings.data_folder:
        settings = replace(settings, data_folder=str(default_data_folder(os.environ, settings.database_name)))
    return settings


async def _serve(settings: HostConfig) -> None:
    clock, randomness = SystemClock(), SystemRandomness()
    ring = LogRing(settings.log_lines_max, clock)
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())
    logs.configure(settings.log_level, as_json=as_json, tap=ring.tap)
    folder = Path(settings.data_folder)
    prepare_folder(folder)
    tokens = TokenAuthority(SigningKey.load_or_create(folder), clock, randomness, settings.issuers)
    owner = OwnerToken.load_or_create(folder, tokens)
    gc.collect()
    opened = open_database(
        folder,
        SPACES,
        identity=database_identity(folder, tokens),
        owner=owner.identity,
        clock=clock,
        randomness=randomness,
        name=settings.database_name,
    )
    gc.freeze()  # else the next line walks the rows: 0.15 s for a million
    tune_collector()
    try:
        await serve_gateway(
            opened.database, settings, tokens, clock=clock, randomness=randomness, log=ring, started=_say_where
        )
    finally:
        await opened.close()


def _say_where(gateway: Gateway) -> None:
    print(f"Spaces listens on {gateway.url}", flush=True)  # noqa: T201 - the first line on stdout is a promise
    if not sys.stdout.isatty():
        return
    config = gateway.site.config
    elsewhere = "" if DEFAULT_HOST.endswith(f":{gateway.port}") else f" --host {gateway.url}"
    elsewhere += "" if config.database_name == DEFAULT_DATABASE else f" --database {config.database_name}"
    print(  # noqa: T201 - for the person who just started it
        f"Its data is in {config.data_folder}. Ctrl-C stops it.\n"
        f"Now, in another terminal: spaces login NAME{elsewhere}",
        flush=True,
    )
