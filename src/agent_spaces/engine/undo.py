"""Going back to what is durable when the log fails.

Nobody was told of the groups that are undone, so subscribers miss nothing; callers are told that nothing was kept,
or, in the group whose write failed, that this is in doubt until the log works again.
Connections that came in them, or were to get rows that were read in them, are closed: they start afresh.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from agent_spaces.engine.calls import undone_frame
from agent_spaces.engine.tableset import undo

if TYPE_CHECKING:
    from agent_spaces.engine.connection import Connection
    from agent_spaces.engine.group import Group
    from agent_spaces.engine.subscriptions import Subscriptions
    from agent_spaces.engine.tableset import TableSet


def undo_tables(groups: "list[Group]", tables: "TableSet", subscriptions: "Subscriptions") -> None:
    """Take back what the groups changed, the last first, and let the subscriptions follow."""
    changes = [change for group in groups for change in group.changes]
    undo([change for change in changes if not change[0].is_event])
    tables.drawn.update(table for table, *_ in changes if table.definition.auto_inc is not None)
    subscriptions.rollback([change for change in changes if not change[0].is_event])


def tell_undone(
    groups: "list[Group]",
    errors: "Sequence[Exception]",
    into: "Group",
    close: "Callable[[Connection, str], None]",
) -> None:
    """Answer those who wait for the groups, each with its error, in the group `into`, and close who cannot go on."""
    closed = {connection for group in groups for connection in (*group.joined, *group.snapshots)}
    for connection in closed:
        close(connection, str(errors[-1]))
    for group, error in zip(groups, errors, strict=True):
        text = str(error)
        for future, result, undone in group.waiting:
            if undone is not None:
                into.waiting.append((future, undone(error), None))
            else:
                into.waiting.append((future, result, None))
        for connection, _, frame in group.answers:
            if connection not in closed:
                into.reply(connection, undone_frame(frame, text) or frame)
        group.dissolve()
