"""What a client knows of a database: its tables and reducers, from classes and functions or from `/schema`.

A database of anybody's can be talked to: `ClientSchema.from_json` makes row classes and enums of what the host
describes. `with_types` puts one's own typed classes in the place of those made, once they are found to be equal.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec

from agent_spaces.client.described import DescribedFunction, DescribedTable, read_description
from agent_spaces.client.errors import UnknownNameError
from agent_spaces.client.names import columns, members, parameters, safe
from agent_spaces.errors import DefinitionError, EncodeError
from agent_spaces.module import ReducerDefinition, TableDefinition, definition_of, reducer_definition_of
from agent_spaces.sats.bsatn import arguments_encoder, row_decoder
from agent_spaces.sats.mapping import type_of
from agent_spaces.sats.types import U8, AlgebraicType, Array, Product, Ref, Sum, inline, is_option, is_unit_sum


@dataclass(frozen=True)
class TableSchema:
    """A table as clients see it; `primary_key` is a column's name, None if there is none."""

    name: str
    row_class: type[Any]
    primary_key: str | None
    event: bool
    public: bool = True

    @cached_property
    def decode(self) -> Callable[[bytes], Any]:
        """Turns a row's BSATN into a row."""
        decode = row_decoder(self.row_class)
        return lambda raw: decode(raw, 0)[0]


@dataclass(frozen=True)
class ReducerSchema:
    """A reducer that clients may call, with its parameters as (name, annotation)."""

    name: str
    parameters: tuple[tuple[str, Any], ...]

    @cached_property
    def _encode(self) -> Callable[[Sequence[Any]], bytes]:
        return arguments_encoder(self.parameters)

    def encode(self, args: Sequence[Any], kwargs: Mapping[str, Any], defaults: Mapping[str, Any]) -> bytes:
        """Return the arguments as BSATN; what is left out is the default, or none where the parameter is optional.

        UnknownNameError says which argument is missing, unknown or of the wrong type.
        """
        names = [name for name, _ in self.parameters]
        if len(args) > len(names):
            raise UnknownNameError(f"{self.name} takes {len(names)} arguments, not {len(args)}.")
        given = dict(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name not in names:
                raise UnknownNameError(f"{self.name} has no parameter {name}; it takes {', '.join(names) or 'none'}.")
            if name in given:
                raise UnknownNameError(f"{self.name} got {name} twice.")
            given[name] = value
        for name, annotation in self.parameters:
            if name in given:
                continue
            if name in defaults:
                given[name] = defaults[name]
            elif _is_optional(annotation):
                given[name] = None
            else:
                raise UnknownNameError(f"{self.name} needs {name}.")
        try:
            return self._encode([given[name] for name in names])
        except EncodeError as error:
            raise UnknownNameError(f"{self.name}: {error}") from error


class ClientSchema:
    """The tables and reducers of a database by name."""

    def __init__(self, tables: Iterable[TableSchema], reducers: Iterable[ReducerSchema]) -> None:
        self.tables = {table.name: table for table in tables}
        self.reducers = {reducer.name: reducer for reducer in reducers}

    @classmethod
    def of(cls, tables: Iterable[type[Any]], reducers: Iterable[Callable[..., None]]) -> "ClientSchema":
        """Take the schema from table classes and reducer functions, without asking the host."""
        return cls(
            [_table_schema(definition_of(table)) for table in tables],
            [_reducer_schema(reducer_definition_of(reducer)) for reducer in reducers],
        )

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "ClientSchema":
        """Read the body of `/schema?version=10`; DefinitionError if it is none."""
        described = read_description(body)
        maker = _ClassMaker(described.types, described.type_names)
        return cls(
            [_table_from_description(table, maker) for table in described.tables],
            [ReducerSchema(reducer.name, maker.parameters(reducer)) for reducer in described.reducers],
        )

    def with_types(self, tables: Iterable[type[Any]], reducers: Iterable[Callable[..., None]] = ()) -> "ClientSchema":
        """Return this schema with one's own classes in it.

        DefinitionError names the table or reducer that the database does not have, or has differently.
        """
        own = ClientSchema.of(tables, reducers)
        for name, table in own.tables.items():
            theirs = self.tables.get(name)
            if theirs is None:
                raise DefinitionError(f"The database has no table {name}.")
            if type_of(theirs.row_class) != type_of(table.row_class):
                raise DefinitionError(f"The database's table {name} has other columns than {table.row_class.__name__}.")
        for name, reducer in own.reducers.items():
            known = self.reducers.get(name)
            if known is None:
                raise DefinitionError(f"The database has no reducer {name}.")
            if [(n, type_of(a)) for n, a in known.parameters] != [(n, type_of(a)) for n, a in reducer.parameters]:
                raise DefinitionError(f"The database's reducer {name} takes other arguments.")
        return ClientSchema(
            {**self.tables, **own.tables}.values(),
            {**self.reducers, **own.reducers}.values(),
        )

    def table(self, table: "str | type[Any]") -> TableSchema:
        """Return a table by name or row class; UnknownNameError otherwise."""
        name = table if isinstance(table, str) else definition_of(table).name
        found = self.tables.get(name)
        if found is None:
            raise UnknownNameError(f"The database has no table {name}.")
        return found

    def reducer(self, reducer: "str | Callable[..., None]") -> ReducerSchema:
        """Return a reducer by name or function; UnknownNameError otherwise."""
        name = reducer if isinstance(reducer, str) else reducer_definition_of(reducer).name
        found = self.reducers.get(name)
        if found is None:
            raise UnknownNameError(f"The database has no reducer {name}.")
        return found


def _is_optional(annotation: Any) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_optional(get_args(annotation)[0])
    return get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation)


def _table_schema(table: TableDefinition) -> TableSchema:
    return TableSchema(table.name, table.row_class, table.primary_key or None, table.event, table.public)


def _reducer_schema(reducer: ReducerDefinition) -> ReducerSchema:
    return ReducerSchema(reducer.name, reducer.parameters)


def _table_from_description(table: DescribedTable, maker: "_ClassMaker") -> TableSchema:
    row_class = maker.row_class(table.type_number)
    names = [element.name for element in table.columns]
    return TableSchema(
        name=table.name,
        row_class=row_class,
        primary_key=None if table.primary_key is None else row_class.__struct_fields__[names.index(table.primary_key)],
        event=table.event,
        public=table.public,
    )


class _ClassMaker:
    """Makes Python classes of a typespace: products become structs, plain sums become enums."""

    def __init__(self, types: Sequence[AlgebraicType], names: Mapping[int, str]) -> None:
        self._types, self._names = types, names
        self._made: dict[int, Any] = {}

    def row_class(self, number: int) -> type[Any]:
        made: type[Any] = self._named(number)
        return made

    def parameters(self, function: DescribedFunction) -> tuple[tuple[str, Any], ...]:
        names = parameters(element.name for element in function.parameters)
        types = (self.annotation(element.type) for element in function.parameters)
        return tuple(zip(names, types, strict=True))

    def annotation(self, t: AlgebraicType) -> Any:
        """Return an annotation for a type; sums with payloads stay SumValue, products without a name tuples."""
        if isinstance(t, Ref):
            return self._named(t.number)
        if is_option(t):
            assert isinstance(t, Sum)
            inner = t.variants[0].type
            if not is_option(inner):
                return self.annotation(inner) | None
        if isinstance(t, Array) and t.element != U8:
            return list[self.annotation(t.element)]  # type: ignore[misc]
        return Annotated[Any, inline(t, self._types)]

    def _named(self, number: int) -> Any:
        if number not in self._made:
            t, name = self._types[number], self._names.get(number, f"Type{number}")
            if isinstance(t, Product) and all(element.name for element in t.elements):
                names = columns(e.name for e in t.elements)
                fields = [(field, self.annotation(e.type)) for field, e in zip(names, t.elements, strict=True)]
                self._made[number] = msgspec.defstruct(safe(name), fields, frozen=True)
            elif isinstance(t, Sum) and is_unit_sum(t):
                variants = members(v.name for v in t.variants)
                self._made[number] = IntEnum(safe(name), [(variant, i) for i, variant in enumerate(variants)])
            else:
                self._made[number] = Annotated[Any, inline(t, self._types)]
        return self._made[number]
