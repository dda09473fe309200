"""A whole database into one file."""

from pathlib import Path

from agent_spaces.client import Address, ClientSchema, QueryFailedError
from agent_spaces.client.over_http import fetch_schema
from agent_spaces.clock import Clock
from agent_spaces.fabric.reducers.importing import IMPORTED
from agent_spaces.fabric.tables import Deployment
from agent_spaces.ops.errors import InUseError, NotOwnerError
from agent_spaces.ops.export_file import Export, write_export
from agent_spaces.ops.link import Link, linked
from agent_spaces.ops.moved import TABLES
from agent_spaces.sats.bsatn import row_decoder


async def export_database(address: Address, token: str, path: Path, clock: Clock) -> Export:
    """Write every public persistent table and username_claim, as they stand after one transaction, to a file.

    The caller must be the database's owner (NotOwnerError). The database goes on meanwhile; all its rows are held in
    memory here at once, about three times their size. DefinitionError if the database is of another version.
    """
    ClientSchema.from_json(await fetch_schema(address, token)).with_types(IMPORTED)
    async with linked(address, token) as link:
        deployment = await deployment_of(link)
        if deployment.import_open:
            raise InUseError(f"An import into {address.database} is under way: export it when it is finished.")
        found = await link.snapshot(TABLES)
    rows = {name: table.by_key(found[name]) for name, table in TABLES.items()}
    export = Export(address.database, deployment.owner.hex(), clock.now_us(), rows)
    write_export(path, export)
    return export


async def deployment_of(link: Link) -> Deployment:
    """Return the row that says who owns the database; NotOwnerError for everybody else, who cannot read it."""
    refused = NotOwnerError(
        f"Only the owner of {link.address.database} can read all of it, and {link.identity.hex()} is not: "
        "use the owner's login, or --as-owner for a host on this machine."
    )
    try:
        rows = await link.query("SELECT * FROM deployment")
    except QueryFailedError as error:
        raise refused from error
    if not rows:
        raise refused
    deployment, _ = row_decoder(Deployment)(rows[0], 0)
    assert isinstance(deployment, Deployment)
    return deployment
