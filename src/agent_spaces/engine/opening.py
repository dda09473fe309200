"""A database from its data folder: what the disk has, loaded and ready to go on."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent_spaces.engine.database import Database
from agent_spaces.engine.replay import load
from agent_spaces.engine.storage import Store, StoreSettings, open_store
from agent_spaces.engine.storage.files import Files
from agent_spaces.engine.system import SYSTEM_TABLES
from agent_spaces.module.definition import Module

if TYPE_CHECKING:
    from agent_spaces.clock import Clock, Randomness
    from agent_spaces.sats import Identity


@dataclass(frozen=True, slots=True)
class OpenDatabase:
    """A started database and the folder it lives in."""

    database: Database
    store: Store

    async def close(self) -> None:
        """End all connections, wait until everything committed is durable, and let go of the folder."""
        await self.database.settled()
        self.database.stop()
        await self.store.close()


def open_database(
    folder: Path,
    module: Module,
    *,
    identity: "Identity",
    owner: "Identity",
    clock: "Clock",
    randomness: "Randomness",
    name: str = "spaces",
    settings: StoreSettings | None = None,
    files: Files | None = None,
) -> OpenDatabase:
    """Open or make a database in a folder and start it, on the running event loop.

    LockedError if another process uses the folder, DamagedError if it is damaged, MigrationError if the module does not
    fit what is stored, StorageError if the disk fails; whatever `init` raises in a new database.
    """
    store = open_store(
        folder, stored_module(module), clock=clock, randomness=randomness, settings=settings, files=files
    )
    try:
        database = Database(
            module,
            store.log,
            clock,
            asyncio.get_running_loop(),
            identity=identity,
            owner=owner,
            name=name,
            table_ids=store.table_ids,
            reducer_ids=store.reducer_ids,
        )
        recovered = store.take_recovered()
        load(database.tables, recovered.rows, recovered.sequences)
        database.start()
    except BaseException:
        store.release()
        raise
    return OpenDatabase(database, store)


def stored_module(module: Module) -> Module:
    """Return the module with the host's own tables, as the log and the checkpoint know it."""
    tables = [*module.tables.values(), *SYSTEM_TABLES]
    return Module([table.row_class for table in tables], [reducer.function for reducer in module.reducers.values()])
