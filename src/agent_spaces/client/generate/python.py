"""Python bindings: a module with the enums, the row classes and the reducers of one database.

    from bindings import Message, connect, send_message

    async with connect("http://localhost:3000", database="chat") as conn:
        await conn.call(send_message, channel_id=7, content="hi")

The text depends on nothing but the definition, so that an unchanged database gives an unchanged file.
"""

import builtins
from collections.abc import Mapping
from typing import Any

from agent_spaces.client.described import Described, DescribedFunction, DescribedTable, read_description
from agent_spaces.client.generate.python_types import PythonTypes
from agent_spaces.client.generate.types import Defaults, chosen_tables, needed_types
from agent_spaces.client.names import columns, distinct, members, parameters, pascal, safe
from agent_spaces.sats.types import AlgebraicType, Product, Ref, Sum, is_option, is_unit_sum

_HEADER = '''"""The tables and reducers of a SpacetimeDB database.

Made by `spaces generate --lang python`: changes made here are lost when it is made again.
"""

# ruff: noqa'''
_OWN = ("TABLES", "REDUCERS", "connect", "on_the_host", "Any", "Annotated", "Connecting", "ClientOptions", "NoReturn")
_CONNECT = '''

TABLES: tuple[type[Any], ...] = ({tables})
REDUCERS: tuple[Callable[..., None], ...] = ({reducers})


def connect(
    host: str, *, database: str, token: str | None = None, options: ClientOptions | None = None
) -> Connecting:
    """Give a connection that knows these tables and reducers, in `async with` or awaited.

    DefinitionError if the database has them no more, or has them differently: then make this file again.
    """
    return client.connect(host, database=database, token=token, tables=TABLES, reducers=REDUCERS, options=options)
'''
_ON_THE_HOST = '''

def on_the_host() -> NoReturn:
    """Refuse to run a reducer here."""
    raise TypeError("Reducers run on the host: conn.call(reducer, ...).")'''


def python_bindings(body: Any, *, include_private: bool = False, defaults: Defaults | None = None) -> Mapping[str, str]:
    """Return file texts by file name, of a body of `/schema?version=10`; DefinitionError if it is none.

    Tables that only the owner may read are left out unless `include_private`. Trailing optional parameters of a
    reducer default to None; `defaults` names variants that plain enums before them default to. Procedures are left
    out: the Python client does not call any.
    """
    return {"bindings.py": _Module(read_description(body), include_private, defaults or {}).text()}


class _Module:
    """Writes the one module of a database."""

    def __init__(self, described: Described, include_private: bool, defaults: Defaults) -> None:
        self._described, self._defaults = described, defaults
        self._tables = chosen_tables(described, include_private=include_private)
        self._numbers = needed_types(described, self._tables)
        reserved = {*_OWN, *PythonTypes.IMPORTABLE, "IntEnum", "Callable", "client", "msgspec", *dir(builtins)}
        first_of: dict[int, DescribedTable] = {}
        for table in self._tables:
            first_of.setdefault(table.type_number, table)
        self._first_of = first_of
        others = [table for table in self._tables if first_of[table.type_number] is not table]
        wished = [safe(described.type_names.get(number, f"Type{number}")) for number in self._numbers]
        wished += [pascal(safe(table.name)) for table in others]
        wished += [safe(reducer.name) for reducer in described.reducers]
        names = distinct(wished, taken=reserved)
        kinds = len(self._numbers)
        self._class_of = dict(zip(self._numbers, names, strict=False))
        self._table_classes = {table.name: self._class_of[table.type_number] for table in first_of.values()}
        self._table_classes |= {t.name: n for t, n in zip(others, names[kinds : kinds + len(others)], strict=True)}
        self._functions = dict(zip((r.name for r in described.reducers), names[kinds + len(others) :], strict=True))
        self._types = PythonTypes(described.types, self._class_of)
        self._others = others

    def text(self) -> str:
        """Return the whole file."""
        enums = [n for n in self._numbers if is_unit_sum(self._described.types[n])]
        rest = [n for n in self._numbers if n not in enums]
        parts = [self._enum(n) for n in enums]
        parts += [self._named(n) for n in rest]
        parts += [self._table(table) for table in self._others]
        parts += [_ON_THE_HOST] if self._described.reducers else []
        parts += [self._reducer(reducer) for reducer in self._described.reducers]
        classes = [self._table_classes[table.name] for table in self._tables]
        last = _CONNECT.format(tables=_listed(classes), reducers=_listed(list(self._functions.values())))
        return f"{_HEADER}\n\n{self._imports()}\n" + "".join(f"{part}\n" for part in (*parts, last))

    def _imports(self) -> str:
        marks = self._types.used & {"AutoInc", "Index", "PrimaryKey", "Unique", "ReducerContext", "reducer", "table"}
        marks |= self._types.used & {"reducer_named"}
        values = self._types.used & PythonTypes.SATS
        lines = ["from collections.abc import Callable"]
        lines += ["from enum import IntEnum"]
        lines += ["from typing import Annotated, Any, NoReturn", "", "import msgspec", ""]
        lines += ["from agent_spaces import client", "from agent_spaces.client import ClientOptions, Connecting"]
        if marks:
            lines += [f"from agent_spaces.module import {_imported(marks)}"]
        if values:
            lines += [f"from agent_spaces.sats import {_imported(values)}"]
        return "\n".join(lines)

    def _enum(self, number: int) -> str:
        t = self._described.types[number]
        assert isinstance(t, Sum)
        lines = [f"    {member} = {tag}" for tag, member in enumerate(members(v.name for v in t.variants))]
        return "\n".join(["", "", f"class {self._class_of[number]}(IntEnum):", *lines])

    def _named(self, number: int) -> str:
        t, name = self._described.types[number], self._class_of[number]
        table = self._first_of.get(number)
        if table is not None:
            return self._table(table)
        if isinstance(t, Product) and all(element.name for element in t.elements):
            names = columns(element.name for element in t.elements)
            fields = [f"    {n}: {self._types.annotation(e.type)}" for n, e in zip(names, t.elements, strict=True)]
            return "\n".join(["", "", f"class {name}(msgspec.Struct, frozen=True):", *(fields or ["    pass"])])
        return f"\n\n{name} = {self._types.annotation(t)}"

    def _table(self, table: DescribedTable) -> str:
        names = columns(element.name for element in table.columns)
        attribute = dict(zip((element.name for element in table.columns), names, strict=True))
        options = [repr(table.name).replace("'", '"'), "public=True" if table.public else "public=False"]
        if table.event:
            options.append("event=True")
        if table.scheduled is not None:
            options.append(f"scheduled={_quoted(table.scheduled)}")
        wide = [index for index in table.indexes if len(index.columns) > 1]
        if wide:
            self._types.used.add("Index")
            made = (f"Index({', '.join(_quoted(attribute[c]) for c in index.columns)})" for index in wide)
            options.append(f"indexes=[{', '.join(made)}]")
        self._types.used.add("table")
        lines = [
            f"    {attribute[element.name]}: {self._column(table, str(element.name), element.type)}"
            for element in table.columns
        ]
        head = f"@table({', '.join(options)})"
        if len(head) > 120:
            head = "@table(\n" + "".join(f"    {option},\n" for option in options) + ")"
        name = self._table_classes[table.name]
        kind = "An event" if table.event else "A row"
        return "\n".join(["", "", head, f"class {name}:", f'    """{kind} of table {table.name}."""', "", *lines])

    def _column(self, table: DescribedTable, name: str, t: AlgebraicType) -> str:
        marks: list[str] = []
        if name == table.primary_key:
            marks.append("PrimaryKey")
        elif name in table.unique_columns:
            marks.append("Unique")
        elif any(index.columns == (name,) for index in table.indexes):
            marks.append("Index")
        if name in table.auto_inc:
            marks.append("AutoInc")
        annotation = self._types.annotation(t)
        if not marks:
            return annotation
        self._types.used.update(marks)
        return f"Annotated[{annotation}, {', '.join(f'{mark}()' for mark in marks)}]"

    def _reducer(self, reducer: DescribedFunction) -> str:
        function = self._functions[reducer.name]
        names = parameters(element.name for element in reducer.parameters)
        defaults = self._trailing_defaults(reducer)
        required = len(names) - len(defaults)
        lines = ["    ctx: ReducerContext,"]
        for i, (name, element) in enumerate(zip(names, reducer.parameters, strict=True)):
            default = f" = {defaults[i - required]}" if i >= required else ""
            lines.append(f"    {name}: {self._types.annotation(element.type)}{default},")
        marker = "reducer" if function == reducer.name else "reducer_named"
        self._types.used.update((marker, "ReducerContext"))
        decorator = "@reducer" if marker == "reducer" else f"@reducer_named({_quoted(reducer.name)})"
        return "\n".join(["", "", decorator, f"def {function}(", *lines, ") -> None:", "    on_the_host()"])

    def _trailing_defaults(self, reducer: DescribedFunction) -> list[str]:
        """Return the default values of the last parameters, as far as all of them have one."""
        found: list[str] = []
        for element in reversed(reducer.parameters):
            default = self._default(reducer.name, str(element.name), element.type)
            if default is None:
                break
            found.append(default)
        return found[::-1]

    def _default(self, reducer: str, parameter: str, t: AlgebraicType) -> str | None:
        if is_option(t):
            return "None"
        variant = self._defaults.get((reducer, parameter))
        if variant is None or not isinstance(t, Ref):
            return None
        enum = self._described.types[t.number]
        if not isinstance(enum, Sum) or not is_unit_sum(enum):
            return None
        names = [v.name for v in enum.variants]
        if variant not in names:
            return None
        return f"{self._class_of[t.number]}.{members(names)[names.index(variant)]}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _listed(names: list[str]) -> str:
    return "".join(f"\n    {name}," for name in names) + ("\n" if names else "")


def _imported(names: set[str]) -> str:
    one_line = ", ".join(sorted(names))
    return one_line if len(one_line) < 80 else "(\n" + "".join(f"    {name},\n" for name in sorted(names)) + ")"
