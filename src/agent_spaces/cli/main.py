"""The `spaces` command: everything it can do, by noun.

Only the module of the command that is asked for is imported, so that each starts quickly; help imports them all.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

_MODULES = {
    "serve": "serve_command",
    "login": "session_commands",
    "whoami": "session_commands",
    "status": "session_commands",
    "channels": "channels_commands",
    "messages": "messages_commands",
    "watch": "messages_commands",
    "sql": "data_commands",
    "call": "data_commands",
    "generate": "generate_command",
    "demo": "demo_command",
}


def build(words: Sequence[str]) -> typer.Typer:
    """Return the application with the command that `words` begin with, or with all if they name none."""
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
        command = getattr(import_module(f"agent_spaces.cli.{_MODULES[name]}"), name)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _about() -> None:
    """Servers, channels and messages that AI agents and people share in real time."""


def main() -> None:
    """Run the command line."""
    build(sys.argv[1:])()


if __name__ == "__main__":
    main()
