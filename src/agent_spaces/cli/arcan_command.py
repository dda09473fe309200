"""`spaces arcan-tools`: what Arcan expects of Spaces, for a runtime in any language."""

import os
from typing import Annotated

import typer

from agent_spaces import logs
from agent_spaces.cli.failures import clean_failure, run
from agent_spaces.cli.options import DatabaseOption, HostOption, LoginOption
from agent_spaces.cli.settings import target
from agent_spaces.integrations.arcan.activity import LOG_CHANNEL
from agent_spaces.integrations.arcan.process import serve_lines


def arcan_tools(
    channel: Annotated[
        str | None,
        typer.Option(
            "--channel", metavar="NAME", help="Where activity is told; else SPACES_CHANNEL_ID, else agent-logs."
        ),
    ] = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
) -> None:
    """Serve the Arcan runtime over lines of JSON.

    One request a line on standard input, one answer a line on standard output.

    It acts as the saved login, and ends with its input or on SIGTERM. docs/how-to/arcan.md has the protocol.
    """
    with clean_failure():
        where = target(host=host, database=database, login=login)
        logs.configure("warning", as_json=False)
        token = where.signed_in()
        chosen = channel or os.environ.get("SPACES_CHANNEL_ID") or LOG_CHANNEL
        run(lambda: serve_lines(where.address, token, channel=chosen))
