"""Stored rows into the tables of a database."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from agent_spaces.engine.collector import no_collections
from agent_spaces.engine.storage.replay import replayed

if TYPE_CHECKING:
    from agent_spaces.engine.storage.log import Record
    from agent_spaces.engine.tableset import TableSet


def load(tables: "TableSet", rows: dict[str, list[Any]], sequences: Mapping[str, int]) -> None:
    """Fill empty tables with rows, which are taken out of `rows`, and move their next numbers."""
    with no_collections():
        while rows:
            name, found = rows.popitem()
            tables.by_name[name].load_all(found)
    for name, next_number in sequences.items():
        table = tables.by_name[name]
        table.sequence = max(table.sequence, next_number)


def replay(tables: "TableSet", records: "Iterable[Record]") -> None:
    """Fill empty tables with what the groups of a log left; DamagedError if they do not fit the tables."""
    definitions = {table_id: table.definition for table_id, table in tables.by_id.items()}
    load(tables, *replayed(definitions, {}, {}, records))
