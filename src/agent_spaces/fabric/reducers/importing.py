"""The reducers of an import: opening, one for each table's rows and numbers, closing (contract section 8).

`import_<table>` and `advance_<table>` differ in nothing but their tables, so one function makes each kind.
"""

from collections.abc import Callable
from typing import Any

from agent_spaces.errors import RefusedError
from agent_spaces.fabric import import_finish, rules_import
from agent_spaces.fabric.rows import replace
from agent_spaces.fabric.tables import TABLES, Deployment, UserConnection, UsernameClaim, UserProfile
from agent_spaces.module import ReducerContext, Table, TableDefinition, definition_of, reducer
from agent_spaces.sats import u64

SYSTEM_USERNAME = "system"
KEPT = (Deployment, UserConnection)  # what begin_import does not empty
IMPORTED = tuple(
    row_class
    for row_class in TABLES
    if row_class is UsernameClaim or (definition_of(row_class).public and not definition_of(row_class).event)
)


def _deployment(ctx: ReducerContext) -> Deployment:
    """Return the deployment row; RefusedError unless its owner calls."""
    deployment = ctx.db[Deployment].find(1)
    assert deployment is not None, "init makes the deployment row"
    if ctx.sender != deployment.owner:
        raise RefusedError(rules_import.NOT_OWNER)
    return deployment


def _open_deployment(ctx: ReducerContext) -> Deployment:
    """Return the deployment row; RefusedError unless its owner calls while an import is open."""
    deployment = _deployment(ctx)
    if not deployment.import_open:
        raise RefusedError(rules_import.NOT_OPEN)
    return deployment


@reducer
def begin_import(ctx: ReducerContext) -> None:
    """Empty the database but for its deployment and its connections, and open the import.

    Only the owner's, and only while nobody but the owner and the system is registered. While it is open already,
    nothing changes.
    """
    deployment = _deployment(ctx)
    if deployment.import_open:
        return
    expected = {deployment.owner, deployment.system}
    if any(profile.identity not in expected for profile in ctx.db[UserProfile]):
        raise RefusedError(rules_import.NOT_FRESH)

    for row_class in TABLES:
        definition = definition_of(row_class)
        if row_class in KEPT or definition.event:
            continue
        table: Table[Any] = ctx.db[row_class]
        for row in table:
            table.delete(getattr(row, definition.primary_key))
    ctx.db[Deployment].update(replace(deployment, import_open=True))


@reducer
def finish_import(ctx: ReducerContext) -> None:
    """Close the import for good and derive what was not imported: system, presences, inbox counts, timers."""
    deployment = _open_deployment(ctx)
    system = ctx.db[UsernameClaim].find(SYSTEM_USERNAME)
    if system is None:
        raise RefusedError(rules_import.NO_SYSTEM)

    ctx.db[Deployment].update(replace(deployment, system=system.identity, import_open=False))
    import_finish.derive_presences(ctx)
    import_finish.count_inboxes(ctx)
    import_finish.arm_timers(ctx)


def _keys_of(definition: TableDefinition) -> list[tuple[str, tuple[str, ...]]]:
    """Return (accessor, columns) of all that may not repeat: keys, unique columns, pairs."""
    keys: list[tuple[str, tuple[str, ...]]] = [
        (column.name, (column.name,)) for column in definition.columns if column.unique
    ]
    keys.extend((index.accessor, index.columns) for index in definition.indexes if index.form == "pair")
    return keys


def _import_of(definition: TableDefinition) -> Callable[..., None]:
    """Return the reducer that adds rows to one table as they are, ids included."""
    row_class, name, number = definition.row_class, definition.name, definition.auto_inc
    keys = _keys_of(definition)

    def import_rows(ctx: ReducerContext, rows: list[Any]) -> None:
        _open_deployment(ctx)
        table = ctx.db[row_class]
        for position, row in enumerate(rows, 1):
            if number is not None and getattr(row, number) == 0:
                raise RefusedError(rules_import.no_number(position, name, number))
            for accessor, columns in keys:
                if getattr(table, accessor).find(*(getattr(row, column) for column in columns)) is not None:
                    raise RefusedError(rules_import.repeats(position, name, columns))
            table.insert(row)

    import_rows.__name__ = f"import_{name}"
    import_rows.__doc__ = f"Add rows to {name}; a row that breaks a key is refused with the whole call."
    rows: Any = list[row_class]  # type: ignore[valid-type]
    import_rows.__annotations__ = {"ctx": ReducerContext, "rows": rows, "return": None}
    return reducer(import_rows)


def _advance_of(definition: TableDefinition) -> Callable[..., None]:
    """Return the reducer that draws numbers of one table until `to` is passed, or DRAWS_MAX of them."""
    row_class, name = definition.row_class, definition.name

    def advance(ctx: ReducerContext, to: u64) -> None:
        _open_deployment(ctx)
        draw = ctx.db[row_class].draw
        drawn = 0
        for _ in range(rules_import.DRAWS_MAX):
            if drawn >= to:
                break
            drawn = draw()

    advance.__name__ = f"advance_{name}"
    advance.__doc__ = f"Use up numbers of {name} until {rules_import.DRAWS_MAX} are drawn or `to` is."
    return reducer(advance)


REDUCERS: tuple[Callable[..., None], ...] = (
    begin_import,
    *(_import_of(definition_of(row_class)) for row_class in IMPORTED),
    *(_advance_of(definition_of(row_class)) for row_class in IMPORTED if definition_of(row_class).auto_inc is not None),
    finish_import,
)
