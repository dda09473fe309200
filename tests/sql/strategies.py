"""Random conditions on the tables of the vectors: as SQL and as a tree, with rows that often meet them."""

from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne
from typing import Any

from hypothesis import strategies as st

from agent_spaces.module import TableDefinition
from agent_spaces.sats import ConnectionId, Identity, Timestamp, Uuid
from sql.vector_tables import TABLES

ALL_TYPES = TABLES["all_types"]
U8_VALUES = st.integers(0, 4)
IDENTITIES = st.sampled_from([Identity(bytes([low]) + bytes(30) + bytes([high])) for low in (0, 3) for high in (0, 1)])
CONNECTIONS = st.sampled_from(
    [ConnectionId(bytes([low]) + bytes(14) + bytes([high])) for low in (0, 3) for high in (0, 1)]
)
UUIDS = st.sampled_from([Uuid(bytes([low]) + bytes(14) + bytes([high])) for low in (0, 3) for high in (0, 1)])
STRINGS = st.sampled_from(["", "it's", "ü", "z", "Z", "\U0001f600", "\uffff", '"'])
FLOATS = st.sampled_from([0.0, -0.0, 1.5, -1.0, 1e300])
BYTES = st.sampled_from([b"", b"\0", b"\1", b"\1\0"])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": U8_VALUES,
    "a_bool": st.booleans(),
    "a_u8": U8_VALUES,
    "a_i8": st.integers(-2, 2),
    "a_f64": FLOATS,
    "a_string": STRINGS,
    "a_bytes": BYTES,
    "an_identity": IDENTITIES,
    "a_connection": CONNECTIONS,
    "a_timestamp": st.integers(-1, 2).map(Timestamp),
    "a_uuid": UUIDS,
}
FIXED: dict[str, Any] = {
    "a_i64": 0,
    "a_u128": 0,
    "a_i256": 0,
    "a_u256": 0,
    "a_f32": 0.0,
    "a_duration": 0,
    "an_option": None,
    "some_strings": [],
    "an_enum": None,
    "a_schedule": None,
}
COMPARE = {"=": eq, "<>": ne, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
OPERATORS = tuple(COMPARE)
SAME_TYPE = [("an_identity", "an_identity"), ("a_bool", "a_bool"), ("a_u8", "a_u8"), ("a_string", "a_string")]


@dataclass(frozen=True, slots=True)
class Column:
    """A column, of the table with this alias."""

    alias: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Tree:
    """A condition as the generator means it: the plain interpreter walks it."""

    op: str  # an operator, and, or, constant
    parts: tuple[Any, ...]


def sql_literal(value: Any, column: str) -> str:
    """Return a literal for a column's value."""
    if isinstance(value, bool):
        return "TRUE" if value else "false"
    if column == "a_timestamp":
        return {-1: "'1969-12-31T23:59:59.999999Z'"}.get(value, f"'1970-01-01T01:00:00.00000{value}+01:00'")
    if isinstance(value, Identity | ConnectionId):
        return f"0x{value.hex()}"
    if isinstance(value, Uuid):
        return f"'{value}'"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def order_key(value: Any) -> Any:
    """Return what a SpacetimeDB host orders values by: ids as big-endian numbers, texts as UTF-8."""
    if isinstance(value, Identity | ConnectionId | Uuid):
        return value.to_int()
    return value.encode() if isinstance(value, str) else value


def interpret(tree: Tree, rows: dict[str | None, Any]) -> bool:
    """Tell whether the rows, by alias, pass."""
    if tree.op == "constant":
        return bool(tree.parts[0])
    if tree.op in ("and", "or"):
        results = [interpret(part, rows) for part in tree.parts]
        return all(results) if tree.op == "and" else any(results)
    a, b = (
        order_key(getattr(rows[side.alias], side.name) if isinstance(side, Column) else side) for side in tree.parts
    )
    return bool(COMPARE[tree.op](a, b))


def _column_sql(column: Column, quoted: bool) -> str:
    parts = [column.name] if column.alias is None else [column.alias, column.name]
    return ".".join(f'"{part}"' if quoted else part for part in parts)


@st.composite
def comparisons(draw: st.DrawFn, aliases: tuple[str | None, ...]) -> tuple[str, Tree]:
    """Return SQL and tree of one comparison."""
    op = draw(st.sampled_from(OPERATORS))
    quoted = draw(st.booleans())
    if draw(st.integers(0, 3)) == 0:
        left_name, right_name = draw(st.sampled_from(SAME_TYPE))
        left, right = (
            Column(draw(st.sampled_from(aliases)), left_name),
            Column(draw(st.sampled_from(aliases)), right_name),
        )
        return f"{_column_sql(left, quoted)} {op} {_column_sql(right, quoted)}", Tree(op, (left, right))
    name = draw(st.sampled_from(sorted(VALUES)))
    column, value = Column(draw(st.sampled_from(aliases)), name), draw(VALUES[name])
    literal = sql_literal(value, name)
    if draw(st.booleans()):
        return f"{_column_sql(column, quoted)} {op} {literal}", Tree(op, (column, value))
    return f"{literal}{op}{_column_sql(column, quoted)}", Tree(op, (value, column))


def conditions(aliases: tuple[str | None, ...]) -> st.SearchStrategy[tuple[str, Tree]]:
    """Return SQL and tree of conditions."""
    constants = st.booleans().map(lambda value: (str(value), Tree("constant", (value,))))
    leaves = st.one_of(comparisons(aliases), comparisons(aliases), comparisons(aliases), constants)

    def extend(inner: st.SearchStrategy[tuple[str, Tree]]) -> st.SearchStrategy[tuple[str, Tree]]:
        def joined(word: str, parts: list[tuple[str, Tree]]) -> tuple[str, Tree]:
            return f" {word} ".join(f"({text})" for text, _ in parts), Tree(word, tuple(tree for _, tree in parts))

        lists = st.lists(inner, min_size=2, max_size=4)
        return st.one_of(lists.map(lambda parts: joined("and", parts)), lists.map(lambda parts: joined("or", parts)))

    return st.recursive(leaves, extend, max_leaves=8)


def rows(definition: TableDefinition = ALL_TYPES) -> st.SearchStrategy[Any]:
    """Return rows of `all_types`."""
    names = [column.name for column in definition.columns]
    values = [VALUES.get(name, st.just(FIXED.get(name))) for name in names]
    return st.tuples(*values).map(lambda each: definition.row_class(*each))
