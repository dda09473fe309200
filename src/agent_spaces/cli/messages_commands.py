"""Messages: send, list, and watch them come."""

import asyncio
import sys
from collections.abc import Sequence
from secrets import token_hex
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from agent_spaces.cli.failures import run
from agent_spaces.cli.options import DatabaseOption, DataOption, HostOption, JsonOption, LoginOption, OwnerOption
from agent_spaces.cli.output import console, moment, plain, print_json, shown
from agent_spaces.cli.session import channel_named, connected, names_of
from agent_spaces.cli.settings import target
from agent_spaces.client import DbConnection, EventContext
from agent_spaces.fabric import queries
from agent_spaces.fabric.reducers.messages import send_message
from agent_spaces.fabric.tables import Channel, Message, UserProfile
from agent_spaces.fabric.types import MessageType
from agent_spaces.sats import Identity

messages = typer.Typer(name="messages", help="Send and read messages.", no_args_is_help=True)

ChannelArgument = Annotated[str, typer.Argument(metavar="CHANNEL", help="A channel's name or id.")]
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_red", "bright_cyan", "bright_green")


@messages.command("send")
def send(
    channel: ChannelArgument,
    text: Annotated[str, typer.Argument(help="What to say; - reads it from standard input.")],
    thread: Annotated[int | None, typer.Option("--thread", help="The id of a thread of the channel.")] = None,
    reply_to: Annotated[int | None, typer.Option("--reply-to", help="The id of the message that is answered.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="A client key: the same key sends once.")] = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    as_owner: OwnerOption = False,
    data_dir: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Send a message to a channel, for example: spaces messages send general "build is green"."""
    content = sys.stdin.read().strip() if text == "-" else text
    client_key = key or f"cli/{token_hex(16)}"

    async def main() -> None:
        where = target(host=host, database=database, login=login, as_owner=as_owner, data_dir=data_dir, json=json)
        async with connected(where, reconnect=True) as connection:
            place = await channel_named(connection, channel)
            await connection.call(send_message, place.id, content, MessageType.TEXT, thread, reply_to, client_key, None)
            [used] = await connection.query(queries.key_used(client_key))
        if json:
            print_json({"message_id": used.ref_id, "channel_id": place.id})
        else:
            console().print(f"Sent message {used.ref_id} to #{place.name}.", markup=False)

    run(main)


@messages.command("list")
def list_(
    channel: ChannelArgument,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many, the newest.")] = 50,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Show the newest messages of a channel, oldest first."""

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            place = await channel_named(connection, channel)
            found = await _newest(connection, place, limit)
            names = await names_of(connection, {message.sender for message in found})
        for message in found:
            _print(message, place, names.get(message.sender, message.sender.short()), json=json)

    run(main)


async def _newest(connection: DbConnection, place: Channel, limit: int) -> list[Message]:
    [head] = await connection.query(queries.head_of(place.id))
    found = await connection.query(queries.messages_in(place.id, after_seq=max(0, head.last_seq - limit)))
    return sorted(found, key=lambda message: message.seq)


def watch(
    channels: Annotated[
        list[str] | None, typer.Argument(metavar="[CHANNEL]...", help="Names or ids; all if none.")
    ] = None,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Stop after this many messages.")] = None,
    history: Annotated[int, typer.Option("--history", min=0, max=1000, help="Begin with so many older ones.")] = 10,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Follow what is said, until interrupted.

    It comes back by itself when the host does.
    """

    async def main() -> None:
        where = target(host=host, database=database, login=login, json=json)
        async with connected(where, reconnect=True) as connection:
            if channels:
                places = [await channel_named(connection, name) for name in channels]
            else:
                places = await connection.query("SELECT * FROM channel")
            await _follow(connection, places, history, count, json=json)

    run(main)


async def _follow(
    connection: DbConnection, places: Sequence[Channel], history: int, count: int | None, *, json: bool
) -> None:
    by_id = {place.id: place for place in places}
    arrived: asyncio.Queue[Message] = asyncio.Queue()

    def arrives(ctx: EventContext, message: Message) -> None:
        del ctx
        arrived.put_nowait(message)

    await connection.subscribe(queries.profiles())
    _say_how_it_goes(connection, places)
    older = [message for place in places if history for message in await _newest(connection, place, history)]
    for message in sorted(older, key=lambda message: message.id):
        _print(message, by_id[message.channel_id], _name(connection, message.sender), json=json)
    seen = {place.id: 0 for place in places}
    for message in older:
        seen[message.channel_id] = max(seen[message.channel_id], message.seq)
    for place in places:
        if not history:
            [head] = await connection.query(queries.head_of(place.id))
            seen[place.id] = head.last_seq
    connection.cache[Message].on_insert(arrives)
    if places:
        await connection.subscribe(*(queries.messages_in(place.id, after_seq=seen[place.id]) for place in places))
    while count is None or count > 0:
        message = await arrived.get()
        _print(message, by_id[message.channel_id], _name(connection, message.sender), json=json)
        count = None if count is None else count - 1


def _say_how_it_goes(connection: DbConnection, places: Sequence[Channel]) -> None:
    """Tell a person at a terminal, on stderr, what is watched, and when the host is away and back."""
    if not sys.stderr.isatty():
        return
    notes = Console(stderr=True, highlight=False, soft_wrap=True, style="dim")
    listed = ", ".join(f"#{shown(place.name)}" for place in places) or "no channels: you see none"
    notes.print(f"Watching {listed}. Ctrl-C ends it.", markup=False)
    connection.on_disconnect.append(lambda _reason: notes.print("The host is away; trying again until it is back."))
    connection.on_reconnect.append(lambda: notes.print("The host is back."))


def _name(connection: DbConnection, identity: Identity) -> str:
    profile = connection.cache[UserProfile].find(identity)
    return identity.short() if profile is None else profile.username


def _print(message: Message, place: Channel, author: str, *, json: bool) -> None:
    if json:
        print_json({**plain(message), "author": author, "channel": place.name})
        return
    colour = _COLOURS[message.sender[0] % len(_COLOURS)]
    line = Text()
    line.append(moment(message.created_at)[11:19], style="dim")
    line.append(f" #{shown(place.name)} ", style="dim")
    line.append(shown(author), style=f"bold {colour}")
    style = "dim" if message.message_type != MessageType.TEXT else ""
    for position, part in enumerate(message.content.splitlines()):
        line.append("\n    " if position else " ")
        line.append(shown(part), style=style)
    if message.edited_at is not None:
        line.append(" (edited)", style="dim")
    console().print(line)
