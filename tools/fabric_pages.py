"""The reference pages of what a Spaces database holds and does: tables, reducers, and who may see what."""

import inspect
from enum import IntEnum
from types import ModuleType, UnionType
from typing import Any, get_args, get_origin

from source_comments import field_comments, in_cell

from agent_spaces.cli.values import type_text
from agent_spaces.fabric import module as fabric_module
from agent_spaces.fabric import types as fabric_types
from agent_spaces.fabric.module import SPACES
from agent_spaces.module import Everyone, MembersOf, Own, ReducerDefinition, TableDefinition, reducer_definition_of
from agent_spaces.sats.mapping import type_of

GENERATED = "Generated from the code: `make generate`."


def tables_page() -> str:
    """Return docs/reference/tables.md."""
    lines = ["# Tables", "", GENERATED, ""]
    lines += [
        "Columns stand in the order of the wire. `seq` counts 1, 2, 3 … without a hole in a channel or conversation.",
        "Who may see which rows is explained in [visibility](../explanation/visibility.md).",
        "",
    ]
    for table in SPACES.tables.values():
        lines += _table(table)
    lines += ["# Enums", "", "| enum | variants, in the order of their tags |", "|---|---|"]
    for name, kind in sorted(vars(fabric_types).items()):
        if isinstance(kind, type) and issubclass(kind, IntEnum) and kind is not IntEnum:
            lines.append(f"| {name} | {', '.join(member.name.lower() for member in kind)} |")
    return "\n".join(lines) + "\n"


def _table(table: TableDefinition) -> list[str]:
    module = inspect.getmodule(table.row_class)
    assert module is not None, "rows are classes of a module"
    comments = field_comments(module, table.row_class.__name__)
    lines = [f"## {table.name}", "", inspect.getdoc(table.row_class) or "", ""]
    lines += [
        f"A row is visible to {who_sees(table)}." + (" It is an event: it is sent, not kept." if table.event else "")
    ]
    lines += ["", "| column | type | |", "|---|---|---|"]
    single = {index.columns[0] for index in table.indexes if len(index.columns) == 1}
    for column in table.columns:
        notes = [
            *(["primary key"] if column.name == table.primary_key else []),
            *(["numbered by itself"] if column.auto_inc else []),
            *(["unique"] if column.unique and column.name != table.primary_key else []),
            *(["index"] if column.name in single else []),
            *([comments[column.name]] if column.name in comments else []),
        ]
        lines.append(
            f"| `{column.name}` | {in_cell(annotation_text(column.annotation))} | {in_cell('; '.join(notes))} |"
        )
    more = [f"({', '.join(index.columns)})" for index in table.indexes if len(index.columns) > 1]
    if more:
        lines += ["", f"Compound indexes: {', '.join(more)}."]
    return [*lines, ""]


def annotation_text(annotation: Any) -> str:
    """Return a column's or parameter's type in words, enums by their names."""
    if isinstance(annotation, type) and issubclass(annotation, IntEnum):
        return annotation.__name__
    arguments = get_args(annotation)
    if get_origin(annotation) is list:
        return f"list of {annotation_text(arguments[0])}"
    if isinstance(annotation, UnionType) and len(arguments) == 2 and type(None) in arguments:
        return f"{annotation_text(next(a for a in arguments if a is not type(None)))} or null"
    if isinstance(annotation, type) and hasattr(annotation, "__table__"):
        return f"row of {annotation.__table__.name}"
    return type_text(type_of(annotation))


def who_sees(table: TableDefinition) -> str:
    """Return who may see a row, in words."""
    if not table.public:
        return "nobody but the owner"
    match table.visible_to:
        case Everyone():
            return "everyone"
        case Own(columns):
            return "the identity in " + " or ".join(f"`{column}`" for column in columns)
        case MembersOf(column):
            return f"the members of its server (`{column}`)"


def visibility_table() -> str:
    """Return the table of docs/explanation/visibility.md."""
    by_audience: dict[str, list[str]] = {}
    for table in SPACES.tables.values():
        by_audience.setdefault(who_sees(table), []).append(f"`{table.name}`")
    lines = ["| a row of | is visible to |", "|---|---|"]
    return "\n".join([*lines, *(f"| {', '.join(names)} | {who} |" for who, names in by_audience.items())])


def reducers_page() -> str:
    """Return docs/reference/reducers.md."""
    lines = ["# Reducers", "", GENERATED, ""]
    lines += [
        "The only way to change anything. Arguments stand in order; in Python and for `spaces call`, those that may be",
        "null may be left out at the end, and `message_type` is text if it is not said. A refused call changes nothing",
        "and says why in one sentence. Every reducer but `register_user` asks for a registered caller.",
        "",
    ]
    for noun in vars(fabric_module)["_NOUNS"]:
        lines += _noun(noun)
    return "\n".join(lines).rstrip() + "\n"


def _noun(noun: ModuleType) -> list[str]:
    definitions = [reducer_definition_of(function) for function in vars(noun)["REDUCERS"]]
    shown = [definition for definition in definitions if definition.callable_by_clients]
    if not shown:
        return []
    title = noun.__name__.rpartition(".")[2].replace("_", " ")
    lines = [f"## {title.capitalize()}", "", inspect.getdoc(noun) or "", ""]
    for definition in shown:
        lines += _reducer(definition)
    return lines


def _reducer(definition: ReducerDefinition) -> list[str]:
    said = inspect.getdoc(definition.function) or ""
    parameters = ", ".join(f"{name}: {annotation_text(kind)}" for name, kind in definition.parameters)
    return [f"### {definition.name}", "", f"`{definition.name}({parameters})`", "", said, ""]
