"""One client's connection as the engine knows it."""

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from agent_spaces.engine.group import Entry
    from agent_spaces.sats import ConnectionId, Identity


class Link(Protocol):
    """What the engine writes to; the WebSocket protocol implements it. Neither call may call the engine back."""

    def send(self, data: bytes) -> None:
        """Write complete WebSocket frames; the engine calls it once a group."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Send Close and end the connection."""
        ...


class _Nowhere:
    """The link of a connection that is gone."""

    def send(self, data: bytes) -> None:
        """Drop what was still on its way."""

    def close(self, code: int, reason: str) -> None:
        """Do nothing: it is closed."""


NOWHERE = _Nowhere()


class Connection:
    """Who is connected and by what; `query_sets` belongs to Subscriptions, the rest of the state to delivery."""

    __slots__ = (
        "answers",
        "connection_id",
        "identity",
        "is_owner",
        "link",
        "positions",
        "query_sets",
        "sources",
        "subscribed",
    )

    def __init__(self, identity: "Identity", connection_id: "ConnectionId", link: Link, *, is_owner: bool) -> None:
        self.identity, self.connection_id, self.link, self.is_owner = identity, connection_id, link, is_owner
        self.query_sets: dict[int, Any] = {}
        self.subscribed = False  # has ever subscribed: its answers must be ordered with updates
        self.answers: list[bytes] = []  # its own frames of the group that is being delivered
        self.positions: list[int] = []  # where they stand, if it has ever subscribed
        self.sources: list[Entry] = []  # what others' transactions have for it in that group
