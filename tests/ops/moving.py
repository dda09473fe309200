"""A database with a row in every table, as an export, and what the tests of moving ask of it."""

import time
from pathlib import Path
from typing import Any

import pytest

from agent_spaces.client import Address
from agent_spaces.clock import ManualClock, SystemClock
from agent_spaces.ops.export import export_database
from agent_spaces.ops.export_file import Export, Rows
from agent_spaces.ops.moved import TABLES
from agent_spaces.testing.host import HostProcess
from fabric.coordination import world
from fabric.importing.test_import import lived_in


def lived_in_export(monkeypatch: pytest.MonkeyPatch) -> Export:
    """Return an export of a world of today, whose leases and votes still run when it has been moved."""
    monkeypatch.setattr(world, "ManualClock", lambda: ManualClock(time.time_ns() // 1000))
    lived = lived_in()
    rows = {
        name: table.by_key(table.encode(row) for row in lived.db[table.definition.row_class])
        for name, table in TABLES.items()
    }
    return Export("spaces", world.OWNER.hex(), lived.now, rows)


def address_of(host: HostProcess) -> Address:
    return Address(host.url, "spaces")


async def exported(host: HostProcess, path: Path) -> Export:
    """Return what an export of a host's database holds."""
    return await export_database(address_of(host), host.owner_token, path, SystemClock())


def rows_of(rows: Rows) -> dict[str, list[Any]]:
    """Return rows by table; presences without what says who is connected just now."""
    found = {name: [TABLES[name].decode(raw) for raw in held.values()] for name, held in rows.items()}
    found["user_presence"] = [(row.identity, row.status_text) for row in found["user_presence"]]
    return found
