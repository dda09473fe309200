"""A whole database into a file and back: export, import, backup."""

import os
from pathlib import Path
from typing import Annotated

import typer

from agent_spaces.cli.failures import clean_failure, run
from agent_spaces.cli.options import DatabaseOption, DataOption, HostOption, JsonOption, LoginOption, OwnerOption
from agent_spaces.cli.output import console, print_json
from agent_spaces.cli.settings import NotSignedInError, Target, default_data_folder, target
from agent_spaces.clock import SystemClock
from agent_spaces.errors import ConfigError
from agent_spaces.ops.backup import back_up
from agent_spaces.ops.export import export_database
from agent_spaces.ops.import_ import import_database


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write; readable by you only.")],
    everything: Annotated[
        bool, typer.Option("--all", help="The whole database; nothing less can be exported.")
    ] = False,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    as_owner: OwnerOption = False,
    data_dir: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Write a whole database to a file.

    For example: spaces export --all spaces.jsonl --as-owner

    It is one moment's state; the database goes on meanwhile. The file holds everything, direct messages too.
    """

    async def main() -> None:
        if not everything:
            raise ConfigError("Only whole databases can be exported: add --all.")
        where = target(host=host, database=database, login=login, as_owner=as_owner, data_dir=data_dir)
        made = await export_database(where.address, _owner_token(where), file, SystemClock())
        tables = {name: len(rows) for name, rows in made.rows.items()}
        if json:
            print_json({"file": str(file), "database": made.database, "rows": made.row_count, "tables": tables})
            return
        console().print(f"Wrote {made.row_count} rows of {made.database} to {file}.", markup=False)

    run(main)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What spaces export wrote.")],
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Also if the database's owner has written something there: replace it.")
    ] = False,
    host: HostOption = None,
    database: DatabaseOption = None,
    login: LoginOption = None,
    as_owner: OwnerOption = False,
    data_dir: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Fill a fresh database from a file.

    For example: spaces import spaces.jsonl --as-owner

    The database must be fresh, and is closed to everybody else until all is there and compared with the file. If it
    stops on the way, the same command goes on where it stopped.
    """

    async def main() -> None:
        where = target(host=host, database=database, login=login, as_owner=as_owner, data_dir=data_dir)
        done = await import_database(where.address, _owner_token(where), file, overwrite=yes)
        if json:
            rows = {"rows": done.export.row_count, "rows_sent": done.rows_sent, "rows_found": done.rows_found}
            print_json({"file": str(file), "database": where.address.database, **rows})
            return
        again = f" ({done.rows_found} of them were there already)" if done.rows_found else ""
        console().print(
            f"{where.address.database} now has the {done.export.row_count} rows of {file}{again}; "
            "counts and hashes of all tables are equal.",
            markup=False,
        )

    run(main)


def _owner_token(where: Target) -> str:
    """Return the token; NotSignedInError says whose it has to be."""
    if where.token is None:
        raise NotSignedInError(
            f"There is no token for {where.address.database} at {where.address.base}, and it takes its owner's: add "
            "--as-owner for a host on this machine, --as owner after spaces publish --new-identity, or run "
            "spacetime login."
        )
    return where.token


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to put the copy; must not exist.")],
    database: DatabaseOption = None,
    data_dir: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Copy the data folder of a host, which may go on meanwhile.

    For example: spaces backup /backups/monday

    A host starts from the copy: spaces serve --data-dir /backups/monday. It holds keys and the owner's token: keep it
    like these.
    """
    with clean_failure():
        address = target(database=database).address
        source = data_dir or default_data_folder(os.environ, address.database)
        made = back_up(source, folder)
        if json:
            print_json({"folder": str(folder), "transactions": made.transactions, "bytes": made.size_bytes})
            return
        size = f"{made.size_bytes / 2**20:.1f} MiB"
        console().print(f"Copied {source} to {folder}: {made.transactions} transactions, {size}.", markup=False)
