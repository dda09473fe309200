"""A database that is moved through the import reducers is the same in both twins, and goes on alike."""

import json

import pytest

from agent_spaces.fabric.reducers.importing import IMPORTED
from agent_spaces.fabric.types import MessageType
from agent_spaces.module import definition_of
from agent_spaces.sats.json import from_json
from fabric.vectors import FOLDER, with_names
from fabric.worlds import GENERAL, IDENTITIES, NOON
from twin.twins import Twins
from twin.wasm_host import WasmHost

WORLDS = json.loads((FOLDER / "worlds.json").read_text())


@pytest.mark.timeout(600)
def test_an_imported_world_goes_on_alike(host: WasmHost) -> None:
    """Advance first, then the rows; afterwards every number that is drawn is free."""
    twins = Twins(host, WORLDS, {"world": "fresh"})
    rows_by_table = with_names(WORLDS["worlds"]["club"], WORLDS["names"])
    owner = IDENTITIES["owner"]

    def call(reducer: str, *args: object, caller: str = "owner") -> None:
        error, _ = twins.call(reducer, list(args), sender=IDENTITIES[caller], timestamp=NOON)
        assert error is None, f"{reducer}: {error}"

    call("begin_import")
    for row_class in IMPORTED:
        definition = definition_of(row_class)
        rows = [from_json(row_class, row) for row in rows_by_table.get(definition.name, [])]
        if definition.auto_inc is not None:
            call(f"advance_{definition.name}", max((getattr(row, definition.auto_inc) for row in rows), default=0))
        call(f"import_{definition.name}", rows)
    call("finish_import")
    twins.check_rows()

    call("send_message", GENERAL, "hello @carol", MessageType.TEXT, None, None, None, None, caller="bob")
    call("create_server", "New", None, None, caller="alice")
    call("start_dm", IDENTITIES["alice"], caller="bob")
    call("create_invite", 3, "an-invite-for-the-import-1", 3, 60, "key", caller="alice")
    twins.check_rows()
    assert owner == twins.database.tables.by_name["deployment"].rows[1].owner


def test_one_call_draws_no_more_numbers_than_it_may(host: WasmHost) -> None:
    """The next number after a call that asks for too many is that of the limit: 100,000 were drawn."""
    twins = Twins(host, WORLDS, {"world": "importing"})
    table = host.tables.by_name["user_block"]

    error, _ = twins.call("advance_user_block", [2**64 - 1], sender=IDENTITIES["owner"], timestamp=NOON)

    assert error is None
    assert table.next_number == 100_001
