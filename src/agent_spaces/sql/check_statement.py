"""The statements that only HTTP takes: select lists, COUNT, LIMIT, INSERT, UPDATE, DELETE, SET and SHOW."""

from typing import Any

from agent_spaces.errors import SqlError
from agent_spaces.module.table import TableDefinition
from agent_spaces.sats import types
from agent_spaces.sats.special import Identity
from agent_spaces.sql import literals
from agent_spaces.sql.check import Scope, check_tables, column_type, has_column, returned_source, visible_table
from agent_spaces.sql.plan import (
    Catalog,
    Delete,
    Insert,
    Output,
    Query,
    Select,
    SetVariable,
    Show,
    Statement,
    Update,
)
from agent_spaces.sql.syntax import (
    Count,
    DeleteText,
    Expression,
    InsertText,
    Item,
    SelectText,
    SetText,
    ShowText,
    Star,
    StatementText,
    TableRef,
    UpdateText,
)

VARIABLES = ("row_limit",)


def _outputs(items: tuple[Item, ...], scope: Scope) -> tuple[Output, ...]:
    outputs: list[Output] = []
    for item in items:
        if any(item.name == output.name for output in outputs):
            raise SqlError(f"Duplicate name `{item.name}`")
        outputs.append(Output(item.name, scope.column(item.column)))
    return tuple(outputs)


def _select(text: str, select: SelectText, catalog: Catalog, sender: Identity) -> Select:
    scope = Scope(catalog, sender)
    on = check_tables(select, scope)
    where = scope.condition(select.where)
    limit = None if select.limit is None else int(literals.read(select.limit, types.U64))
    match select.projection:
        case Star() as star:
            query = Query(text, tuple(scope.sources), returned_source(star, scope), on, where)
            return Select(query, limit=limit)
        case Count(name):
            return Select(Query(text, tuple(scope.sources), 0, on, where), count=name, limit=limit)
        case items:
            outputs = _outputs(items, scope)
            return Select(Query(text, tuple(scope.sources), 0, on, where), columns=outputs, limit=limit)


def _insert(insert: InsertText, catalog: Catalog) -> Insert:
    table = visible_table(catalog, insert.table)
    wanted = len(table.columns)
    if len(insert.columns) != wanted:
        raise SqlError(
            f"The number of fields ({len(insert.columns)}) in the INSERT does not match the number of columns "
            f"({wanted}) of the table `{table.name}`"
        )
    for name in insert.columns:
        if not has_column(table, name):
            raise SqlError(f"`{table.name}` does not have a field `{name}`")
    column_types = [column_type(table, column.name) for column in table.columns]
    rows = []
    for row in insert.rows:
        if len(row) != wanted:
            raise SqlError(f"Inserting a row with {len(row)} values into `{table.name}` which has {wanted} fields")
        # Values go by table order whatever the list says (SpacetimeDB 2.8.3, seen).
        rows.append(tuple(literals.written(value, t) for value, t in zip(row, column_types, strict=True)))
    return Insert(table, tuple(rows))


def _rows_of(text: str, table: TableDefinition, where: Expression | None, catalog: Catalog, sender: Identity) -> Query:
    scope = Scope(catalog, sender)
    scope.add(TableRef(table.name, table.name))
    return Query(text, tuple(scope.sources), 0, (), scope.condition(where))


def _update(text: str, update: UpdateText, catalog: Catalog, sender: Identity) -> Update:
    table = visible_table(catalog, update.table)
    assignments: dict[str, Any] = {}
    for name, value in update.assignments:
        if not has_column(table, name):
            raise SqlError(f"`{table.name}` does not have a field `{name}`")
        if name in assignments:
            raise SqlError(f"Duplicate name `{name}`")
        assignments[name] = literals.written(value, column_type(table, name))
    return Update(_rows_of(text, table, update.where, catalog, sender), tuple(assignments.items()))


def _variable(name: str) -> str:
    if name not in VARIABLES:
        raise SqlError(f"{name} is not a valid system variable")
    return name


def check_statement(text: str, statement: StatementText, catalog: Catalog, sender: Identity) -> Statement:
    """Return the plan of any statement but SELECT * FROM *; SqlError if it does not fit the tables."""
    match statement:
        case SelectText():
            return _select(text, statement, catalog, sender)
        case InsertText():
            return _insert(statement, catalog)
        case UpdateText():
            return _update(text, statement, catalog, sender)
        case DeleteText(name, where):
            return Delete(_rows_of(text, visible_table(catalog, name), where, catalog, sender))
        case SetText(name, value):
            return SetVariable(_variable(name), int(literals.written(value, types.U64)))
        case ShowText(name):
            return Show(_variable(name))
