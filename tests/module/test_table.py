"""Tables and reducers of other databases can be declared, and are refused where they cannot be served."""

from typing import Annotated

import pytest

from agent_spaces.errors import DefinitionError
from agent_spaces.module import PrimaryKey, ReducerContext, definition_of, reducer_definition_of, reducer_named, table
from agent_spaces.module.definition import Module
from agent_spaces.sats import u8


@table("keyless", public=True)
class Keyless:
    value: u8


def test_a_table_without_a_key_can_be_declared_but_not_served() -> None:
    assert definition_of(Keyless).primary_key == ""
    with pytest.raises(
        DefinitionError, match=r"Table keyless needs a primary key: mark one column with PrimaryKey\(\)\."
    ):
        Module([Keyless], [])


def test_two_keys_contradict_each_other() -> None:
    with pytest.raises(DefinitionError, match="can have one primary key column, not 2"):

        @table("double")
        class Double:
            one: Annotated[u8, PrimaryKey()]
            two: Annotated[u8, PrimaryKey()]


def test_a_reducer_may_have_a_name_that_python_does_not_allow() -> None:
    @reducer_named("import")
    def import_(ctx: ReducerContext, value: u8) -> None: ...

    definition = reducer_definition_of(import_)
    assert (definition.name, definition.function, definition.callable_by_clients) == ("import", import_, True)
    assert Module([], [import_]).schema_v10()["sections"][3]["Reducers"][0]["source_name"] == "import"
