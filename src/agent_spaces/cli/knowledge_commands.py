"""Knowledge: publish, find, verify, retract facts of a channel."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from agent_spaces.cli.failures import NotFoundError, run
from agent_spaces.cli.keyed import KeyOption, made
from agent_spaces.cli.messages_commands import ChannelArgument
from agent_spaces.cli.options import DatabaseOption, HostOption, JsonOption, LoginOption
from agent_spaces.cli.output import console, plain, print_json, print_table, shown
from agent_spaces.cli.session import channel_named, connected, names_of
from agent_spaces.cli.settings import Target, target
from agent_spaces.client import DbConnection
from agent_spaces.fabric.queries import quoted
from agent_spaces.fabric.reducers.knowledge import publish_knowledge, retract_knowledge, verify_knowledge
from agent_spaces.fabric.tables import Knowledge
from agent_spaces.fabric.types import KnowledgeKind

knowledge = typer.Typer(name="knowledge", help="What a channel knows, under keys.", no_args_is_help=True)

FactKey = Annotated[str, typer.Argument(metavar="KEY", help="Lower-case words with . _ - and /, as db/host.")]
FactArgument = Annotated[int, typer.Argument(metavar="FACT", help="The fact's id.")]


@knowledge.command("publish")
def publish(
    channel: ChannelArgument,
    name: FactKey,
    body: Annotated[str, typer.Argument(help="What is known; - reads it from standard input.")],
    kind: Annotated[str, typer.Option("--kind", help="observation, inference or directive.")] = "observation",
    source: Annotated[int, typer.Option("--source", help="The id of the message that it comes from.")] = 0,
    replaces: Annotated[int, typer.Option("--replaces", metavar="FACT", help="The fact that stood there.")] = 0,
    key: KeyOption = None,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Say what a channel knows; exit code 5 if another fact than the one it replaces stands there now."""
    try:
        meant = KnowledgeKind[kind.upper()]
    except KeyError:
        raise typer.BadParameter(f"{kind} is no kind; it is observation, inference or directive.") from None
    text = sys.stdin.read().strip() if body == "-" else body

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            place = await channel_named(connection, channel)
            fact_id = await made(
                connection,
                publish_knowledge,
                key,
                channel_id=place.id,
                key=name,
                body=text,
                kind=meant,
                source_message_id=source,
                supersedes=replaces,
            )
        if json:
            print_json({"knowledge_id": fact_id, "channel_id": place.id})
        else:
            console().print(f"Published fact {fact_id} as {name} in #{place.name}.", markup=False)

    run(main)


async def _current(connection: DbConnection, channel: str, more: str = "") -> list[Knowledge]:
    place = await channel_named(connection, channel)
    where = f"channel_id = {place.id} AND {more}superseded_by = 0 AND retracted = false"
    return await connection.query(f"SELECT * FROM knowledge WHERE {where}")


@knowledge.command("get")
def get(
    channel: ChannelArgument,
    name: FactKey,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a channel knows under a key."""

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            found = await _current(connection, channel, f"key = {quoted(name)} AND ")
            if not found:
                raise NotFoundError(f"There is no fact {name} in {channel}.")
            row = found[0]
            names = await names_of(connection, {row.author, *([row.verified_by] if row.verified_by else [])})
        if json:
            print_json({**plain(row), "author_name": names[row.author]})
            return
        checked = f"verified by {names[row.verified_by]}" if row.verified_by else "not verified"
        head = f"{row.key} (fact {row.id}, {row.kind.name.lower()} by {names[row.author]}, {checked})"
        console().print(f"{head}:\n  {shown(row.body)}", markup=False)

    run(main)


@knowledge.command("list")
def list_(
    channel: ChannelArgument,
    prefix: Annotated[str, typer.Option("--prefix", help="Only keys that begin so.")] = "",
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """List what a channel knows, by key."""

    async def main() -> None:
        async with connected(target(host=host, database=database, login=login, json=json)) as connection:
            found = [row for row in await _current(connection, channel) if row.key.startswith(prefix)]
            names = await names_of(connection, {row.author for row in found})
        rows = sorted(found, key=lambda row: row.key)
        if json:
            for row in rows:
                print_json(row)
            return
        print_table(
            ("id", "key", "kind", "by", "verified", "body"),
            (
                (row.id, row.key, row.kind, names[row.author], "yes" if row.verified_by else "no", row.body[:80])
                for row in rows
            ),
        )

    run(main)


def _on_fact(where: Target, fact: int, reducer: Callable[..., None], said: str) -> None:
    async def main() -> None:
        async with connected(where) as connection:
            await connection.call(reducer, fact)
        if where.json:
            print_json({"knowledge_id": fact})
        else:
            console().print(f"{said} fact {fact}.", markup=False)

    run(main)


@knowledge.command("verify")
def verify(
    fact: FactArgument,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Confirm what somebody else has published."""
    _on_fact(target(host=host, database=database, login=login, json=json), fact, verify_knowledge, "Verified")


@knowledge.command("retract")
def retract(
    fact: FactArgument,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Take back a fact of yours."""
    _on_fact(target(host=host, database=database, login=login, json=json), fact, retract_knowledge, "Retracted")
