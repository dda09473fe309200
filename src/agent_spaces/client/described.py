"""What the body of `/schema?version=10` says, as plain data: for the client's own schema and for generated bindings.

Tables and reducers are in the order of their names, so that what is made of them does not depend on the host's order.
Names are the canonical ones, which SQL and the wire use. Source: SpacetimeDB 2.8.3, module definition version 10.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent_spaces.errors import DefinitionError, JsonError
from agent_spaces.sats.json import type_from_json
from agent_spaces.sats.types import AlgebraicType, Element, Product, inline


@dataclass(frozen=True, slots=True)
class DescribedIndex:
    """An index: its host-given name, its accessor, `btree`, `hash` or `direct`, and its columns by name."""

    name: str
    accessor: str
    algorithm: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DescribedTable:
    """A table; `type_number` is its row type's in the typespace."""

    name: str
    type_number: int
    columns: tuple[Element, ...]
    primary_key: str | None
    indexes: tuple[DescribedIndex, ...]
    unique: tuple[tuple[str, tuple[str, ...]], ...]  # (constraint name, columns), the primary key's too
    auto_inc: tuple[str, ...]
    public: bool
    event: bool
    scheduled: str | None

    @property
    def unique_columns(self) -> set[str]:
        """The columns whose values do not repeat, without the primary key."""
        return {columns[0] for _, columns in self.unique if len(columns) == 1} - {self.primary_key or ""}


@dataclass(frozen=True, slots=True)
class DescribedFunction:
    """A reducer that clients may call, or a procedure, which returns something."""

    name: str
    parameters: tuple[Element, ...]
    returns: AlgebraicType


@dataclass(frozen=True, slots=True)
class Described:
    """A database's types by number, and its tables, reducers and procedures by name."""

    types: tuple[AlgebraicType, ...]
    type_names: Mapping[int, str]
    tables: tuple[DescribedTable, ...]
    reducers: tuple[DescribedFunction, ...]
    procedures: tuple[DescribedFunction, ...]


def read_description(body: Any) -> Described:
    """Read the body of `/schema?version=10`; DefinitionError if it is none."""
    try:
        return _read(body)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise DefinitionError(f"The host's schema cannot be read: {error!r} is missing or wrong.") from error
    except JsonError as error:
        raise DefinitionError(f"The host's schema cannot be read: {error}") from error


def _read(body: Any) -> Described:
    sections: dict[str, Any] = {key: value for section in body["sections"] for key, value in section.items()}
    types = tuple(type_from_json(t) for t in sections.get("Typespace", {"types": []})["types"])
    for t in types:
        inline(t, types)
    tables, functions = _canonical(sections)
    schedules = {entry["table_name"]: entry["function_name"] for entry in sections.get("Schedules", [])}
    return Described(
        types=types,
        type_names=_type_names(sections.get("Types", [])),
        tables=_by_name(_table(entry, types, tables, schedules) for entry in sections.get("Tables", [])),
        reducers=_by_name(
            DescribedFunction(_renamed(functions, entry), _elements(entry["params"], types), Product())
            for entry in sections.get("Reducers", [])
            if "ClientCallable" in entry["visibility"]
        ),
        procedures=_by_name(
            DescribedFunction(
                _renamed(functions, entry), _elements(entry["params"], types), type_from_json(entry["return_type"])
            )
            for entry in sections.get("Procedures", [])
            if "ClientCallable" in entry["visibility"]
        ),
    )


def _by_name(entries: Any) -> tuple[Any, ...]:
    return tuple(sorted(entries, key=lambda entry: str(entry.name)))


def _canonical(sections: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return what tables and functions are really called, by the name their entry has."""
    tables: dict[str, str] = {}
    functions: dict[str, str] = {}
    for entry in sections.get("ExplicitNames", {"entries": []})["entries"]:
        for kind, names in (("Table", tables), ("Function", functions)):
            if kind in entry:
                names[entry[kind]["source_name"]] = entry[kind]["canonical_name"]
    return tables, functions


def _renamed(names: Mapping[str, str], entry: Mapping[str, Any]) -> str:
    name: str = entry["source_name"]
    return names.get(name, name)


def _type_names(entries: list[Any]) -> dict[int, str]:
    return {
        entry["ty"]: "".join([*entry["source_name"].get("scope", []), entry["source_name"]["source_name"]])
        for entry in entries
    }


def _elements(params: Mapping[str, Any], types: tuple[AlgebraicType, ...]) -> tuple[Element, ...]:
    product = type_from_json({"Product": params})
    assert isinstance(product, Product)
    inline(product, types)
    return tuple(Element(e.name or f"arg{i}", e.type) for i, e in enumerate(product.elements))


def _table(
    entry: Mapping[str, Any],
    types: tuple[AlgebraicType, ...],
    canonical: Mapping[str, str],
    schedules: Mapping[str, str],
) -> DescribedTable:
    name, number = _renamed(canonical, entry), entry["product_type_ref"]
    product = types[number]
    if not isinstance(product, Product) or not all(element.name for element in product.elements):
        raise DefinitionError(f"The host's schema cannot be read: the rows of {name} have no named columns.")
    columns = [str(element.name) for element in product.elements]
    key = entry["primary_key"]
    return DescribedTable(
        name=name,
        type_number=number,
        columns=product.elements,
        primary_key=columns[key[0]] if key else None,
        indexes=_by_name(_index(index, name, columns) for index in entry.get("indexes", [])),
        unique=tuple(sorted(_unique(constraint, name, columns) for constraint in entry.get("constraints", []))),
        auto_inc=tuple(columns[sequence["column"]] for sequence in entry.get("sequences", [])),
        public="Public" in entry["table_access"],
        event=bool(entry.get("is_event", False)),
        scheduled=schedules.get(entry["source_name"], schedules.get(name)),
    )


def _index(entry: Mapping[str, Any], table: str, columns: list[str]) -> DescribedIndex:
    (kind, held), *_ = entry["algorithm"].items()
    numbers = [held] if isinstance(held, int) else list(held)
    names = tuple(columns[number] for number in numbers)
    fallback = f"{table}_{'_'.join(names)}_idx_{kind.lower()}"
    accessor = _maybe(entry.get("accessor_name")) or (names[0] if len(names) == 1 else "by_" + "_".join(names))
    return DescribedIndex(_maybe(entry.get("source_name")) or fallback, accessor, kind.lower(), names)


def _unique(entry: Mapping[str, Any], table: str, columns: list[str]) -> tuple[str, tuple[str, ...]]:
    names = tuple(columns[number] for number in entry["data"]["Unique"]["columns"])
    return _maybe(entry.get("source_name")) or f"{table}_{'_'.join(names)}_key", names


def _maybe(option: Any) -> str | None:
    if option is None or "none" in option:
        return None
    some: str = option["some"]
    return some
