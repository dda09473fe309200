"""What a client knows of a database: its tables and reducers, from classes and functions or from `/schema`.

A database of anybody's can be talked to: `ClientSchema.from_json` makes row classes and enums of what the host
describes. `with_types` puts one's own typed classes in the place of those made, once they are found to be equal.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Annotated, Any

import msgspec

from agent_spaces.client.described import DescribedFunction, DescribedTable, read_description
from agent_spaces.client.errors import UnknownNameError
from agent_spaces.client.names import columns, members, parameters, safe
from agent_spaces.errors import DecodeError, DefinitionError, EncodeError
from agent_spaces.module import ReducerDefinition, TableDefinition, definition_of, reducer_definition_of
from agent_spaces.sats.bsatn import arguments_encoder, encoder, row_decoder
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
        """Turns a row's BSATN into a row; DecodeError if it is none, or goes on behind its end."""
        decode_at = row_decoder(self.row_class)

        def decode(raw: bytes) -> Any:
            row, end = decode_at(raw, 0)
            if end != len(raw):
                raise DecodeError(self.row_class.__name__, end, f"{len(raw) - end} bytes are left over")
            return row

        return decode


@dataclass(frozen=True)
class ReducerSchema:
    """A reducer that clients may call, with its parameters as (name, annotation)."""

    name: str
    parameters: tuple[tuple[str, Any], ...]
    function: Callable[..., None] | None = None

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
            elif is_option(type_of(annotation)):
                given[name] = None
            else:
                raise UnknownNameError(f"{self.name} needs {name}.")
        try:
            return self._encode([given[name] for name in names])
        except EncodeError as error:
            raise UnknownNameError(self._what_does_not_fit(given) or f"{self.name}: {error}") from error

    def _what_does_not_fit(self, given: Mapping[str, Any]) -> str | None:
        for name, annotation in self.parameters:
            try:
                encoder(annotation)(given[name])
            except EncodeError as error:
                return f"{self.name}: {name}: {error}"
        return None


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
        mixed = self.copy()
        for table in tables:
            mixed.adopt_table(table)
        for reducer in reducers:
            mixed.adopt_reducer(reducer)
        return mixed

    def copy(self) -> "ClientSchema":
        """Return a schema that may adopt classes and functions without changing this one."""
        return ClientSchema(self.tables.values(), self.reducers.values())

    def check_tables(self, theirs: "ClientSchema") -> None:
        """Raise DefinitionError unless another schema has all of these tables with the same columns."""
        for name, table in self.tables.items():
            other = theirs.tables.get(name)
            if other is None:
                raise DefinitionError(f"The database has no table {name} any more.")
            if type_of(other.row_class) != type_of(table.row_class):
                raise DefinitionError(f"The database's table {name} has other columns now.")

    def adopt_table(self, table: type[Any]) -> TableSchema:
        """Take a row class in the place of the one known; DefinitionError if the database's table differs."""
        own = _table_schema(definition_of(table))
        theirs = self.tables.get(own.name)
        if theirs is None:
            raise DefinitionError(f"The database has no table {own.name}.")
        if type_of(theirs.row_class) != type_of(table):
            raise DefinitionError(f"The database's table {own.name} has other columns than {table.__name__}.")
        if theirs.primary_key != own.primary_key:
            ours = own.primary_key or "none"
            raise DefinitionError(f"The primary key of table {own.name} is {theirs.primary_key or 'none'}, not {ours}.")
        if theirs.event != own.event:
            kind = "an event table" if theirs.event else "no event table"
            raise DefinitionError(f"The database's table {own.name} is {kind}.")
        self.tables[own.name] = own
        return own

    def adopt_reducer(self, reducer: Callable[..., None]) -> ReducerSchema:
        """Take a function's parameters in the place of those known; DefinitionError if the database's differ."""
        own = _reducer_schema(reducer_definition_of(reducer))
        known = self.reducers.get(own.name)
        if known is None:
            raise DefinitionError(f"The database has no reducer {own.name}.")
        if [(n, type_of(a)) for n, a in known.parameters] != [(n, type_of(a)) for n, a in own.parameters]:
            raise DefinitionError(f"The database's reducer {own.name} takes other arguments.")
        self.reducers[own.name] = own
        return own

    def table(self, table: "str | type[Any]") -> TableSchema:
        """Return a table by name or row class; UnknownNameError otherwise."""
        name = table if isinstance(table, str) else definition_of(table).name
        found = self.tables.get(name)
        if found is None:
            raise UnknownNameError(f"The database has no table {name}.")
        return found

    def reducer(self, reducer: "str | Callable[..., None]") -> ReducerSchema:
        """Return a reducer by name or function; UnknownNameError, or DefinitionError if it takes other arguments."""
        name = reducer if isinstance(reducer, str) else reducer_definition_of(reducer).name
        found = self.reducers.get(name)
        if found is None:
            raise UnknownNameError(f"The database has no reducer {name}.")
        if not isinstance(reducer, str) and found.function is not reducer:
            return self.adopt_reducer(reducer)
        return found


def _table_schema(table: TableDefinition) -> TableSchema:
    return TableSchema(table.name, table.row_class, table.primary_key or None, table.event, table.public)


def _reducer_schema(reducer: ReducerDefinition) -> ReducerSchema:
    return ReducerSchema(reducer.name, reducer.parameters, reducer.function)


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
