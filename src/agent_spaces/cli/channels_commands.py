"""Channels: which there are."""

from typing import Annotated

import typer

from agent_spaces.cli.failures import run
from agent_spaces.cli.options import DatabaseOption, DataOption, HostOption, JsonOption, LoginOption, OwnerOption
from agent_spaces.cli.output import print_json, print_table
from agent_spaces.cli.session import connected
from agent_spaces.cli.settings import target
from agent_spaces.fabric.reducers.channels import create_channel
from agent_spaces.fabric.types import ChannelType

channels = typer.Typer(name="channels", help="List and make channels.", invoke_without_command=True)


@channels.callback()
def default(
    ctx: typer.Context,
    server: Annotated[int | None, typer.Option("--server", help="Only the channels of this server.")] = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """List the channels that you can see."""
    if ctx.invoked_subcommand is not None:
        return

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            found = await connection.query("SELECT * FROM channel")
            heads = {head.channel_id: head for head in await connection.query("SELECT * FROM channel_head")}
            servers = {row.id: row.name for row in await connection.query("SELECT * FROM server")}
        listed = sorted(
            (c for c in found if server is None or c.server_id == server), key=lambda c: (c.server_id, c.position, c.id)
        )
        if json:
            for row in listed:
                print_json(row)
            return
        print_table(
            ("id", "channel", "type", "messages", "server", "topic"),
            (
                (
                    c.id,
                    f"#{c.name}",
                    c.channel_type,
                    heads[c.id].last_seq,
                    servers.get(c.server_id, c.server_id),
                    c.topic,
                )
                for c in listed
            ),
        )

    run(main)


@channels.command("create")
def create(
    name: Annotated[str, typer.Argument(help="The channel's name.")],
    kind: Annotated[str, typer.Option("--type", help="text, voice, announcement or agent_log.")] = "text",
    topic: Annotated[str | None, typer.Option("--topic", help="What it is for.")] = None,
    server: Annotated[int, typer.Option("--server", help="The server's id.")] = 1,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    as_owner: OwnerOption = False,
    data_dir: DataOption = None,
) -> None:
    """Make a channel in a server where you are Admin or Owner."""
    try:
        channel_type = ChannelType[kind.upper().replace("-", "_")]
    except KeyError:
        known = ", ".join(t.name.lower() for t in ChannelType)
        raise typer.BadParameter(f"{kind} is no type of channel; it is one of {known}.") from None

    async def main() -> None:
        where = target(host=host, database=database, login=login, as_owner=as_owner, data_dir=data_dir)
        async with connected(where) as connection:
            await connection.call(create_channel, server, name.removeprefix("#"), channel_type, topic)

    run(main)
