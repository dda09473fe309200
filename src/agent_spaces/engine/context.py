"""What a reducer is handed: module.context.ReducerContext."""

import random
from typing import Any

from agent_spaces.engine.table import TableAccess
from agent_spaces.sats import ConnectionId, Identity, Timestamp


class Context:
    """Who calls what, when, and the tables; `rng` is made on first use and seeded by the timestamp."""

    __slots__ = ("_rng", "args", "connection_id", "db", "identity", "reducer", "sender", "timestamp")

    def __init__(
        self,
        sender: Identity,
        timestamp: Timestamp,
        connection_id: ConnectionId | None,
        identity: Identity,
        db: dict[type[Any], TableAccess],
        reducer: str,
        args: bytes,
    ) -> None:
        self.sender = sender
        self.timestamp = timestamp
        self.connection_id = connection_id
        self.identity = identity
        self.db = db
        self.reducer = reducer
        self.args = args

    @property
    def rng(self) -> random.Random:
        """A generator seeded by the call's timestamp: the same call gives the same numbers."""
        if not hasattr(self, "_rng"):
            self._rng = random.Random(int(self.timestamp))  # noqa: S311 - not for secrets: reducers are repeatable
        return self._rng
