"""What a reducer is handed: who calls, when, and the tables. Reducers see nothing else of the world."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    import random

    from agent_spaces.sats import ConnectionId, Identity, Timestamp

R = TypeVar("R")


class Index(Protocol, Generic[R]):
    """Look-ups by the columns of an index; keys stand in column order."""

    def find(self, *key: Any) -> R | None:
        """Return the only row with this full key, the one with the least primary key if there are several, or None."""
        ...

    def filter(self, *key: Any) -> list[R]:
        """Return the rows with this key, or with these leading columns, in primary key order."""
        ...

    def range(self, *prefix: Any, low: Any = None, high: Any = None) -> list[R]:
        """Return rows with low <= last column <= high in the order of that column; only for form `ordered`."""
        ...

    def count(self, *key: Any) -> int:
        """Return how many rows `filter` would give, without making the list."""
        ...


class Table(Protocol, Generic[R]):
    """The rows of one table, as they are in this transaction."""

    def find(self, key: Any) -> R | None:
        """Return the row with this primary key, or None."""
        ...

    def insert(self, row: R) -> R:
        """Add a row; an auto-increment column that is 0 gets the next number. Returns the row as stored.

        A key that is taken is a bug of the reducer: AssertionError, and the call fails as a whole.
        """
        ...

    def update(self, row: R) -> R:
        """Replace the row with the same primary key, which must exist."""
        ...

    def delete(self, key: Any) -> bool:
        """Remove the row with this primary key; False if there was none."""
        ...

    def draw(self) -> int:
        """Use up and return the next number of the auto-increment column."""
        ...

    def __iter__(self) -> Iterator[R]:
        """Walk a copy of all rows, in primary key order."""
        ...

    def __len__(self) -> int:
        """Return how many rows there are."""
        ...

    def __getattr__(self, accessor: str) -> Index[R]:
        """Return an index by its accessor: a column's name, or by_ and the columns' names."""
        ...


class Tables(Protocol):
    """All tables of the database, by row class: `ctx.db[Message]`."""

    def __getitem__(self, row_class: type[R]) -> Table[R]:
        """Return the table that the class declares."""
        ...


class ReducerContext(Protocol):
    """What every reducer gets as its first argument."""

    sender: "Identity"
    timestamp: "Timestamp"
    connection_id: "ConnectionId | None"
    identity: "Identity"  # the database's own: the sender of scheduled reducers
    db: Tables
    reducer: str  # the name of the reducer that is called
    args: bytes  # its arguments as BSATN, without trailing bytes

    @property
    def rng(self) -> "random.Random":
        """A generator seeded by the call: the same call gives the same numbers."""
        ...
