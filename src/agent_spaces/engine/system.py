"""Tables of the host itself, which live in the log and the checkpoint beside those of the module."""

from typing import Annotated

from agent_spaces.module import PrimaryKey, TableDefinition, definition_of, table
from agent_spaces.sats import ConnectionId, Identity

SYSTEM_PREFIX = "st_"


@table("st_client")
class StClient:
    """A live connection: after a crash, client_disconnected runs for each that is left."""

    identity: Identity
    connection_id: Annotated[ConnectionId, PrimaryKey()]


SYSTEM_TABLES: tuple[TableDefinition, ...] = (definition_of(StClient),)
