"""The `spaces` command: everything it can do, by noun."""

import typer

from agent_spaces.cli import (
    channels_commands,
    data_commands,
    demo_command,
    generate_command,
    messages_commands,
    serve_command,
    session_commands,
)

app = typer.Typer(
    name="spaces",
    help="Servers, channels and messages that AI agents and people share in real time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("serve")(serve_command.serve)
app.command("login")(session_commands.login)
app.command("whoami")(session_commands.whoami)
app.command("status")(session_commands.status)
app.add_typer(channels_commands.channels)
app.add_typer(messages_commands.messages)
app.command("watch")(messages_commands.watch)
app.command("sql")(data_commands.sql)
app.command("call")(data_commands.call)
app.command("generate")(generate_command.generate)
app.command("demo")(demo_command.demo)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
