"""TypeScript bindings: what the official SDK, npm `spacetimedb`, takes to talk to one database.

    import { DbConnection, tables } from './index';
    DbConnection.builder().withUri('http://localhost:3000').withDatabaseName('chat') …

Columns, parameters, tables and reducers have camelCase names; the text depends on nothing but the definition.
Source: npm `spacetimedb` 2.10.1, whose builders a generated file only calls.
"""

from collections.abc import Mapping
from typing import Any

from agent_spaces.client.described import Described, DescribedFunction, DescribedTable, read_description
from agent_spaces.client.generate.types import chosen_tables, inner_types, needed_types
from agent_spaces.client.generate.typescript_types import TypeScriptTypes, is_keyable, key, property_names, quoted
from agent_spaces.client.names import camel, distinct, pascal
from agent_spaces.sats.types import Element

CLI_VERSION = "2.8.3"  # the SDK asks for at least 1.4.0

_HEADER = """// The tables and reducers of a SpacetimeDB database, for the npm package spacetimedb.
// Made by `spaces generate --lang typescript`: changes made here are lost when it is made again.
/* eslint-disable */
import {
  DbConnectionBuilder,
  DbConnectionImpl,
  makeQueryBuilder,
  procedureSchema,
  procedures,
  reducerSchema,
  reducers,
  schema,
  t,
  table,
  type DbConnectionConfig,
  type ErrorContextInterface,
  type EventContextInterface,
  type Infer,
  type QueryBuilder,
  type ReducerEventContextInterface,
  type SubscriptionEventContextInterface,
} from 'spacetimedb';
"""
_FOOTER = """
const REMOTE = {
  versionInfo: { cliVersion: '%s' as const },
  tables: tablesSchema.schemaType.tables,
  reducers: reducersSchema.reducersType.reducers,
  ...proceduresSchema,
};

export type EventContext = EventContextInterface<typeof REMOTE>;
export type ReducerEventContext = ReducerEventContextInterface<typeof REMOTE>;
export type SubscriptionEventContext = SubscriptionEventContextInterface<typeof REMOTE>;
export type ErrorContext = ErrorContextInterface<typeof REMOTE>;

/** A connection to the database: `DbConnection.builder()` … `.build()`. */
export class DbConnection extends DbConnectionImpl<typeof REMOTE> {
  static builder = (): DbConnectionBuilder<DbConnection> =>
    new DbConnectionBuilder<DbConnection>(
      REMOTE,
      (config: DbConnectionConfig<typeof REMOTE>) => new DbConnection(config)
    );
}

/** Builds queries to subscribe to: `tables.message.where(row => row.channelId.eq(7n))`. */
export const tables: QueryBuilder<typeof tablesSchema.schemaType> = makeQueryBuilder(tablesSchema.schemaType);
"""
_TAKEN = [
    "DbConnection",
    "DbConnectionBuilder",
    "DbConnectionImpl",
    "makeQueryBuilder",
    "procedureSchema",
    "procedures",
    "reducerSchema",
    "reducers",
    "schema",
    "t",
    "table",
    "tables",
    "DbConnectionConfig",
    "ErrorContextInterface",
    "EventContextInterface",
    "Infer",
    "QueryBuilder",
    "ReducerEventContextInterface",
    "SubscriptionEventContextInterface",
    "REMOTE",
    "EventContext",
    "ReducerEventContext",
    "ErrorContext",
    "SubscriptionEventContext",
    "tablesSchema",
    "reducersSchema",
    "proceduresSchema",
]


def typescript_bindings(body: Any, *, include_private: bool = False) -> Mapping[str, str]:
    """Return file texts by file name, of a body of `/schema?version=10`; DefinitionError if it is none.

    Tables that only the owner may read are left out unless `include_private`.
    """
    return {"index.ts": _Module(read_description(body), include_private).text()}


class _Module:
    """Writes the one module of a database."""

    def __init__(self, described: Described, include_private: bool) -> None:
        self._described = described
        self._tables = chosen_tables(described, include_private=include_private)
        numbers = needed_types(described, self._tables)
        inner = inner_types(described, numbers)
        self._values = [number for number in numbers if number in inner]
        names = distinct((_word(described.type_names.get(n, f"Type{n}")) for n in numbers), taken=_TAKEN)
        name_of = dict(zip(numbers, names, strict=True))
        first_of: dict[int, str] = {}
        for table in self._tables:
            first_of.setdefault(table.type_number, table.name)
        others = [table for table in self._tables if first_of[table.type_number] != table.name]
        other_names = distinct((_word(pascal(table.name)) for table in others), taken=[*names, *_TAKEN])
        self._row_of = {table: name_of[number] for number, table in first_of.items()}
        self._row_of |= {table.name: name for table, name in zip(others, other_names, strict=True)}
        taken = [*names, *other_names, *_TAKEN]
        rows = distinct((f"{self._row_of[table.name]}Row" for table in self._tables), taken)
        self._rows = dict(zip((table.name for table in self._tables), rows, strict=True))
        self._has_value = {self._row_of[first_of[number]] for number in self._values if number in first_of}
        self._const_of, self._types = name_of, TypeScriptTypes(name_of)

    def text(self) -> str:
        """Return the whole file."""
        parts = [self._value(number) for number in self._values]
        parts += [self._row(table) for table in self._tables]
        accessors = distinct(camel(table.name) for table in self._tables)
        entries = (self._table(accessor, table) for accessor, table in zip(accessors, self._tables, strict=True))
        parts.append("\nconst tablesSchema = schema({\n" + "".join(entries) + "});\n")
        reducers = (f"  {self._function('reducerSchema', reducer)},\n" for reducer in self._described.reducers)
        parts.append("\nconst reducersSchema = reducers(\n" + "".join(reducers) + ");\n")
        called = (f"  {self._function('procedureSchema', p)},\n" for p in self._described.procedures)
        parts.append("\nconst proceduresSchema = procedures(\n" + "".join(called) + ");\n")
        return _HEADER + "".join(parts) + _FOOTER % CLI_VERSION

    def _value(self, number: int) -> str:
        name = self._const_of[number]
        built = self._types.builder(self._described.types[number], name)
        return f"\nexport const {name} = {built};\nexport type {name} = Infer<typeof {name}>;\n"

    def _row(self, table: DescribedTable) -> str:
        name, row = self._row_of[table.name], self._rows[table.name]
        keys = property_names(table.columns)
        lines = (
            f"  {key(k)}: {self._column(table, k, element)},\n" for k, element in zip(keys, table.columns, strict=True)
        )
        made = f"\nconst {row} = t.row({quoted(name)}, {{\n{''.join(lines)}}});\n"
        return made if name in self._has_value else f"{made}export type {name} = Infer<typeof {row}>;\n"

    def _column(self, table: DescribedTable, property_: str, element: Element) -> str:
        name = str(element.name)
        text = self._types.builder(element.type)
        if name == table.primary_key:
            text += ".primaryKey()"
        elif name in table.unique_columns and is_keyable(element.type):
            text += ".unique()"
        return text if property_ == name else f"{text}.name({quoted(name)})"

    def _table(self, accessor: str, table: DescribedTable) -> str:
        keys = dict(zip((element.name for element in table.columns), property_names(table.columns), strict=True))
        lines = [f"      name: {quoted(table.name)},\n"]
        if table.event:
            lines.append("      event: true,\n")
        accessors = distinct(camel(index.accessor) for index in table.indexes)
        indexes = "".join(
            f"        {{ accessor: {quoted(a)}, name: {quoted(index.name)}, algorithm: {quoted(index.algorithm)}, "
            + (
                f"column: {quoted(keys[index.columns[0]])} }},\n"
                if index.algorithm == "direct"
                else f"columns: [{', '.join(quoted(keys[c]) for c in index.columns)}] }},\n"
            )
            for a, index in zip(accessors, table.indexes, strict=True)
        )
        if indexes:
            lines.append(f"      indexes: [\n{indexes}      ],\n")
        constraints = "".join(
            f"        {{ name: {quoted(name)}, constraint: 'unique', "
            f"columns: [{', '.join(quoted(keys[c]) for c in columns)}] }},\n"
            for name, columns in table.unique
        )
        if constraints:
            lines.append(f"      constraints: [\n{constraints}      ],\n")
        return f"  {key(accessor)}: table(\n    {{\n{''.join(lines)}    }},\n    {self._rows[table.name]}\n  ),\n"

    def _function(self, maker: str, function: DescribedFunction) -> str:
        keys = property_names(function.parameters)
        fields = [
            f"{key(k)}: {self._types.builder(element.type)}"
            for k, element in zip(keys, function.parameters, strict=True)
        ]
        inside = f"{{ {', '.join(fields)} }}" if fields else "{}"
        returns = f", {self._types.builder(function.returns)}" if maker == "procedureSchema" else ""
        return f"{maker}({quoted(function.name)}, {inside}{returns})"


def _word(name: str) -> str:
    return "".join(c if c.isalnum() or c in "_$" else "_" for c in name)
