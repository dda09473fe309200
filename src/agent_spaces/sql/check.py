"""Syntax tree to plan: names, types and the rules of each of the two grammars, against the caller's catalog.

Error texts are those of a SpacetimeDB 2.8.3 host where they were seen.
"""

from agent_spaces.errors import SqlError
from agent_spaces.module.table import TableDefinition
from agent_spaces.sats import types
from agent_spaces.sats.mapping import type_of
from agent_spaces.sats.special import Identity
from agent_spaces.sats.types import AlgebraicType
from agent_spaces.sql import literals
from agent_spaces.sql.condition import (
    TRUE,
    And,
    ColumnRef,
    Comparison,
    Condition,
    Constant,
    Literal,
    Operator,
    Or,
)
from agent_spaces.sql.plan import Catalog, Query, Source
from agent_spaces.sql.syntax import (
    Binary,
    Expression,
    JoinRef,
    Logical,
    Name,
    SelectText,
    Sender,
    Star,
    TableRef,
    Value,
)

MIRRORED: dict[Operator, Operator] = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
TABLES_MAX = 16  # in one FROM; each doubles what a join may cost


def column_type(table: TableDefinition, column: str) -> AlgebraicType:
    """Return the type of a column that the table has."""
    return type_of(table.column(column).annotation)


def has_column(table: TableDefinition, name: str) -> bool:
    """Tell whether the table has a column of that name."""
    return any(column.name == name for column in table.columns)


def visible_table(catalog: Catalog, name: str) -> TableDefinition:
    """Return the table of that name; SqlError if there is none or the caller may not know of it."""
    table = catalog.table(name)
    if table is None or not catalog.may_read(name):
        raise SqlError(f"no such table: `{name}`. If the table exists, it may be marked private.")
    return table


class Scope:
    """The tables of one statement, and what the names in it mean."""

    def __init__(self, catalog: Catalog, sender: Identity) -> None:
        self.catalog, self.sender = catalog, sender
        self.sources: list[Source] = []

    def add(self, table: TableRef) -> None:
        """Put a table into the scope; SqlError if it is unknown or its name is taken."""
        definition = visible_table(self.catalog, table.name)
        if any(source.alias == table.alias for source in self.sources):
            raise SqlError(f"Duplicate name `{table.alias}`")
        self.sources.append(Source(table.alias, definition))

    def source(self, alias: str) -> int:
        """Return the number of the table with this name or alias."""
        for number, source in enumerate(self.sources):
            if source.alias == alias:
                return number
        raise SqlError(f"`{alias}` is not in scope")

    def column(self, name: Name) -> ColumnRef:
        """Return what a column's name means."""
        if name.table is None and len(self.sources) > 1:
            raise SqlError("Names must be qualified when using joins")
        source = 0 if name.table is None else self.source(name.table)
        if not has_column(self.sources[source].table, name.column):
            raise SqlError(f"`{name.column}` is not in scope")
        return ColumnRef(source, name.column)

    def type_of(self, column: ColumnRef) -> AlgebraicType:
        """Return a column's type."""
        return column_type(self.sources[column.source].table, column.column)

    def condition(self, expression: Expression | None) -> Condition:
        """Return what a WHERE clause means; TRUE where there is none. Its depth is bounded by the parser."""
        match expression:
            case None:
                return TRUE
            case Logical(word, parts, _):
                checked = tuple(self.condition(part) for part in parts)
                return And(checked) if word == "AND" else Or(checked)
            case Binary(left, op, right, _):
                return self._comparison(left, op, right)
            case Value("bool", text):
                return Constant(text == "true")
            case Name():
                column = self.column(expression)
                if (found := self.type_of(column)) != types.BOOL:
                    raise literals.unexpected_type(found, types.BOOL)
                return Comparison(column, "=", Literal(value=True))
            case Value() | Sender():
                return Constant(bool(literals.read(self._text(expression), types.BOOL)))

    def _text(self, side: Value | Sender) -> str:
        return self.sender.hex() if isinstance(side, Sender) else side.text

    def _literal(self, side: Value | Sender, wanted: AlgebraicType) -> Literal:
        if isinstance(side, Sender):
            return Literal(literals.read(self._text(side), wanted))
        return Literal(literals.compared(side, wanted))

    def _comparison(self, left: Expression, op: Operator, right: Expression) -> Condition:
        if isinstance(left, Binary | Logical) or isinstance(right, Binary | Logical):
            raise SqlError("Unsupported expression: a comparison takes columns and literals, not other comparisons")
        if not isinstance(left, Name):
            if isinstance(right, Name):
                return self._comparison(right, MIRRORED[op], left)
            return self._constant(left, op, right)
        column = self.column(left)
        wanted = self.type_of(column)
        other: Literal | ColumnRef
        if isinstance(right, Name):
            other = self.column(right)
            if (found := self.type_of(other)) != wanted:
                raise literals.unexpected_type(found, wanted)
        else:
            other = self._literal(right, wanted)
        if not literals.is_comparable(wanted):
            raise SqlError(f"Invalid binary operator `{op}` for type `{literals.type_text(wanted)}`")
        return Comparison(column, op, other)

    def _constant(self, left: Value | Sender, op: Operator, right: Value | Sender) -> Constant:
        if not isinstance(right, Value) or right.kind != "bool":
            raise SqlError("Cannot resolve type for literal expression")
        a, b = bool(self._literal(left, types.BOOL).value), right.text == "true"
        return Constant({"=": a == b, "<>": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op])

    def meeting(self, join: JoinRef) -> Comparison:
        """Return the equality that a JOIN, whose table was just added, is on."""
        left, right = self.column(join.left), self.column(join.right)
        wanted, found = self.type_of(left), self.type_of(right)
        if wanted != found:
            raise literals.unexpected_type(found, wanted)
        if not literals.is_comparable(wanted):
            raise SqlError(f"Invalid binary operator `=` for type `{literals.type_text(wanted)}`")
        newest = len(self.sources) - 1
        if newest not in {left.source, right.source} or left.source == right.source:
            raise SqlError(f"JOIN must compare a column of `{join.table.alias}` with one of a table before it")
        return Comparison(left, "=", right)


def check_tables(select: SelectText, scope: Scope) -> tuple[Comparison, ...]:
    """Put the tables of FROM into the scope and return what they are joined on."""
    assert select.table is not None
    if len(select.joins) >= TABLES_MAX:
        raise SqlError(f"Too many tables in FROM: {len(select.joins) + 1}; at most {TABLES_MAX}")
    scope.add(select.table)
    on = []
    for join in select.joins:
        scope.add(join.table)
        on.append(scope.meeting(join))
    return tuple(on)


def returned_source(star: Star, scope: Scope) -> int:
    """Return the number of the table whose rows `*` or `t.*` means."""
    if star.table is not None:
        return scope.source(star.table)
    if len(scope.sources) > 1:
        raise SqlError("SELECT * is not supported for joins")
    return 0


def check_query(text: str, select: SelectText, catalog: Catalog, sender: Identity) -> Query:
    """Return the plan of a SELECT of whole rows; SqlError if it does not fit the tables."""
    scope = Scope(catalog, sender)
    on = check_tables(select, scope)
    where = scope.condition(select.where)
    if not isinstance(select.projection, Star):
        raise SqlError("Column projections are not supported in subscriptions; Subscriptions must return a table type")
    return Query(text, tuple(scope.sources), returned_source(select.projection, scope), on, where)


def _is_indexed(table: TableDefinition, name: str) -> bool:
    column = table.column(name)
    return column.unique or any(index.columns[0] == name for index in table.indexes)


def check_subscription(query: Query) -> None:
    """Raise SqlError unless the query can be kept up to date: at most two tables, joined by indexed columns."""
    if len(query.sources) > 2:
        raise SqlError("Subscriptions require indexes on join columns")  # what the host says of three tables (seen)
    if query.join is None:
        return
    if query.join.table.event:
        raise SqlError("Event tables cannot be used as the lookup table in subscription joins")
    if not (_is_indexed(query.table, query.join.column) and _is_indexed(query.join.table, query.join.other_column)):
        raise SqlError("Subscriptions require indexes on join columns")
