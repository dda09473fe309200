"""The syntax tree: what a text says, before anybody has looked at the tables."""

from dataclasses import dataclass
from typing import Literal as OneOf

from agent_spaces.sql.condition import Operator


@dataclass(frozen=True, slots=True)
class Name:
    """A column, with the table's name or alias where the text has one."""

    table: str | None
    column: str


@dataclass(frozen=True, slots=True)
class Value:
    """A literal as text: of a number with its sign, of hex the digits only, of bool `true` or `false`."""

    kind: OneOf["number", "string", "hex", "bool"]
    text: str


@dataclass(frozen=True, slots=True)
class Sender:
    """`:sender`."""


@dataclass(frozen=True, slots=True)
class Binary:
    """A comparison."""

    left: "Expression"
    op: Operator
    right: "Expression"
    depth: int


@dataclass(frozen=True, slots=True)
class Logical:
    """Two or more parts joined by AND, or by OR; `depth` counts how deep logical parts are nested."""

    word: OneOf["AND", "OR"]
    parts: "tuple[Expression, ...]"
    depth: int


Expression = Name | Value | Sender | Binary | Logical


@dataclass(frozen=True, slots=True)
class TableRef:
    """A table in FROM and the name that the rest of the query knows it by."""

    name: str
    alias: str


@dataclass(frozen=True, slots=True)
class JoinRef:
    """JOIN … ON left = right."""

    table: TableRef
    left: Name
    right: Name


@dataclass(frozen=True, slots=True)
class Star:
    """`*`, or `table.*`."""

    table: str | None


@dataclass(frozen=True, slots=True)
class Count:
    """COUNT(*) AS name."""

    name: str


@dataclass(frozen=True, slots=True)
class Item:
    """One column of a select list."""

    column: Name
    name: str


@dataclass(frozen=True, slots=True)
class SelectText:
    """SELECT; `everything` is SELECT * FROM *, which has no tables."""

    projection: Star | Count | tuple[Item, ...]
    table: TableRef | None
    joins: tuple[JoinRef, ...]
    where: Expression | None
    limit: str | None

    @property
    def everything(self) -> bool:
        """Whether it is SELECT * FROM *."""
        return self.table is None


@dataclass(frozen=True, slots=True)
class InsertText:
    """INSERT; no columns where the text has no list of them."""

    table: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True, slots=True)
class UpdateText:
    """UPDATE … SET."""

    table: str
    assignments: tuple[tuple[str, Value], ...]
    where: Expression | None


@dataclass(frozen=True, slots=True)
class DeleteText:
    """DELETE FROM."""

    table: str
    where: Expression | None


@dataclass(frozen=True, slots=True)
class SetText:
    """SET name TO value."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class ShowText:
    """SHOW name."""

    name: str


StatementText = SelectText | InsertText | UpdateText | DeleteText | SetText | ShowText
