"""The options that commands share."""

from pathlib import Path
from typing import Annotated

import typer

HostOption = Annotated[
    str | None,
    typer.Option(
        "--host", metavar="URL", help="The host's address; else SPACETIMEDB_HOST, else http://localhost:3000."
    ),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", metavar="NAME", help="The database; else SPACETIMEDB_DATABASE or spacetime.json."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
LoginOption = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Which saved login to use.")]
OwnerOption = Annotated[bool, typer.Option("--as-owner", help="Act as the owner of a host on this machine.")]
DataOption = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="The host's data folder, for --as-owner.")
]
