"""Scenarios of an import: opening, rows and numbers of every table, closing."""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from agent_spaces.fabric.reducers import importing
from agent_spaces.fabric.reducers.channels import mark_channel_read
from agent_spaces.fabric.reducers.knowledge import publish_knowledge
from agent_spaces.fabric.reducers.messages import edit_message
from agent_spaces.fabric.reducers.users import block_user
from agent_spaces.fabric.reducers.votes import cast_ballot
from agent_spaces.fabric.tables import (
    Channel,
    Deployment,
    ServerMute,
    Task,
    UserConnection,
    UsernameClaim,
    UserPresence,
    Vote,
)
from agent_spaces.fabric.types import KnowledgeKind
from agent_spaces.module import definition_of, reducer_definition_of
from agent_spaces.sats import ConnectionId, Identity, Timestamp
from fabric.scenarios import coordination as state
from fabric.scenarios.case import Scenarios, identity
from fabric.worlds import GENERAL, MORNING, club, fresh

NOT_OWNER = "Only the owner of this database imports."
NOT_OPEN = "No import is open: call begin_import."
BY_NAME: dict[str, Callable[..., None]] = {reducer_definition_of(each).name: each for each in importing.REDUCERS}
WIRE = ConnectionId(b"\x01" * 16)
THEN = Timestamp(MORNING)
OPEN = Deployment(1, identity("owner"), identity("system"), True)


def emptied() -> list[tuple[type[Any], Any]]:
    """Return what begin_import removes from the world `fresh`."""
    database = fresh()
    database.call(importing.begin_import, sender=identity("owner"), timestamp=MORNING)
    return [(table.definition.row_class, table.pk_of(old)) for table, old, new in database.changes if new is None]


EMPTIED = emptied()


def a_world_of_rows() -> dict[type[Any], list[Any]]:
    """Return a few rows of every table that is imported, from the club with tasks, a vote and knowledge in it."""
    database = club()
    known = ("bob", publish_knowledge, (GENERAL, "k", "b", KnowledgeKind.OBSERVATION, 0, 0, None))
    keyed = ("bob", publish_knowledge, (GENERAL, "l", "b", KnowledgeKind.OBSERVATION, 0, 0, "key"))
    cast = ("bob", cast_ballot, (1, 0))
    edit = ("bob", edit_message, (9, "hallo"))
    block = ("bob", block_user, (identity("sue"),))
    read = ("bob", mark_channel_read, (GENERAL, 0))
    for caller, function, args in (*state.HELD, state.ASKED, cast, known, keyed, edit, block, read):
        database.call(function, *args, sender=identity(caller), timestamp=MORNING)
    return {row_class: list(database[row_class])[:2] for row_class in importing.IMPORTED}


ROWS = a_world_of_rows()

begin_import = Scenarios(importing.begin_import)
begin_import.refuses(NOT_OWNER, "bob", world="fresh")
begin_import.refuses(NOT_OWNER, "nobody", world="fresh")
begin_import.refuses("Somebody is registered here already: import into a fresh database.", "owner")
begin_import.does("a fresh database", "owner", world="fresh", rows=[UserConnection(WIRE, identity("owner"), THEN)])
begin_import.does("while an import is open", "owner", world="importing")

finish_import = Scenarios(importing.finish_import)
finish_import.refuses(NOT_OWNER, "bob", world="importing")
finish_import.refuses(NOT_OPEN, "owner")
finish_import.refuses(
    "Nobody holds the name system: import username_claim first.",
    "owner",
    world="importing",
    without=[(UsernameClaim, "system")],
)
finish_import.does(
    "people, connections and inboxes",
    "owner",
    world="importing",
    rows=[
        UserConnection(WIRE, identity("carol"), THEN),
        UserPresence(identity("bob"), True, None, THEN),
    ],
)
finish_import.does("another system", "owner", world="importing", rows=[UsernameClaim("system", identity("robo"))])
finish_import.does(
    "what was under way",
    "owner",
    world="importing",
    rows=[
        *(replace(row, id=1) for row in ROWS[Task] if row.phase == 1),
        state.late(id=2),
        *ROWS[Vote],
        *(replace(row, id=2, closed=True) for row in ROWS[Vote]),
    ],
)
finish_import.does(
    "what is left of a channel and a server that are gone",
    "owner",
    world="importing",
    without=[(Channel, GENERAL)],
    rows=[ServerMute(77, 99, identity("bob"), None, None, identity("alice"), THEN), state.task(id=3, channel_id=88)],
)


def _of_rows(row_class: type[Any]) -> Scenarios:
    """Return the scenarios of one table's rows: two of them, one twice, one without a number."""
    definition = definition_of(row_class)
    name, key = definition.name, definition.primary_key
    scenarios = Scenarios(BY_NAME[f"import_{name}"])
    rows = ROWS[row_class]
    assert rows, f"there is no {name} to import"
    opened = {"world": "fresh", "rows": [OPEN], "without": EMPTIED}
    scenarios.refuses(NOT_OWNER, "bob", [], world="importing")
    scenarios.refuses(NOT_OPEN, "owner", rows)
    scenarios.does("rows as they are", "owner", rows, **opened)
    scenarios.does("no rows", "owner", [], **opened)
    scenarios.refuses(f"Row 2 for {name} repeats the {key} of another row.", "owner", [rows[0], rows[0]], **opened)
    if definition.auto_inc is not None:
        scenarios.refuses(f"Row 1 for {name} has no id.", "owner", [replace(rows[0], id=0)], **opened)
    for index in definition.indexes:
        if index.form == "pair":
            text = f"Row 2 for {name} repeats the {' and '.join(index.columns)} of another row."
            scenarios.refuses(text, "owner", [rows[0], replace(rows[0], id=999)], **opened)
    for column in definition.columns:
        if column.unique and column.name != key:
            other = {key: identity("nobody") if isinstance(getattr(rows[0], key), Identity) else 999}
            text = f"Row 2 for {name} repeats the {column.name} of another row."
            scenarios.refuses(text, "owner", [rows[0], replace(rows[0], **other)], **opened)
    return scenarios


def _of_numbers(row_class: type[Any]) -> Scenarios:
    """Return the scenarios of one table's numbers; a draw leaves no row, so only tests can see it."""
    scenarios = Scenarios(BY_NAME[f"advance_{definition_of(row_class).name}"])
    scenarios.refuses(NOT_OWNER, "bob", 5, world="importing")
    scenarios.refuses(NOT_OPEN, "owner", 5)
    scenarios.does("nothing to draw", "owner", 0, world="importing")
    scenarios.does("some numbers", "owner", 5000, world="importing")
    return scenarios


SCENARIOS = [
    begin_import,
    finish_import,
    *(_of_rows(row_class) for row_class in importing.IMPORTED),
    *(_of_numbers(row_class) for row_class in importing.IMPORTED if definition_of(row_class).auto_inc is not None),
]
