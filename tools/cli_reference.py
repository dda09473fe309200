"""The command line's reference page, from the commands themselves."""

from typing import Any

import typer
from typer.core import TyperGroup

from agent_spaces.cli.main import build


def cli_reference() -> str:
    """Return docs/reference/cli.md."""
    lines = ["# The command line", "", "Generated from the commands: `make generate`.", ""]
    lines += [
        "Where a command talks to: flag, then environment, then `spacetime.json`, then the default.",
        "`SPACETIMEDB_HOST` (http://localhost:3000), `SPACETIMEDB_DATABASE` (spaces), `SPACETIMEDB_TOKEN` (else the",
        "saved login, else the token of the `spacetime` command for hosts that it knows).",
        "",
        "Exit codes: 0 ok, 1 failure, 2 usage, 3 not allowed or not signed in, 4 not found, 5 conflict, 6 host",
        "unreachable, 7 timed out, 130 interrupted.",
        "",
    ]
    _describe(typer.main.get_command(build([])), "spaces", lines)
    return "\n".join(lines).rstrip() + "\n"


def _describe(command: Any, path: str, lines: list[str]) -> None:
    context = command.make_context(path, [], resilient_parsing=True, terminal_width=100, max_content_width=100)
    lines += [f"## {path}", "", "```text", command.get_help(context).rstrip(), "```", ""]
    if isinstance(command, TyperGroup):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                _describe(child, f"{path} {name}", lines)
