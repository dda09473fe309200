"""Text to syntax tree. What the grammar does not derive is refused in the words of a SpacetimeDB host."""

from functools import lru_cache
from typing import Any, cast

from lark import Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from agent_spaces.errors import SqlError
from agent_spaces.sql import refusal
from agent_spaces.sql.condition import Operator
from agent_spaces.sql.grammar import build_parser
from agent_spaces.sql.syntax import (
    Binary,
    Count,
    DeleteText,
    Expression,
    InsertText,
    Item,
    JoinRef,
    Logical,
    Name,
    SelectText,
    Sender,
    SetText,
    ShowText,
    Star,
    StatementText,
    TableRef,
    UpdateText,
    Value,
)

TEXT_BYTES_MAX = 50_000
DEPTH_MAX = 64  # logical parts within logical parts; brackets alone do not count
KEPT_TEXTS_MAX = 512
KEPT_TEXT_CHARS_MAX = 1_000


def _depth(*parts: Expression) -> int:
    depth = 1 + max(part.depth if isinstance(part, Binary | Logical) else 0 for part in parts)
    if depth > DEPTH_MAX:
        raise SqlError("sql parser error: recursion limit exceeded")
    return depth


@v_args(inline=True)
class _TreeBuilder(Transformer[Token, StatementText]):
    """Makes the nodes as the parser finds them, so nothing walks a deep tree."""

    def start(self, statement: StatementText) -> StatementText:
        return statement

    def name(self, token: Token) -> str:
        return token[1:-1].replace('""', '"') if token.type == "QUOTED" else str(token)

    bare_name = any_name = name

    def bare_column(self, column: str) -> Name:
        return Name(None, column)

    def qualified_column(self, table: str, column: str) -> Name:
        return Name(table, column)

    def number(self, *tokens: Token) -> Value:
        return Value("number", "".join(tokens))

    def string(self, token: Token) -> Value:
        return Value("string", token[1:-1].replace("''", "'"))

    def hex(self, token: Token) -> Value:
        return Value("hex", token[2:-1] if token.endswith("'") else token[2:])

    def true(self) -> Value:
        return Value("bool", "true")

    def false(self) -> Value:
        return Value("bool", "false")

    def sender(self) -> Sender:
        return Sender()

    def compared(self, left: Expression, operator: Token, right: Expression) -> Binary:
        op = "<>" if operator == "!=" else str(operator)
        return Binary(left, cast("Operator", op), right, _depth(left, right))

    def equal(self, left: Expression, right: Expression) -> Binary:
        return Binary(left, "=", right, _depth(left, right))

    def conjoined(self, *parts: Expression) -> Logical:
        flat = [
            p for part in parts for p in (part.parts if isinstance(part, Logical) and part.word == "AND" else [part])
        ]
        return Logical("AND", tuple(flat), _depth(*flat))

    def disjunction(self, *parts: Expression) -> Logical:
        flat = [
            p for part in parts for p in (part.parts if isinstance(part, Logical) and part.word == "OR" else [part])
        ]
        return Logical("OR", tuple(flat), _depth(*flat))

    def star(self, table: str | None = None) -> Star:
        return Star(table)

    def count(self, name: str) -> Count:
        return Count(name)

    def item(self, column: Name, name: str | None) -> Item:
        return Item(column, column.column if name is None else name)

    def items(self, *items: Item) -> tuple[Item, ...]:
        return items

    def table(self, name: str, alias: str | None) -> TableRef:
        return TableRef(name, name if alias is None else alias)

    def meeting(self, left: Name, right: Name) -> tuple[Name, Name]:
        return left, right

    def join(self, table: TableRef, on: tuple[Name, Name]) -> JoinRef:
        return JoinRef(table, *on)

    def source(self, table: TableRef, *joins: JoinRef) -> tuple[TableRef, tuple[JoinRef, ...]]:
        return table, joins

    def everything(self) -> None:
        return None

    def limit(self, number: Token) -> str:
        return str(number)

    def select(
        self,
        projection: Star | Count | tuple[Item, ...],
        source: tuple[TableRef, tuple[JoinRef, ...]] | None,
        where: Expression | None,
        limit: str | None,
    ) -> SelectText:
        table, joins = source or (None, ())
        return SelectText(projection, table, joins, where, limit)

    def columns(self, *names: str) -> tuple[str, ...]:
        return names

    def row(self, *values: Value) -> tuple[Value, ...]:
        return values

    def insert(self, table: str, columns: tuple[str, ...] | None, *rows: tuple[Value, ...]) -> InsertText:
        return InsertText(table, columns or (), rows)

    def assignment(self, column: str, value: Value) -> tuple[str, Value]:
        return column, value

    def assignments(self, *assignments: tuple[str, Value]) -> tuple[tuple[str, Value], ...]:
        return assignments

    def update(self, table: str, assignments: tuple[tuple[str, Value], ...], where: Expression | None) -> UpdateText:
        return UpdateText(table, assignments, where)

    def delete(self, table: str, where: Expression | None) -> DeleteText:
        return DeleteText(table, where)

    def set_variable(self, name: str, value: Value) -> SetText:
        return SetText(name, value)

    def show(self, name: str) -> ShowText:
        return ShowText(name)


_PARSER = build_parser(_TreeBuilder())


def _parse(text: str) -> StatementText:
    try:
        return cast("Any", _PARSER.parse(text))  # type: ignore[no-any-return]  # what the transformer's start gives
    except UnexpectedInput as error:
        position = text_end = len(text)
        if isinstance(error, UnexpectedCharacters) or (
            isinstance(error, UnexpectedToken) and error.token.type != "$END"
        ):
            position = error.pos_in_stream if error.pos_in_stream is not None else text_end
        accepted = error.accepts if isinstance(error, UnexpectedToken) else error.allowed  # type: ignore[attr-defined]
        raise SqlError(refusal.explain(text, position, frozenset(accepted or ()))) from None


_kept_parse = lru_cache(maxsize=KEPT_TEXTS_MAX)(_parse)


def parse(text: str) -> StatementText:
    """Return what one statement says; a trailing `;` is fine.

    Raises SqlError for more than TEXT_BYTES_MAX bytes, for anything outside the grammar, and for deep nesting.
    """
    length = len(text.encode("utf-8", "surrogatepass"))
    if length > TEXT_BYTES_MAX:
        raise SqlError(f'SQL query exceeds maximum allowed length: {length} > {TEXT_BYTES_MAX}: "{text[:120]}..."')
    return _kept_parse(text) if len(text) <= KEPT_TEXT_CHARS_MAX else _parse(text)
