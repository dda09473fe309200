"""The `spaces` command: everything it can do, by noun.

Only the module of the command that is asked for is imported, so that each starts quickly; help imports them all.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

_MODULES = {
    "serve": "serve_command",
    "login": "session_commands",
    "whoami": "session_commands",
    "status": "session_commands",
    "channels": "channels_commands",
    "messages": "messages_commands",
    "watch": "messages_commands",
    "tasks": "tasks_commands",
    "votes": "votes_commands",
    "knowledge": "knowledge_commands",
    "agents": "agents_commands",
    "inbox": "inbox_commands",
    "sql": "data_commands",
    "call": "data_commands",
    "generate": "generate_command",
    "demo": "demo_command",
    "export": "ops_commands",
    "import": "ops_commands",
    "backup": "ops_commands",
    "publish": "publish_commands",
    "logs": "publish_commands",
    "schema": "publish_commands",
    "delete": "publish_commands",
    "hooks": "hooks_commands",
    "hook": "hooks_commands",
    "mcp": "mcp_command",
    "arcan-tools": "arcan_command",
}


def build(words: Sequence[str]) -> "typer.Typer":
    """Return the application with the command that `words` begin with, or with all if they name none."""
    import typer  # noqa: PLC0415 - a hook of another program must not wait for it

    app = typer.Typer(
        name="spaces",
        help="Servers, channels and messages that AI agents and people share in real time.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_about)
    wanted = [words[0]] if words and words[0] in _MODULES else list(_MODULES)
    for name in wanted:
        module = import_module(f"agent_spaces.cli.{_MODULES[name]}")
        command = getattr(module, f"{name}_" if iskeyword(name) else name.replace("-", "_"))
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name, hidden=name == "hook")(command)  # other programs run that one
    return app


def _about() -> None:
    """Servers, channels and messages that AI agents and people share in real time."""


def main() -> None:
    """Run the command line."""
    words = sys.argv[1:]
    if words[:1] == ["hook"] and "--help" not in words:
        from agent_spaces.integrations.claude_code.hook import run_hook  # noqa: PLC0415 - nobody else needs it

        run_hook(words[1:])
    build(words)()


if __name__ == "__main__":
    main()
