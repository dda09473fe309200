"""The tables of vectors/sql/tables.json as definitions, and plans as the JSON of the cases there."""

import json
from pathlib import Path
from typing import Annotated, Any

from agent_spaces.module import Index, PrimaryKey, TableDefinition, Unique, definition_of, table
from agent_spaces.sats import ConnectionId, Identity, ScheduleAt, TimeDuration, Timestamp, Uuid
from agent_spaces.sats.types import PRIMITIVES, UNIT, AlgebraicType, Sum, Variant
from agent_spaces.sql import (
    And,
    ColumnRef,
    Comparison,
    Condition,
    Constant,
    Delete,
    Insert,
    Literal,
    ModuleCatalog,
    Or,
    Query,
    Select,
    SetVariable,
    Show,
    Statement,
    Update,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "sql"
ALICE = Identity.from_hex("c2007b0602f6c8341dca5b8dafe43ecdf0468d227cc4b8cf846e2b64078f9e63")
CLASSES: dict[str, Any] = {
    "Bytes": bytes,
    "String": str,
    "Bool": bool,
    "Identity": Identity,
    "ConnectionId": ConnectionId,
    "Timestamp": Timestamp,
    "TimeDuration": TimeDuration,
    "Uuid": Uuid,
    "ScheduleAt": ScheduleAt,
}


def annotation_of(text: str) -> Any:
    """Return the annotation for a type as tables.json writes it."""
    if text.endswith("?"):
        return annotation_of(text[:-1]) | None
    if text.startswith("["):
        return list[annotation_of(text[1:-1])]  # type: ignore[misc]  # made at run time
    if "|" in text:
        enum: AlgebraicType = Sum(tuple(Variant(name, UNIT) for name in text.split("|")))
        return Annotated[Any, enum]
    if text in CLASSES:
        return CLASSES[text]
    return Annotated[float if text.startswith("F") else int, PRIMITIVES[text]]


def _definition(name: str, described: dict[str, Any]) -> TableDefinition:
    annotations: dict[str, Any] = {}
    for column, text in described["columns"]:
        marks: list[Any] = []
        if column == described["primary_key"]:
            marks.append(PrimaryKey())
        if column in described["unique"]:
            marks.append(Unique())
        annotation = annotation_of(text)
        annotations[column] = Annotated[(annotation, *marks)] if marks else annotation
    made = type("Row", (), {"__annotations__": annotations, "__doc__": f"A row of {name}."})
    indexes = [Index(*columns) for columns in described["indexes"]]
    declare = table(name, public=described["public"], event=described["event"], indexes=indexes)
    return definition_of(declare(made))


def load_tables() -> dict[str, TableDefinition]:
    """Return the tables by name."""
    described = json.loads((VECTORS / "tables.json").read_text("utf-8"))["tables"]
    return {name: _definition(name, each) for name, each in described.items()}


def load_cases(name: str) -> list[dict[str, Any]]:
    """Return the cases of one file."""
    cases: list[dict[str, Any]] = json.loads((VECTORS / name).read_text("utf-8"))["cases"]
    return cases


TABLES = load_tables()
EVERYBODY = ModuleCatalog(TABLES, is_owner=False)
OWNER = ModuleCatalog(TABLES, is_owner=True)


def value_json(value: Any) -> Any:
    """Return a value as the cases write it: ids and bytes as big-endian hex, a Timestamp as microseconds.

    Integers beyond 2**53 are texts, for readers that know floats only.
    """
    if isinstance(value, Identity | ConnectionId | Uuid):
        return value.hex()
    if isinstance(value, int) and abs(value) > 2**53:
        return str(value)
    return value.hex() if isinstance(value, bytes) else value


def _side(side: ColumnRef | Literal) -> Any:
    return f"{side.source}.{side.column}" if isinstance(side, ColumnRef) else {"value": value_json(side.value)}


def condition_json(condition: Condition) -> Any:
    """Return a condition as nested lists."""
    match condition:
        case Comparison(left, op, right):
            return [op, _side(left), _side(right)]
        case And(parts):
            return ["and", *map(condition_json, parts)]
        case Or(parts):
            return ["or", *map(condition_json, parts)]
        case Constant(value):
            return value


def query_json(query: Query) -> dict[str, Any]:
    """Return the summary of a query."""
    return {
        "tables": [source.table.name for source in query.sources],
        "returned": query.returned,
        "on": [condition_json(each) for each in query.on],
        "where": condition_json(query.where),
    }


def statement_json(statement: Statement) -> dict[str, Any]:
    """Return the summary of a statement."""
    match statement:
        case Select(query, columns, count, limit):
            chosen = None if columns is None else [[each.name, _side(each.column)] for each in columns]
            return {"select": query_json(query), "columns": chosen, "count": count, "limit": limit}
        case Insert(into, rows):
            return {"insert": into.name, "rows": [[value_json(value) for value in row] for row in rows]}
        case Update(query, assignments):
            return {"update": query_json(query), "set": [[name, value_json(value)] for name, value in assignments]}
        case Delete(query):
            return {"delete": query_json(query)}
        case SetVariable(name, value):
            return {"set": name, "value": value}
        case Show(name):
            return {"show": name}
