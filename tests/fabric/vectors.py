"""Reader and runner of vectors/reducers: a state, a call, and what it changes or the text it is refused with.

Rows are SATS-JSON in row form. `<bob>` in any string stands for the 64 hex digits of that identity in worlds.json.
A state is a world, without the rows whose primary keys `without` names, with the rows of `state` (each in place of the
one with its primary key) and of `series`: for # from `from` to `to`, the string "#" is that number, "{#}" inside a
string its decimal form and "{#64}" its 64 hex digits. The next number of an auto-increment column is one more than
the greatest in the table.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from agent_spaces.engine.memory import MemoryDatabase
from agent_spaces.errors import RefusedError
from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.tables import TABLES
from agent_spaces.module import definition_of
from agent_spaces.sats import ConnectionId, Identity
from agent_spaces.sats.json import from_json, to_json

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "vectors" / "reducers"
CLASSES = {definition_of(row_class).name: row_class for row_class in TABLES}
Json = dict[str, Any]
_NAME = re.compile("<([a-z]+)>")
_DIGITS = re.compile("[0-9a-f]{64}")


def with_names(data: Any, names: dict[str, str]) -> Any:
    """Return data with every `<name>` in it as hex digits."""
    text = json.dumps(data)
    return json.loads(_NAME.sub(lambda found: names.get(found[1], found[0]), text)) if "<" in text else data


def without_names(data: Any, names: dict[str, str]) -> Any:
    """Return data with the hex digits of known identities as `<name>`."""
    by_digits = {digits: f"<{name}>" for name, digits in names.items()}
    return json.loads(_DIGITS.sub(lambda found: by_digits.get(found[0], found[0]), json.dumps(data)))


def rows_of_series(series: Json) -> list[Any]:
    """Return the rows that a series stands for."""

    def fill(cell: Any, number: int) -> Any:
        if isinstance(cell, list):
            return [fill(each, number) for each in cell]
        if cell == "#":
            return number
        if isinstance(cell, str):
            return cell.replace("{#}", str(number)).replace("{#64}", f"{number:064x}")
        return cell

    return [fill(series["row"], number) for number in range(series["from"], series["to"] + 1)]


def put(database: MemoryDatabase, table_name: str, rows: list[Any]) -> None:
    """Put rows in SATS-JSON into a table, each in place of the one with its primary key."""
    row_class = CLASSES[table_name]
    for row in rows:
        database.tables[row_class].load(from_json(row_class, row))


@cache
def _database() -> MemoryDatabase:
    """Return the one database of all cases: making its tables takes longer than a hundred calls."""
    return MemoryDatabase(TABLES)


_WORLD_ROWS: dict[tuple[int, str], list[tuple[str, Any]]] = {}


def _world_rows(worlds: Json, world: str) -> list[tuple[str, Any]]:
    """Return the rows of a world, read once."""
    key = (id(worlds), world)
    if key not in _WORLD_ROWS:
        tables = with_names(worlds["worlds"][world], worlds["names"])
        _WORLD_ROWS[key] = [(name, from_json(CLASSES[name], row)) for name, rows in tables.items() for row in rows]
    return _WORLD_ROWS[key]


def load(worlds: Json, case: Json) -> MemoryDatabase:
    """Return a database in the state that a case starts from; the one that was returned before is gone."""
    database = _database()
    for table in database.tables:
        table.clear()
    names = worlds["names"]
    database.identity = Identity.from_hex(names["system"])
    if case["world"]:
        for name, row in _world_rows(worlds, case["world"]):
            database.tables.by_name[name].load(row)
    for table_name, keys in with_names(case.get("without", {}), names).items():
        rows = database.tables.access[CLASSES[table_name]]
        definition = definition_of(CLASSES[table_name])
        annotation = definition.column(definition.primary_key).annotation
        for key in keys:
            assert rows.delete(from_json(annotation, key)), f"{table_name} has no row {key}"
    database.tables.finish()
    for table_name, rows in with_names(case.get("state", {}), names).items():
        put(database, table_name, rows)
    for series in with_names(case.get("series", []), names):
        put(database, series["table"], rows_of_series(series))
    set_sequences(database)
    return database


def set_sequences(database: MemoryDatabase) -> None:
    """Let each auto-increment column go on behind its greatest number."""
    for table in database.tables:
        if table.definition.auto_inc is not None:
            table.sequence = max(table.rows, default=0) + 1


def run(worlds: Json, case: Json) -> Json:
    """Return what the case's call does, in the form of its `expect`."""
    names = worlds["names"]
    database = load(worlds, case)
    definition = SPACES.reducers[case["reducer"]]
    values = with_names(case["args"], names)
    args = [from_json(annotation, value) for (_, annotation), value in zip(definition.parameters, values, strict=True)]
    connection = case.get("connection")
    before = contents(database)
    try:
        changes = database.call(
            definition.function,
            *args,
            sender=Identity.from_hex(names[case["caller"]]),
            connection_id=None if connection is None else ConnectionId.from_hex(connection),
            timestamp=case["timestamp"],
        )
    except RefusedError as refusal:
        assert contents(database) == before, "a refused call changes nothing"
        return {"error": without_names(str(refusal), names)}
    kinds: Json = {}
    for table, old, new in changes:
        row_class = table.definition.row_class
        of_table = kinds.setdefault(table.name, {})
        if new is None:
            key = table.definition.primary_key
            annotation = table.definition.column(key).annotation
            of_table.setdefault("deleted", []).append(to_json(annotation, getattr(old, key)))
        else:
            kind = "inserted" if old is None else "updated"
            of_table.setdefault(kind, []).append(to_json(row_class, new))
    ordered = {name: {kind: sorted_rows(rows) for kind, rows in sorted(kinds[name].items())} for name in sorted(kinds)}
    return {"changes": without_names(ordered, names)}


def sorted_rows(rows: list[Any]) -> list[Any]:
    """Return rows, or primary keys, by primary key: numbers by size."""

    def key(row: Any) -> tuple[int, str]:
        first = row[0] if isinstance(row, list) else row
        return (first, "") if isinstance(first, int) else (0, json.dumps(first))

    return sorted(rows, key=key)


def contents(database: MemoryDatabase) -> dict[str, list[Any]]:
    """Return all rows by table, in primary key order."""
    return {table.name: [table.rows[key] for key in sorted(table.rows)] for table in database.tables}


def state_of(database: MemoryDatabase, names: dict[str, str]) -> Json:
    """Return all rows in SATS-JSON by table, tables without rows left out."""
    found = {
        name: [to_json(CLASSES[name], row) for row in rows] for name, rows in sorted(contents(database).items()) if rows
    }
    return without_names(found, names)  # type: ignore[no-any-return]
