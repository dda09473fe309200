"""What a database remembers of its module, and whether a changed module can take it over. Pure.

The stored definition is JSON: tables with their ids and columns, reducers with their ids. Ids are given once and never
again to another name, so that the log needs no names. Source for what may change: SpacetimeDB 2.8.3, seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent_spaces.errors import MigrationError
from agent_spaces.sats.bsatn import encoder
from agent_spaces.sats.json import type_to_json
from agent_spaces.sats.mapping import type_of

if TYPE_CHECKING:
    from agent_spaces.module.definition import Module
    from agent_spaces.module.table import Column, TableDefinition

Definition = dict[str, Any]

FORMAT = 1
ID_MAX = 0xFFFE  # ids are u16, and the last one means "none"


@dataclass(frozen=True, slots=True)
class Migration:
    """How to get from a stored definition to `definition`.

    `new_tables` are created empty; `new_columns` has, by table, the columns that its rows get at their end: name, type
    as JSON and the BSATN of the value that stored rows get. Nothing to do if `changed` is false.
    """

    definition: Definition
    changed: bool
    new_tables: tuple[str, ...]
    new_columns: Mapping[str, tuple[tuple[str, dict[str, Any], bytes], ...]]


def stored_definition(module: "Module", before: Definition | None = None) -> Definition:
    """Return what is stored of a module; ids are those of `before` where it has the name, and new ones elsewhere.

    MigrationError if there are more than ID_MAX names.
    """
    before = before or {"tables": {}, "reducers": {}, "next_table_id": 0, "next_reducer_id": 0}
    next_table_id, next_reducer_id = before["next_table_id"], before["next_reducer_id"]
    tables: dict[str, Any] = {}
    for name, table in sorted(module.tables.items()):
        known = before["tables"].get(name)
        tables[name] = {"id": next_table_id if known is None else known["id"], **_table(table)}
        next_table_id += known is None
    reducers = dict(before["reducers"])  # a removed reducer keeps its id: the log may name it
    for name in sorted(module.reducers):
        if name not in reducers:
            reducers[name] = next_reducer_id
            next_reducer_id += 1
    if max(next_table_id, next_reducer_id) > ID_MAX:
        raise MigrationError(f"A database has at most {ID_MAX} tables and as many reducers in its life.")
    return {
        "format": FORMAT,
        "tables": tables,
        "reducers": reducers,
        "next_table_id": next_table_id,
        "next_reducer_id": next_reducer_id,
    }


def _table(table: "TableDefinition") -> dict[str, Any]:
    return {
        "columns": [_column(column) for column in table.columns],
        "primary_key": table.primary_key,
        "auto_inc": table.auto_inc,
        "unique": sorted(column.name for column in table.columns if column.unique),
        "indexes": sorted(list(index.columns) for index in table.indexes),
        "event": table.event,
        "public": table.public,
        "scheduled": table.scheduled,
    }


def _column(column: "Column") -> dict[str, Any]:
    stored: dict[str, Any] = {"name": column.name, "type": type_to_json(type_of(column.annotation))}
    if column.default is not None:
        stored["default"] = encoder(column.annotation)(column.default.value).hex()
    return stored


def plan_migration(stored: Definition, module: "Module") -> Migration:
    """Return how a database with the stored definition becomes one of `module`.

    Allowed are: new tables; new columns at the end with a Default; names added at the end of an enum; new and removed
    reducers; changed indexes, visibility and schedules; uniqueness given up; any change of an event table's columns.
    MigrationError names everything that is in the way; then nothing may be changed.
    """
    if stored.get("format") != FORMAT:
        raise MigrationError(
            f"The data folder was written in format {stored.get('format')}, this program reads format {FORMAT}. "
            "Use the version that wrote it."
        )
    definition = stored_definition(module, stored)
    problems: list[str] = []
    columns: dict[str, tuple[tuple[str, dict[str, Any], bytes], ...]] = {}
    for name, old in stored["tables"].items():
        new = definition["tables"].get(name)
        if new is None:
            problems.append(f"table {name} is stored but no longer declared")
            continue
        found = _table_problems(name, old, new)
        problems += found
        if not found and not new["event"] and len(new["columns"]) > len(old["columns"]):
            added = new["columns"][len(old["columns"]) :]
            columns[name] = tuple((c["name"], c["type"], bytes.fromhex(c["default"])) for c in added)
    if problems:
        raise MigrationError(
            "The stored data does not fit this module: " + "; ".join(problems) + ". Nothing was changed: "
            "use the module that wrote it, or export the data and import it into a new folder."
        )
    created = tuple(name for name in definition["tables"] if name not in stored["tables"])
    return Migration(definition, definition != stored, created, columns)


def _table_problems(name: str, old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    if old["event"] != new["event"]:
        return [f"table {name} cannot {'cease' if old['event'] else 'begin'} to be an event table"]
    if new["event"]:
        return []
    problems = _column_problems(name, old["columns"], new["columns"])
    if old["primary_key"] != new["primary_key"]:
        problems.append(f"table {name} has another primary key, {new['primary_key']} for {old['primary_key']}")
    if new["auto_inc"] not in (None, old["auto_inc"]):
        problems.append(f"column {name}.{new['auto_inc']} cannot become auto-increment")
    kept = {column["name"] for column in old["columns"]}
    problems += [
        f"column {name}.{column} cannot become unique"
        for column in new["unique"]
        if column in kept and column not in old["unique"] and column != new["primary_key"]
    ]
    return problems


def _column_problems(name: str, old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[str]:
    problems = []
    for position, column in enumerate(old):
        at = f"column {name}.{column['name']}"
        if position >= len(new):
            problems.append(f"{at} is stored but no longer declared")
        elif new[position]["name"] != column["name"]:
            problems.append(f"{at} was removed, renamed or moved ({new[position]['name']} stands in its place)")
        elif not _fits(column["type"], new[position]["type"]):
            problems.append(f"{at} has another type")
    problems += [
        f"the new column {name}.{column['name']} has no Default for the rows that are stored"
        for column in new[len(old) :]
        if "default" not in column
    ]
    return problems


def _fits(old: Any, new: Any) -> bool:
    """Whether every value of the old type is one of the new type, with the same name and the same bytes."""
    match old, new:
        case {"Sum": {"variants": before}}, {"Sum": {"variants": after}} if len(after) > len(before):
            units = all(variant["algebraic_type"] == {"Product": {"elements": []}} for variant in after)
            return bool(before) and units and bool(after[: len(before)] == before)
        case {"Array": before}, {"Array": after}:
            return _fits(before, after)
        case {"Sum": {"variants": before}}, {"Sum": {"variants": after}}:
            return _all_fit(before, after)
        case {"Product": {"elements": before}}, {"Product": {"elements": after}}:
            return _all_fit(before, after)
    return bool(old == new)


def _all_fit(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> bool:
    return len(before) == len(after) and all(
        b["name"] == a["name"] and _fits(b["algebraic_type"], a["algebraic_type"])
        for b, a in zip(before, after, strict=True)
    )
