"""What a reducer is handed: module.context.ReducerContext."""

import random
from typing import Any

import msgspec

from agent_spaces.engine.table import TableAccess
from agent_spaces.sats import ConnectionId, Identity, Timestamp


class Context(msgspec.Struct, gc=False):
    """Who calls what, when, and the tables; `rng` is made on first use and seeded by the timestamp."""

    sender: Identity
    timestamp: Timestamp
    connection_id: ConnectionId | None
    identity: Identity  # the database's own
    db: dict[type[Any], TableAccess]
    reducer: str
    args: bytes
    _rng: random.Random | None = None

    @property
    def rng(self) -> random.Random:
        """A generator seeded by the call's timestamp: the same call gives the same numbers."""
        if self._rng is None:
            self._rng = random.Random(int(self.timestamp))  # noqa: S311 - not for secrets: reducers are repeatable
        return self._rng
