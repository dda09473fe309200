"""A module as a whole, and its definition as SpacetimeDB's `/schema` answers it, in versions 9 and 10.

Names the host gives to indexes, constraints and sequences, and the order of the lists, are those of SpacetimeDB 2.8.3,
seen in the published definition of this contract. Type numbers follow first use, tables before reducers, by name.
"""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from agent_spaces.errors import DefinitionError
from agent_spaces.module.reducer import ReducerDefinition, reducer_definition_of
from agent_spaces.module.table import Index, TableDefinition, definition_of
from agent_spaces.module.visibility import filter_sql
from agent_spaces.sats.bsatn import encoder
from agent_spaces.sats.json import type_to_json
from agent_spaces.sats.mapping import class_type, product_of, type_of
from agent_spaces.sats.types import AlgebraicType, Ref

type_json = dict[str, Any]

_UNIT: type_json = {"Product": {"elements": []}}
_NONE: type_json = {"none": []}
_LIFECYCLE = {"init": "Init", "client_connected": "OnConnect", "client_disconnected": "OnDisconnect"}


def _some(value: object) -> type_json:
    return {"some": value}


class _Typespace:
    """Numbers the named types in the order of their first use."""

    def __init__(self) -> None:
        self.numbers: dict[type, int] = {}
        self.types: list[type_json] = []

    def number(self, named: type) -> int:
        """Return the number of a row class or enum, adding it and what it uses."""
        if named not in self.numbers:
            number = self.numbers[named] = len(self.types)
            self.types.append({})
            self.types[number] = self._described(named)
        return self.numbers[named]

    def _described(self, named: type) -> type_json:
        return type_to_json(class_type(named, self.reference))

    def reference(self, named: type) -> AlgebraicType:
        """Return the reference that stands for a row class or enum."""
        return Ref(self.number(named))

    def elements(self, pairs: Iterable[tuple[str, Any]]) -> type_json:
        """Return a product's elements from (name, annotation) pairs, as in `params`."""
        described: type_json = type_to_json(product_of(tuple(pairs), self.reference))
        elements: type_json = described["Product"]
        return elements


class Module:
    """The program of a database: its tables by name and its reducers by name.

    DefinitionError if names repeat, a scheduled table's reducer is missing or a rule names an unknown table.
    """

    def __init__(self, tables: Iterable[type[Any]], reducers: Iterable[Callable[..., None]]) -> None:
        self.tables: dict[str, TableDefinition] = {}
        for row_class in tables:
            table = definition_of(row_class)
            if table.name in self.tables:
                msg = f"Two tables are named {table.name}."
                raise DefinitionError(msg)
            if not table.primary_key:
                msg = f"Table {table.name} needs a primary key: mark one column with PrimaryKey()."
                raise DefinitionError(msg)
            self.tables[table.name] = table
        self.reducers: dict[str, ReducerDefinition] = {}
        for function in reducers:
            reducer = reducer_definition_of(function)
            if reducer.name in self.reducers:
                msg = f"Two reducers are named {reducer.name}."
                raise DefinitionError(msg)
            self.reducers[reducer.name] = reducer
        for table in self.tables.values():
            if table.scheduled is not None and table.scheduled not in self.reducers:
                msg = f"Table {table.name} is scheduled on {table.scheduled}, which is no reducer."
                raise DefinitionError(msg)
            members = getattr(table.visible_to, "members", None)
            if members is not None and members not in self.tables:
                msg = f"The rule of table {table.name} names {members}, which is no table."
                raise DefinitionError(msg)

    @cached_property
    def lifecycle(self) -> dict[str, ReducerDefinition]:
        """The lifecycle reducers by their kind."""
        return {r.lifecycle: r for r in self.reducers.values() if r.lifecycle is not None}

    @cached_property
    def _typespace(self) -> _Typespace:
        space = _Typespace()
        for name in sorted(self.tables):
            space.number(self.tables[name].row_class)
        for name in sorted(self.reducers):
            for _, annotation in self.reducers[name].parameters:
                type_of(annotation, space.reference)
        return space

    @cached_property
    def row_filters(self) -> list[str]:
        """The visibility rules as SpacetimeDB's filters, by table name."""
        rules = (filter_sql(name, table.visible_to) for name, table in sorted(self.tables.items()))
        return [rule for rule in rules if rule is not None]

    def schema_v9(self) -> type_json:
        """Return the body of `/schema?version=9`."""
        space = self._typespace
        return {
            "typespace": {"types": space.types},
            "tables": [self._table_v9(self.tables[name]) for name in sorted(self.tables)],
            "reducers": [
                {"name": name, "params": space.elements(reducer.parameters), "lifecycle": _lifecycle(reducer)}
                for name, reducer in sorted(self.reducers.items())
            ],
            "types": [
                {"name": {"scope": [], "name": named.__name__}, "ty": number, "custom_ordering": True}
                for named, number in self._types_by_name()
            ],
            "misc_exports": [
                {"ColumnDefaultValue": {"table": name, **default}}
                for name, table in sorted(self.tables.items())
                for default in _defaults(table)
            ],
            "row_level_security": [{"sql": sql} for sql in self.row_filters],
        }

    def schema_v10(self) -> type_json:
        """Return the body of `/schema?version=10`."""
        space = self._typespace
        schedules = [table for _, table in sorted(self.tables.items()) if table.scheduled is not None]
        lifecycle = [reducer for reducer in self.reducers.values() if reducer.lifecycle is not None]
        sections: list[type_json] = [
            {"Typespace": {"types": space.types}},
            {
                "Types": [
                    {
                        "source_name": {"scope": [], "source_name": named.__name__},
                        "ty": number,
                        "custom_ordering": True,
                    }
                    for named, number in self._types_by_name()
                ]
            },
            {"Tables": [self._table_v10(self.tables[name]) for name in sorted(self.tables)]},
            {"Reducers": [self._reducer_v10(reducer) for _, reducer in sorted(self.reducers.items())]},
        ]
        if schedules:
            sections.append({"Schedules": [_schedule_v10(table) for table in schedules]})
        if lifecycle:
            entries = [
                {"lifecycle_spec": {_LIFECYCLE[str(r.lifecycle)]: []}, "function_name": r.name} for r in lifecycle
            ]
            sections.append({"LifeCycleReducers": entries})
        if self.row_filters:
            sections.append({"RowLevelSecurity": [{"sql": sql} for sql in self.row_filters]})
        names = [{"Table": {"source_name": name, "canonical_name": name}} for name in sorted(self.tables)]
        names += [{"Function": {"source_name": name, "canonical_name": name}} for name in sorted(self.reducers)]
        sections.append({"ExplicitNames": {"entries": names}})
        return {"sections": sections}

    def _types_by_name(self) -> list[tuple[type, int]]:
        return sorted(self._typespace.numbers.items(), key=lambda item: item[0].__name__)

    def _table_v9(self, table: TableDefinition) -> type_json:
        return {
            "name": table.name,
            "product_type_ref": self._typespace.number(table.row_class),
            "primary_key": [_position(table, table.primary_key)],
            "indexes": [
                {"name": _some(name), "accessor_name": _some(accessor), "algorithm": {"BTree": columns}}
                for name, accessor, columns in _indexes(table)
            ],
            "constraints": [
                {"name": _some(name), "data": {"Unique": {"columns": [column]}}} for name, column in _constraints(table)
            ],
            "sequences": [{"name": _some(name), **rest} for name, rest in _sequences(table)],
            "schedule": _some(
                {
                    "name": _some(f"{table.name}_sched"),
                    "reducer_name": table.scheduled,
                    "scheduled_at_column": schedule_column(table),
                }
            )
            if table.scheduled is not None
            else _NONE,
            "table_type": {"User": []},
            "table_access": {"Public" if table.public else "Private": []},
        }

    def _table_v10(self, table: TableDefinition) -> type_json:
        return {
            "source_name": table.name,
            "product_type_ref": self._typespace.number(table.row_class),
            "primary_key": [_position(table, table.primary_key)],
            "indexes": [
                {"source_name": _some(name), "accessor_name": _some(accessor), "algorithm": {"BTree": columns}}
                for name, accessor, columns in _indexes(table)
            ],
            "constraints": [
                {"source_name": _some(name), "data": {"Unique": {"columns": [column]}}}
                for name, column in _constraints(table)
            ],
            "sequences": [{"source_name": _some(name), **rest} for name, rest in _sequences(table)],
            "table_type": {"User": []},
            "table_access": {"Public" if table.public else "Private": []},
            "default_values": _defaults(table),
            "is_event": table.event,
        }

    def _reducer_v10(self, reducer: ReducerDefinition) -> type_json:
        return {
            "source_name": reducer.name,
            "params": self._typespace.elements(reducer.parameters),
            "visibility": {"ClientCallable" if reducer.callable_by_clients else "Private": []},
            "ok_return_type": _UNIT,
            "err_return_type": {"String": []},
        }


def _lifecycle(reducer: ReducerDefinition) -> type_json:
    return _NONE if reducer.lifecycle is None else _some({_LIFECYCLE[reducer.lifecycle]: []})


def _position(table: TableDefinition, column: str) -> int:
    return [c.name for c in table.columns].index(column)


def schedule_column(table: TableDefinition) -> int:
    """Return the position of the column that says when a scheduled row is due."""
    return _position(table, "scheduled_at")


def _schedule_v10(table: TableDefinition) -> type_json:
    return {
        "source_name": _some(f"{table.name}_sched"),
        "table_name": table.name,
        "schedule_at_col": schedule_column(table),
        "function_name": table.scheduled,
    }


def _indexes(table: TableDefinition) -> list[tuple[str, str, list[int]]]:
    """Return (name, accessor, column positions), by name: those of keys and unique columns too."""
    every = [Index(column.name) for column in table.columns if column.unique] + list(table.indexes)
    return sorted(
        (
            f"{table.name}_{'_'.join(index.columns)}_idx_btree",
            index.accessor,
            [_position(table, column) for column in index.columns],
        )
        for index in every
    )


def _constraints(table: TableDefinition) -> list[tuple[str, int]]:
    unique = [column.name for column in table.columns if column.unique]
    return sorted((f"{table.name}_{column}_key", _position(table, column)) for column in unique)


def _sequences(table: TableDefinition) -> list[tuple[str, type_json]]:
    return [
        (
            f"{table.name}_{column.name}_seq",
            {
                "column": position,
                "start": _NONE,
                "min_value": _NONE,
                "max_value": _NONE,
                "increment": 1,
            },
        )
        for position, column in enumerate(table.columns)
        if column.auto_inc
    ]


def _defaults(table: TableDefinition) -> list[type_json]:
    return [
        {"col_id": position, "value": encoder(column.annotation)(column.default.value).hex()}
        for position, column in enumerate(table.columns)
        if column.default is not None
    ]
