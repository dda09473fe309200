"""SQL as a client runs it: one-off queries, and the statements of HTTP."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Any, TypeVar, cast

from msgspec import structs

from agent_spaces.engine.sql_read import combinations
from agent_spaces.engine.table import EngineTable
from agent_spaces.engine.tableset import TableSet
from agent_spaces.engine.visibility import Visibility
from agent_spaces.errors import SqlError
from agent_spaces.module import TableDefinition
from agent_spaces.sats import Identity
from agent_spaces.sats.types import PRIMITIVES, Sum, Variant
from agent_spaces.sats.values import SumValue
from agent_spaces.sql import (
    Delete,
    Insert,
    ModuleCatalog,
    Query,
    Select,
    SetVariable,
    Show,
    Statement,
    Update,
    compile_query,
    compile_statement,
)

# The type of a system variable's value, in the order of SpacetimeDB 2.8.3 (seen in the answer to SHOW row_limit).
VARIABLE_VALUES = ["Bool", "I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64", "I128", "U128", "F32", "F64", "String"]
VARIABLE_TYPE = Sum(tuple(Variant(name, PRIMITIVES[name]) for name in VARIABLE_VALUES))
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SqlResult:
    """What a statement gave.

    `columns` are (name, annotation or AlgebraicType), as sats.json takes them; `rows` have their values in that order.
    For INSERT, UPDATE and DELETE both are empty and the counts tell.
    """

    columns: tuple[tuple[str, Any], ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    inserted: int = 0
    deleted: int = 0
    updated: int = 0


class SqlRunner:
    """Runs SQL against the tables of one database, always under the rules of visibility.

    `transact(caller, work)` runs `work` as one transaction: what it changes is committed, or undone if it raises.
    `row_limit` is how many rows a result may have for anybody but the owner; it lasts until the database is closed.
    """

    def __init__(
        self, tables: TableSet, visibility: Visibility, transact: Callable[[Identity, Callable[[], Any]], Any]
    ) -> None:
        self._tables, self._visibility, self._transact = tables, visibility, transact
        self._definitions = {table.name: table.definition for table in tables}
        self.row_limit: int | None = None

    def one_off(self, text: str, reader: Identity) -> tuple[EngineTable, list[Any]]:
        """Return the table and the rows of a query of the subscription grammar; SqlError with the host's text."""
        query = compile_query(text, self._catalog(reader), reader, indexed_joins=False)
        rows = self._limited(self._returned(query, reader), reader)
        return self._tables.by_name[query.table.name], rows

    def run(self, text: str, caller: Identity) -> SqlResult:
        """Run one statement of HTTP; SqlError with the host's text, and then nothing is changed."""
        statement = compile_statement(text, self._catalog(caller), caller)
        match statement:
            case Select():
                return self._select(statement, caller)
            case Show():
                rows = () if self.row_limit is None else ((SumValue(VARIABLE_VALUES.index("U64"), self.row_limit),),)
                return SqlResult(columns=(("value", VARIABLE_TYPE),), rows=rows)
            case _:
                return self._change(statement, caller)

    def _catalog(self, caller: Identity) -> ModuleCatalog:
        return ModuleCatalog(self._definitions, is_owner=caller == self._visibility.owner)

    def _combinations(self, query: Query, reader: Identity) -> Iterator[tuple[Any, ...]]:
        return combinations(query, self._tables, self._visibility, reader)

    def _returned(self, query: Query, reader: Identity) -> Iterator[Any]:
        return (rows[query.returned] for rows in self._combinations(query, reader))

    def _limited(self, rows: Iterator[T], reader: Identity, limit: int | None = None) -> list[T]:
        """Return the rows, at most `limit`; SqlError if the reader asks for more than row_limit.

        SpacetimeDB estimates and ignores visibility; here only rows count that the reader may read.
        """
        found = list(rows if limit is None else islice(rows, limit))
        if self.row_limit is not None and len(found) > self.row_limit and reader != self._visibility.owner:
            raise SqlError(f"Estimated cardinality ({len(found)} rows) exceeds limit ({self.row_limit} rows)")
        return found

    def _select(self, select: Select, reader: Identity) -> SqlResult:
        query = select.query
        if select.count is not None:
            count = sum(1 for _ in self._combinations(query, reader))
            rows = () if select.limit == 0 else ((count,),)
            return SqlResult(columns=((select.count, PRIMITIVES["U64"]),), rows=rows)
        if select.columns is None:
            columns = tuple((column.name, column.annotation) for column in query.table.columns)
            values_of = _values_of(query.table)
            found = self._limited(self._returned(query, reader), reader, select.limit)
            return SqlResult(columns=columns, rows=tuple(map(values_of, found)))
        columns = tuple(
            (output.name, query.sources[output.column.source].table.column(output.column.column).annotation)
            for output in select.columns
        )
        places = [(output.column.source, output.column.column) for output in select.columns]
        picked = (
            tuple(getattr(rows[source], column) for source, column in places)
            for rows in self._combinations(query, reader)
        )
        return SqlResult(columns=columns, rows=tuple(self._limited(picked, reader, select.limit)))

    def _change(self, statement: Statement, caller: Identity) -> SqlResult:
        if caller != self._visibility.owner:
            raise SqlError(f"Caller {caller.hex()} is not authorized to run SQL DML statements")
        match statement:
            case SetVariable(_, value):
                self.row_limit = value
                return SqlResult()
            case Insert():
                return cast("SqlResult", self._transact(caller, lambda: self._insert(statement)))
            case Update():
                return cast("SqlResult", self._transact(caller, lambda: self._update(statement, caller)))
            case Delete():
                return cast("SqlResult", self._transact(caller, lambda: self._delete(statement, caller)))
        raise AssertionError(statement)

    def _insert(self, insert: Insert) -> SqlResult:
        table = self._tables.by_name[insert.table.name]
        for values in insert.rows:
            _put(table, insert.table.row_class(*values), None)
        return SqlResult(inserted=len(insert.rows))

    def _update(self, update: Update, caller: Identity) -> SqlResult:
        table = self._tables.by_name[update.table.name]
        rows = list(self._returned(update.query, caller))
        for row in rows:
            _put(table, structs.replace(row, **dict(update.assignments)), row)
        return SqlResult(updated=len(rows))

    def _delete(self, delete: Delete, caller: Identity) -> SqlResult:
        table = self._tables.by_name[delete.table.name]
        rows = list(self._returned(delete.query, caller))
        for row in rows:
            table.delete(table.pk_of(row))
        return SqlResult(deleted=len(rows))


def _values_of(table: TableDefinition) -> Callable[[Any], tuple[Any, ...]]:
    names = [column.name for column in table.columns]
    if len(names) == 1:
        only = attrgetter(names[0])
        return lambda row: (only(row),)
    return attrgetter(*names)


def _put(table: EngineTable, row: Any, old: Any | None) -> None:
    """Store a row, in place of another or as a new one; SqlError if a key is taken."""
    definition = table.definition
    for column in definition.columns:
        if not column.unique or (column.auto_inc and old is None and getattr(row, column.name) == 0):
            continue
        value = getattr(row, column.name)
        taken = table.indexes[column.name].find(value)
        if taken is not None and taken is not old:
            shown = f'"{value}"' if isinstance(value, str) else f"{value}"
            raise SqlError(
                f"IndexError: Unique constraint violation '{definition.name}_{column.name}_idx_btree' "
                f"in table '{definition.name}': column(s): '[\"{column.name}\"]' value: {shown}"
            )
    try:
        if old is not None and table.pk_of(old) == table.pk_of(row):
            table.update(row)
        else:
            if old is not None:
                table.delete(table.pk_of(old))
            table.insert(row)
    except AssertionError as error:  # a pair that an index of this engine keeps once; checked before any change
        raise SqlError(str(error)) from error
