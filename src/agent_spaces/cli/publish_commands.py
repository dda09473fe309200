"""The module on a SpacetimeDB host: publish, logs, schema, delete."""

import json as json_lib
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from agent_spaces.cli.failures import run
from agent_spaces.cli.options import DataOption, JsonOption, LoginOption, OwnerOption
from agent_spaces.cli.output import console, moment, print_json, shown
from agent_spaces.cli.settings import NotSignedInError, Target, credentials, target
from agent_spaces.client import Login
from agent_spaces.client.over_http import new_identity
from agent_spaces.errors import ConfigError
from agent_spaces.ops.publish import Published, Publisher, module_bytes

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The database's name.")]
MaybeNameArgument = Annotated[
    str | None, typer.Argument(metavar="NAME", help="The database; else SPACETIMEDB_DATABASE or spacetime.json.")
]
ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server", metavar="SERVER", help="local, maincloud or an address; else SPACETIMEDB_HOST or spacetime.json."
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do it without asking.")]
LOGIN_NAME = "owner"  # under which --new-identity saves its token


def publish(
    name: NameArgument,
    server: ServerOption = None,
    module_path: Annotated[
        Path | None,
        typer.Option("--module-path", metavar="FILE", help="A compiled module; else the one that came along."),
    ] = None,
    clear_database: Annotated[
        bool, typer.Option("--clear-database", help="Delete everything that is in the database first.")
    ] = False,
    new_owner: Annotated[
        bool, typer.Option("--new-identity", help="Make an identity on that host to own the database, and save it.")
    ] = False,
    yes: YesOption = False,
    login: LoginOption = None,
    json: JsonOption = False,
) -> None:
    """Publish Spaces to a SpacetimeDB host.

    For example: spaces publish our-spaces --server maincloud

    It uses the token of the SpacetimeDB command line (spacetime login), a saved login, or SPACETIMEDB_TOKEN. Before an
    update that cuts off all clients, and before anything is deleted, it shows what would happen and asks.
    """

    async def main() -> None:
        module = module_bytes(module_path)
        where = target(host=server, database=name, login=login)
        if new_owner:
            where = await _as_new_identity(where)
        publisher = Publisher(where.address, _token_of(where))
        await publisher.check_host()
        done = await _publish(publisher, module, clear=clear_database, yes=yes)
        if json:
            print_json({"database": done.name, "identity": done.identity, "op": done.op, "host": where.address.base})
            return
        console().print(f"{done.name} was {done.op} at {where.address.base}: {done.identity}", markup=False)
        console().print(
            f"Use it with: export SPACETIMEDB_HOST={where.address.base} SPACETIMEDB_DATABASE={name}", markup=False
        )

    run(main)


async def _publish(publisher: Publisher, module: bytes, *, clear: bool, yes: bool) -> Published:
    if not await publisher.exists():
        return await publisher.publish(module)
    if clear:
        await _agree_to_delete(publisher, yes=yes)
        return await publisher.publish(module, clear=True)
    plan = await publisher.plan(module)
    if plan.text:
        print(shown_lines(plan.text), file=sys.stderr)  # noqa: T201 - the answer proper goes to stdout
    if plan.breaks_clients:
        _agree("This update cuts off every client that is connected now. Publish it?", yes=yes)
    return await publisher.publish(module, plan=plan)


def shown_lines(text: str) -> str:
    """Return a host's text of several lines without what would move or colour the screen."""
    return "\n".join(shown(line) for line in text.splitlines())


def logs(
    name: MaybeNameArgument = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, metavar="N", help="How many of the last lines.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until interrupted.")] = False,
    server: ServerOption = None,
    login: LoginOption = None,
    as_owner: OwnerOption = False,
    data_dir: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a database has logged.

    For example: spaces logs our-spaces --server maincloud -f
    """

    async def main() -> None:
        where = target(host=server, database=name, login=login, as_owner=as_owner, data_dir=data_dir)
        async for line in Publisher(where.address, _token_of(where)).logs(lines, follow=follow):
            if json:
                print_json(line)
            else:
                place = line.get("function") or line.get("target") or ""
                text = shown(f"{moment(line['ts'])} {line['level'].lower():<5} {place}: {line['message']}")
                print(text, flush=True)  # noqa: T201 - one line each, as they come

    run(main)


def schema(
    name: MaybeNameArgument = None,
    version: Annotated[int, typer.Option("--version", min=9, max=10, help="Which form of the definition.")] = 10,
    server: ServerOption = None,
    login: LoginOption = None,
) -> None:
    """Print the definition that a database runs, as JSON."""

    async def main() -> None:
        where = target(host=server, database=name, login=login)
        body = await Publisher(where.address, where.token).schema(version)
        sys.stdout.write(json_lib.dumps(body, ensure_ascii=False, indent=2) + "\n")

    run(main)


def delete(name: NameArgument, server: ServerOption = None, yes: YesOption = False, login: LoginOption = None) -> None:
    """Delete a database with everything in it.

    SpacetimeDB hosts only; an embedded one is deleted with its folder.
    """

    async def main() -> None:
        where = target(host=server, database=name, login=login)
        publisher = Publisher(where.address, _token_of(where))
        await publisher.schema(10)  # so that a name that is not there is said before anything is asked
        await _agree_to_delete(publisher, yes=yes)
        await publisher.delete()
        console().print(f"{name} is deleted at {where.address.base}.", markup=False)

    run(main)


async def _agree_to_delete(publisher: Publisher, *, yes: bool) -> None:
    counts = await publisher.counts()
    held = ", ".join(f"{count} rows of {table}" for table, count in counts.items()) or "all that is in it"
    text = f"This deletes {publisher.address.database} at {publisher.address.base} for good: {held}."
    print(text, file=sys.stderr)  # noqa: T201 - said also where nobody is asked
    _agree("Delete it?", yes=yes)


def _agree(question: str, *, yes: bool) -> None:
    """Ask unless -y was given; ConfigError where nobody can answer or the answer is no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("Nothing was done: nobody is here to agree. Add -y if you mean it.")
    if not typer.confirm(question, err=True):
        raise ConfigError("Nothing was done.")


def _token_of(where: Target) -> str:
    """Return the token; NotSignedInError says how to get one for a host of SpacetimeDB."""
    if where.token is None:
        raise NotSignedInError(
            f"There is no token for {where.address.base}: run spacetime login, set SPACETIMEDB_TOKEN, or (on a host of "
            "your own) publish with --new-identity, and say --as owner from then on."
        )
    return where.token


async def _as_new_identity(where: Target) -> Target:
    address = where.address
    saved = credentials(os.environ).load(address.base, address.database, LOGIN_NAME)
    if saved is None:
        identity, token = await new_identity(address)
        saved = Login(LOGIN_NAME, identity, token)
        credentials(os.environ).save(address.base, address.database, saved, default=False)
    return Target(address, saved.token, saved, where.json)
