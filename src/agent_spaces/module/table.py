"""How a table is declared: a plain typed class with a decorator.

    @table("message", public=True, indexes=[Index("channel_id", "seq", form="ordered")])
    class Message:
        id: Annotated[u64, PrimaryKey(), AutoInc()]
        channel_id: Annotated[u64, Index()]
        content: str

The class becomes a frozen `msgspec.Struct` without garbage collector tracking, so a row is made by position or by
name and costs little. Columns stand in wire order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, dataclass_transform, get_args, get_origin

import msgspec

from agent_spaces.errors import DefinitionError
from agent_spaces.module.visibility import EVERYONE, Rule

IndexForm = Literal["hash", "pair", "ordered"]


@dataclass(frozen=True, slots=True)
class PrimaryKey:
    """Marks the primary key column."""


@dataclass(frozen=True, slots=True)
class AutoInc:
    """Marks a column that gets the next number when a row is inserted with 0."""


@dataclass(frozen=True, slots=True)
class Unique:
    """Marks a column whose values do not repeat."""


@dataclass(frozen=True, slots=True)
class Default:
    """The value that rows stored before the column existed get."""

    value: Any


class Index:
    """A btree index; as a mark on a column it takes no names, in `indexes=` it names its columns.

    `form` says how the embedded engine keeps it; it is no part of the definition. `hash`: by equality on all columns.
    `pair`: two columns of which reducers keep at most one row a pair; also serves look-ups by the first.
    `ordered`: equality on all but the last column, ranges on the last; also serves look-ups by the leading columns.
    """

    __slots__ = ("columns", "form")

    def __init__(self, *columns: str, form: IndexForm = "hash") -> None:
        self.columns, self.form = columns, form

    @property
    def accessor(self) -> str:
        """The attribute of the table that reaches it: the column, or by_ and the columns."""
        return self.columns[0] if len(self.columns) == 1 else "by_" + "_".join(self.columns)

    def __repr__(self) -> str:
        return f"Index{self.columns!r}"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its name, its annotation without our marks, and the marks."""

    name: str
    annotation: Any
    auto_inc: bool
    unique: bool
    default: Default | None


@dataclass(frozen=True, slots=True)
class TableDefinition:
    """What a table class declares; reached as `definition_of(cls)`."""

    name: str
    row_class: type[Any]
    columns: tuple[Column, ...]
    primary_key: str  # empty if there is none, which only clients of other databases may declare
    indexes: tuple[Index, ...]  # not those of the primary key and of unique columns
    public: bool
    event: bool
    scheduled: str | None  # the reducer that the scheduler runs for its rows
    visible_to: Rule

    def column(self, name: str) -> Column:
        """Return the column of that name; KeyError otherwise."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def auto_inc(self) -> str | None:
        """The column that is numbered by itself, if there is one."""
        return next((column.name for column in self.columns if column.auto_inc), None)


R = TypeVar("R")


def definition_of(row_class: type[Any]) -> TableDefinition:
    """Return what `@table` noted down about a row class."""
    definition: TableDefinition = row_class.__table__
    return definition


def _split(name: str, annotation: Any) -> tuple[Column, bool, list[Index]]:
    """Return the column, whether it is the primary key, and its single-column indexes."""
    marks: list[Any] = []
    if get_origin(annotation) is Annotated:
        base, *meta = get_args(annotation)
        ours = (PrimaryKey, AutoInc, Unique, Default, Index)
        marks = [mark for mark in meta if isinstance(mark, ours)]
        rest = [mark for mark in meta if not isinstance(mark, ours)]
        annotation = Annotated[(base, *rest)] if rest else base
    column = Column(
        name=name,
        annotation=annotation,
        auto_inc=any(isinstance(mark, AutoInc) for mark in marks),
        unique=any(isinstance(mark, Unique | PrimaryKey) for mark in marks),
        default=next((mark for mark in marks if isinstance(mark, Default)), None),
    )
    indexes = [Index(name, form=mark.form) for mark in marks if isinstance(mark, Index)]
    return column, any(isinstance(mark, PrimaryKey) for mark in marks), indexes


@dataclass_transform(frozen_default=True)
def table(
    name: str,
    *,
    public: bool = False,
    event: bool = False,
    scheduled: str | None = None,
    indexes: Sequence[Index] = (),
    visible_to: Rule = EVERYONE,
) -> Callable[[type[R]], type[R]]:
    """Declare a table. DefinitionError if the columns, keys or indexes contradict each other."""

    def declare(cls: type[R]) -> type[R]:
        split = [_split(column, annotation) for column, annotation in cls.__annotations__.items()]
        columns = tuple(column for column, _, _ in split)
        keys = [column.name for column, key, _ in split if key]
        if len(keys) > 1:
            msg = f"Table {name} can have one primary key column, not {len(keys)}."
            raise DefinitionError(msg)
        names = {column.name for column in columns}
        every_index = (*(index for _, _, found in split for index in found), *indexes)
        for index in every_index:
            if missing := set(index.columns) - names:
                msg = f"Table {name} has no column {min(missing)} for {index!r}."
                raise DefinitionError(msg)
        row_class = msgspec.defstruct(
            cls.__name__,
            [(column.name, column.annotation) for column in columns],
            frozen=True,
            gc=False,
            module=cls.__module__,
            namespace={"__doc__": cls.__doc__, "__table__": None},
        )
        row_class.__table__ = TableDefinition(  # type: ignore[attr-defined]
            name=name,
            row_class=row_class,
            columns=columns,
            primary_key=keys[0] if keys else "",
            indexes=every_index,
            public=public,
            event=event,
            scheduled=scheduled,
            visible_to=visible_to,
        )
        return row_class  # type: ignore[return-value]

    return declare
