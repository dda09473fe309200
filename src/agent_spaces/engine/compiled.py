"""Where the compiled way of a call takes the place of the one in Python, if there is one: see `agent_spaces.native`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agent_spaces.engine import group
from agent_spaces.engine.calls import Callee, ok_frame
from agent_spaces.engine.committer import Committer
from agent_spaces.engine.connection import Connection
from agent_spaces.engine.context import Context
from agent_spaces.engine.group import Entry, Group
from agent_spaces.engine.subscriptions.audience import Audience
from agent_spaces.engine.subscriptions.query_set import Feed
from agent_spaces.engine.table import EngineTable
from agent_spaces.errors import DecodeError
from agent_spaces.native import choice as native
from agent_spaces.sats import Timestamp

if TYPE_CHECKING:
    from agent_spaces.engine.database import Database
    from agent_spaces.engine.subscriptions import Subscriptions
    from agent_spaces.engine.transaction import Transactions

Receive = Callable[..., int]

if native.calls is not None:
    known = (Audience, Callee, Committer, Connection, Context, DecodeError, EngineTable, Entry, Feed, Group)
    names: dict[str, Any] = {each.__name__: each for each in (*known, Timestamp)}
    names |= {"ok_frame": ok_frame, "merged": group.merged}
    native.calls.bind(names)

deliver: Callable[[Group], None] = group.deliver if native.calls is None else native.calls.deliver
"""What tells everybody: `group.deliver` or its compiled form."""


def receiver(
    database: "Database",
    committer: Committer,
    transactions: "Transactions",
    subscriptions: "Subscriptions",
    now: Callable[[], int],
) -> Receive:
    """Return what takes client messages for a database: its `receive_message` or the compiled form."""
    if native.calls is None:
        return database.receive_message
    path = native.calls.CallPath(
        database,
        committer,
        transactions,
        subscriptions,
        database.tables,
        database.open_callees,
        subscriptions.direct,
        now,
    )
    receive: Receive = path.receive
    return receive
