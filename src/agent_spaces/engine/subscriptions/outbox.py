"""What subscriptions write to: the group that is open, as far as they know it."""

from typing import Any, Protocol


class OutboxEntry(Protocol):
    """Frames for a list of connections, each with the position of its transaction in the group."""

    group: Any
    frames: list[bytes]
    positions: list[int]


class Outbox(Protocol):
    """A group of transactions; every connection gets its frames by position.

    An answer to a connection takes the place of the entries' frames at the same position: the caller of a transaction
    hears of it in its answer only. Several answers at one position keep their order.
    """

    def entry(self, connections: list[Any]) -> OutboxEntry:
        """Open an entry for these connections; the list is never changed."""
        ...

    def answer(self, connection: Any, position: int, frame: bytes) -> None:
        """Put a frame into the group for one connection."""
        ...
