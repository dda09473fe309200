"""Which of a database's types bindings need, in an order in which each comes after those it is made of."""

from collections.abc import Iterable, Iterator, Mapping

from agent_spaces.client.described import Described, DescribedFunction, DescribedTable
from agent_spaces.sats.types import AlgebraicType, Array, Element, Product, Ref, Sum

Defaults = Mapping[tuple[str, str], str]  # (reducer, parameter) -> variant of a plain enum


def chosen_tables(described: Described, *, include_private: bool) -> tuple[DescribedTable, ...]:
    """Return the tables that bindings get: those that clients may subscribe to, or all, for the database's owner."""
    return tuple(table for table in described.tables if table.public or include_private)


def references(t: AlgebraicType) -> Iterator[int]:
    """Yield the numbers of the types that stand in a type, in order, without those inside them."""
    match t:
        case Ref(number):
            yield number
        case Array(inner):
            yield from references(inner)
        case Product(elements):
            for element in elements:
                yield from references(element.type)
        case Sum(variants):
            for variant in variants:
                yield from references(variant.type)


def parts_of(function: DescribedFunction) -> Product:
    """Return a type that holds all that a function takes and gives."""
    return Product((*function.parameters, Element(None, function.returns)))


def needed_types(described: Described, tables: Iterable[DescribedTable]) -> list[int]:
    """Return the numbers of the types that the tables, the reducers and the procedures reach, the innermost first."""
    found: dict[int, None] = {}

    def visit(t: AlgebraicType) -> None:
        for number in references(t):
            if number not in found:
                visit(described.types[number])
                found[number] = None

    for table in tables:
        visit(Ref(table.type_number))
    for function in (*described.reducers, *described.procedures):
        visit(parts_of(function))
    return list(found)


def inner_types(described: Described, needed: Iterable[int]) -> set[int]:
    """Return those of the needed types that stand inside others, or are taken or given by a function."""
    found = {inner for number in needed for inner in references(described.types[number])}
    for function in (*described.reducers, *described.procedures):
        found.update(references(parts_of(function)))
    return found
