"""`spaces mcp`: the tools and calls of one login for an MCP host."""

import re
from importlib.util import find_spec
from typing import Annotated

import typer

from agent_spaces import logs
from agent_spaces.agents.tool_kit import Profile
from agent_spaces.cli.failures import clean_failure, run
from agent_spaces.cli.options import DatabaseOption, HostOption, LoginOption
from agent_spaces.cli.settings import target
from agent_spaces.config import is_loopback
from agent_spaces.errors import ConfigError

_LISTEN = re.compile(r"(?P<host>[^:\[\]]+|\[[0-9A-Fa-f:]+\]):(?P<port>\d{1,5})")


def mcp(
    profile: Annotated[str, typer.Option("--profile", help="core: the tools to talk; full: all.")] = "core",
    channel: Annotated[
        bool, typer.Option("--channel", help="Wake Claude Code through its channels (a research preview); stdio only.")
    ] = False,
    http: Annotated[
        str | None, typer.Option("--http", metavar="HOST:PORT", help="Serve streamable HTTP at /mcp, not stdio.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option("--allow-host", metavar="NAME:PORT", help="Also answer requests for this name.")
    ] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option("--allow-origin", metavar="ORIGIN", help="Also answer pages of this origin.")
    ] = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
) -> None:
    """Serve Spaces as tools to an MCP host.

    Over stdio as the saved login, or over HTTP for callers with tokens of their own.
    """
    with clean_failure():
        if find_spec("mcp") is None:
            raise ConfigError("MCP needs its extra: pip install 'agent-spaces[mcp]'")
        if profile not in ("core", "full"):
            raise ConfigError("The profile is core or full.")
        chosen: Profile = "full" if profile == "full" else "core"
        where = target(host=host, database=database, login=login)
        logs.configure("warning", as_json=False)
        if http is None:
            from agent_spaces.integrations.mcp.serving import serve_stdio  # noqa: PLC0415 - needs the extra

            token = where.signed_in()
            run(lambda: serve_stdio(where.address, token, profile=chosen, channel=channel))
            return
        listen = _LISTEN.fullmatch(http)
        if listen is None or int(listen["port"]) > 65_535:
            raise ConfigError(f"{http} is no address to listen on; write 127.0.0.1:8000.")
        if not is_loopback(listen["host"].strip("[]")) and not allow_host:
            raise ConfigError(f"{listen['host']} can be reached from other machines; name it as they do: --allow-host.")
        import uvicorn  # noqa: PLC0415 - only for HTTP

        from agent_spaces.integrations.mcp.serving import http_app  # noqa: PLC0415 - needs the extra

        app = http_app(where.address, profile=chosen, hosts=tuple(allow_host or ()), origins=tuple(allow_origin or ()))
        uvicorn.run(app, host=listen["host"].strip("[]"), port=int(listen["port"]), log_level="warning")
