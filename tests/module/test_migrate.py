"""A changed module takes stored data over, or is told in a sentence what is in the way."""

from enum import IntEnum
from typing import Annotated, Any

import pytest

from agent_spaces.errors import MigrationError
from agent_spaces.module import AutoInc, Default, Index, Own, PrimaryKey, ReducerContext, Unique, reducer, table
from agent_spaces.module.definition import Module
from agent_spaces.module.migrate import ID_MAX, plan_migration, stored_definition
from agent_spaces.sats import Identity, u32, u64
from agent_spaces.sats.bsatn import encoder


class Colour(IntEnum):
    RED = 0
    BLUE = 1


class MoreColours(IntEnum):
    RED = 0
    BLUE = 1
    GREEN = 2


class OtherColours(IntEnum):
    BLUE = 0
    RED = 1


@reducer
def first(ctx: ReducerContext, text: str) -> None:
    """Declared only."""


@reducer
def second(ctx: ReducerContext) -> None:
    """Declared only."""


def item(event: bool = False, **columns: Any) -> type[Any]:
    """A table `item` with these columns."""
    return table("item", event=event)(type("Item", (), {"__annotations__": columns, "__doc__": "Item."}))


KEY = Annotated[u64, PrimaryKey(), AutoInc()]
STORED = stored_definition(Module([item(id=KEY, name=str, colour=Colour, owner=Identity)], [first]))


def plan(*tables: type[Any], reducers: Any = (first,)) -> Any:
    return plan_migration(STORED, Module(tables, reducers))


def test_the_same_module_changes_nothing() -> None:
    """Nothing to do."""
    same = plan(item(id=KEY, name=str, colour=Colour, owner=Identity))
    assert (same.changed, same.new_tables, same.new_columns) == (False, (), {})
    assert same.definition == STORED


@table("another")
class Another:
    id: KEY


def test_what_may_change() -> None:
    """A table, columns with defaults, enum variants, indexes, visibility, reducers."""
    wider: Any = table("item", public=True, indexes=[Index("name", "owner")], visible_to=Own(("owner",)))(
        type(
            "Item",
            (),
            {
                "__annotations__": {
                    "id": KEY,
                    "name": Annotated[str, Index()],
                    "colour": MoreColours,
                    "owner": Identity,
                    "stars": Annotated[u32, Default(7)],
                    "note": Annotated[str | None, Default(None)],
                }
            },
        )
    )
    found = plan(wider, Another, reducers=(second,))

    assert found.changed
    assert found.new_tables == ("another",)
    assert [(name, default) for name, _, default in found.new_columns["item"]] == [
        ("stars", encoder(u32)(7)),
        ("note", encoder(str | None)(None)),
    ]
    assert found.definition["reducers"] == {"first": 0, "second": 1}
    assert {name: kept["id"] for name, kept in found.definition["tables"].items()} == {"item": 0, "another": 1}
    assert not plan_migration(found.definition, Module([wider, Another], [second])).changed


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        ([Another], "table item is stored but no longer declared"),
        ([item(id=KEY, name=str, colour=Colour)], "column item.owner is stored but no longer declared"),
        ([item(id=KEY, colour=Colour, name=str, owner=Identity)], r"column item.name was removed, renamed or moved"),
        ([item(id=KEY, name=str | None, colour=Colour, owner=Identity)], "column item.name has another type"),
        ([item(id=KEY, name=str, colour=OtherColours, owner=Identity)], "column item.colour has another type"),
        ([item(id=KEY, name=str, colour=Colour, owner=Identity, more=u32)], "new column item.more has no Default"),
        ([item(True, id=KEY, name=str, colour=Colour, owner=Identity)], "cannot begin to be an event table"),
        ([item(id=KEY, name=Annotated[str, Unique()], colour=Colour, owner=Identity)], "cannot become unique"),
        (
            [item(id=u64, name=Annotated[str, PrimaryKey()], colour=Colour, owner=Identity)],
            "another primary key, name for id",
        ),
    ],
)
def test_what_is_refused_and_why(tables: list[type[Any]], why: str) -> None:
    """Every change that could lose data, and going back."""
    with pytest.raises(MigrationError, match=why):
        plan(*tables)


def test_all_problems_are_named_at_once() -> None:
    """Not one a start."""
    with pytest.raises(MigrationError, match=r"item.name has another type; .*item.more has no Default"):
        plan(item(id=KEY, name=u64, colour=Colour, owner=Identity, more=u32))


def test_event_tables_may_change_freely_for_they_hold_no_rows() -> None:
    """Columns of all kinds."""
    stored = stored_definition(Module([item(True, id=u64, a=Annotated[str, PrimaryKey()])], []))
    found = plan_migration(stored, Module([item(True, id=Annotated[u32, PrimaryKey()], b=bool)], []))
    assert found.changed
    assert found.new_columns == {}


def test_another_format_and_too_many_names_are_refused() -> None:
    """A folder of a newer version, and the end of u16."""
    module = Module([item(id=KEY)], [])
    with pytest.raises(MigrationError, match="format 2"):
        plan_migration({**STORED, "format": 2}, module)
    before = {"tables": {}, "reducers": {}, "next_table_id": ID_MAX, "next_reducer_id": 0}
    with pytest.raises(MigrationError, match="at most"):
        stored_definition(module, before)
    before["next_table_id"] = ID_MAX - 1
    assert stored_definition(module, before)["tables"]["item"]["id"] == ID_MAX - 1
