"""What a compiled module says of itself (RawModuleDef V10), in the form in which a host publishes it as JSON.

The forms, tags and the names that a host adds are those of SpacetimeDB 2.8.3, seen.
"""

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]

_INTEGERS = tuple(f"{sign}{bits}" for bits in (8, 16, 32, 64, 128, 256) for sign in "IU")
_TYPES = ("Ref", "Sum", "Product", "Array", "String", "Bool", *_INTEGERS, "F32", "F64")  # by tag
_V10 = 2
_UNIT: list[Any] = []


class _Reader:
    """Reads BSATN from the front."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        self.at += size
        assert self.at <= len(self.data), "the definition is cut off"
        return self.data[self.at - size : self.at]

    def tag(self, names: tuple[str, ...]) -> Json:
        return {names[self.take(1)[0]]: _UNIT}

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little", signed=size == 16)

    def flag(self) -> bool:
        return self.number(1) == 1

    def raw(self) -> bytes:
        return self.take(self.number(4))

    def text(self) -> str:
        return self.raw().decode()

    def vector(self, item: Callable[[], Any]) -> list[Any]:
        return [item() for _ in range(self.number(4))]

    def columns(self) -> list[int]:
        return self.vector(lambda: self.number(2))

    def option(self, item: Callable[[], Any]) -> Json:
        return {"some": item()} if self.number(1) == 0 else {"none": _UNIT}

    def algebraic_type(self) -> Json:
        name = _TYPES[self.number(1)]
        if name == "Ref":
            return {name: self.number(4)}
        if name == "Array":
            return {name: self.algebraic_type()}
        if name in ("Sum", "Product"):
            return {name: {"variants" if name == "Sum" else "elements": self.parts()}}
        return {name: _UNIT}

    def parts(self) -> list[Any]:
        return self.vector(lambda: {"name": self.option(self.text), "algebraic_type": self.algebraic_type()})

    def algorithm(self) -> Json:
        assert self.number(1) == 0, "the module has btree indexes only"
        return {"BTree": self.columns()}

    def index(self) -> Json:
        return {
            "source_name": self.option(self.text),
            "accessor_name": self.option(self.text),
            "algorithm": self.algorithm(),
        }

    def constraint(self) -> Json:
        name = self.option(self.text)
        assert self.number(1) == 0, "a constraint is unique"
        return {"source_name": name, "data": {"Unique": {"columns": self.columns()}}}

    def sequence(self) -> Json:
        return {
            "source_name": self.option(self.text),
            "column": self.number(2),
            **{name: self.option(lambda: self.number(16)) for name in ("start", "min_value", "max_value")},
            "increment": self.number(16),
        }

    def table(self) -> Json:
        return {
            "source_name": self.text(),
            "product_type_ref": self.number(4),
            "primary_key": self.columns(),
            "indexes": self.vector(self.index),
            "constraints": self.vector(self.constraint),
            "sequences": self.vector(self.sequence),
            "table_type": self.tag(("System", "User")),
            "table_access": self.tag(("Public", "Private")),
            "default_values": self.vector(lambda: (self.number(2), self.raw())),
            "is_event": self.flag(),
        }

    def named_type(self) -> Json:
        name = {"scope": self.vector(self.text), "source_name": self.text()}
        return {"source_name": name, "ty": self.number(4), "custom_ordering": self.flag()}

    def reducer(self) -> Json:
        return {
            "source_name": self.text(),
            "params": {"elements": self.parts()},
            "visibility": self.tag(("Private", "ClientCallable")),
            "ok_return_type": self.algebraic_type(),
            "err_return_type": self.algebraic_type(),
        }

    def schedule(self) -> Json:
        return {
            "source_name": self.option(self.text),
            "table_name": self.text(),
            "schedule_at_col": self.number(2),
            "function_name": self.text(),
        }

    def lifecycle(self) -> Json:
        return {"lifecycle_spec": self.tag(("Init", "OnConnect", "OnDisconnect")), "function_name": self.text()}

    def section(self) -> tuple[str, Any]:
        items: dict[int, tuple[str, Callable[[], Any]]] = {
            0: ("Typespace", self.algebraic_type),
            1: ("Types", self.named_type),
            2: ("Tables", self.table),
            3: ("Reducers", self.reducer),
            6: ("Schedules", self.schedule),
            7: ("LifeCycleReducers", self.lifecycle),
            8: ("RowLevelSecurity", lambda: {"sql": self.text()}),
            10: ("ExplicitNames", lambda: None),
        }
        number = self.number(1)
        assert number in items, f"section {number} has no place in this module"
        name, item = items[number]
        return name, self.vector(item)


def read_definition(data: bytes) -> dict[str, Any]:
    """Return the sections that a module printed, by name, as they stand."""
    reader = _Reader(data)
    assert reader.number(1) == _V10, "a module of SpacetimeDB 2.x describes itself in version 10"
    sections = dict(reader.vector(reader.section))
    assert reader.at == len(data), "something stands behind the definition"
    assert sections.pop("ExplicitNames", []) == [], "no names are given by hand"
    return sections


def as_published(sections: dict[str, Any]) -> Json:
    """Return the body of `/schema?version=10` that a host makes of the sections."""
    types = [_with_camel_case(entry) for entry in sections["Typespace"]]
    scheduled = {entry["function_name"] for entry in sections["Schedules"]}
    for table in sections["Tables"]:
        _name_parts(table, types[table["product_type_ref"]]["Product"]["elements"])
    for entry in sections["Schedules"]:
        entry["source_name"] = {"some": f"{entry['table_name']}_sched"}
    for entry in sections["Reducers"]:
        if entry["source_name"] in scheduled:
            entry["visibility"] = {"Private": _UNIT}
    published = sections | {"Typespace": {"types": types}}
    names = [("Table", "Tables"), ("Function", "Reducers")]
    published["ExplicitNames"] = {
        "entries": [
            {kind: {"source_name": entry["source_name"], "canonical_name": entry["source_name"]}}
            for kind, section in names
            for entry in sections[section]
        ]
    }
    return {"sections": [{name: section} for name, section in published.items()]}


def _with_camel_case(entry: Json) -> Json:
    """Return a type of the typespace with the variants of an enum in camelCase."""
    if "Sum" not in entry:
        return entry
    variants = [
        {"name": {"some": name[:1].lower() + name[1:]}, "algebraic_type": variant["algebraic_type"]}
        for variant in entry["Sum"]["variants"]
        for name in [variant["name"]["some"]]
    ]
    return {"Sum": {"variants": variants}}


def _name_parts(table: Json, columns: list[Json]) -> None:
    """Give constraints and sequences the names that a host gives them."""
    for constraint in table["constraints"]:
        (column,) = constraint["data"]["Unique"]["columns"]
        constraint["source_name"] = {"some": f"{table['source_name']}_{columns[column]['name']['some']}_key"}
    for sequence in table["sequences"]:
        name = columns[sequence["column"]]["name"]["some"]
        sequence["source_name"] = {"some": f"{table['source_name']}_{name}_seq"}
