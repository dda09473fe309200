"""What a commit log does, and one that keeps nothing on disk."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Protocol

Done = Callable[[BaseException | None], None]
CHAIN_START = bytes(16)  # the hash before the first group


@dataclass(frozen=True, slots=True)
class Record:
    """One durable group: its first and last transaction, their body, and the hash of the log up to and with it."""

    first: int
    last: int
    body: bytes
    chain: bytes


def next_chain(chain: bytes, first: int, last: int, body: bytes) -> bytes:
    """Return the 16 byte hash of the log after a group: it covers the group and the hash before it."""
    digest = blake2b(first.to_bytes(8, "little") + last.to_bytes(8, "little"), digest_size=16, key=chain)
    digest.update(body)
    return digest.digest()


class Log(Protocol):
    """An append-only sequence of groups; transactions are numbered without gaps from 0.

    All methods are called on the event loop's thread.
    """

    @property
    def next_offset(self) -> int:
        """The number that the next transaction gets: one past the last appended."""
        ...

    @property
    def failed(self) -> BaseException | None:
        """Why the log takes no more groups, or None; `recover` may clear it."""
        ...

    def append(self, body: bytes, first: int, last: int, done: Done) -> None:
        """Make a group durable and then call `done(None)`, later and on the event loop's thread.

        `first` is `next_offset`, `last` its last transaction; one group is on its way at a time.
        `done(StorageError)` says that the group is not acknowledged. After that every append is refused with the same
        error until `recover` returns.
        """
        ...

    def recover(self) -> int:
        """Re-read the disk after a failure and return the new `next_offset`; StorageError if it still fails.

        What was appended after the last durable group is gone: the caller drops it from its tables too.
        """
        ...

    def replay(self, after: int) -> Iterator[Record]:
        """Give the durable groups that hold transactions numbered `after` and above, in order."""
        ...

    def close(self) -> None:
        """Let go of files and threads."""
        ...


class MemoryLog:
    """A log for tests and throw-away databases: durable as long as the object lives.

    `call_soon` runs a function a little later, on the same thread: `loop.call_soon`, or that of a simulation.
    """

    def __init__(self, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._call_soon = call_soon
        self._records: list[Record] = []
        self._chain = CHAIN_START
        self.next_offset = 0
        self.failed: BaseException | None = None
        self._flying = False

    def append(self, body: bytes, first: int, last: int, done: Done) -> None:
        """Keep the group; `done(None)` follows by `call_soon`."""
        assert not self._flying, "one group is on its way at a time"
        assert first == self.next_offset <= last, "transactions are numbered without gaps"
        self._flying = True
        self._chain = next_chain(self._chain, first, last, body)
        self._records.append(Record(first, last, bytes(body), self._chain))
        self.next_offset = last + 1

        def finish() -> None:
            self._flying = False
            done(None)

        self._call_soon(finish)

    def recover(self) -> int:
        """Return `next_offset`: memory does not fail."""
        return self.next_offset

    def replay(self, after: int) -> Iterator[Record]:
        """Give the groups that hold transactions numbered `after` and above, in order."""
        return (record for record in list(self._records) if record.last >= after)

    def close(self) -> None:
        """Keep the groups, so that a test can replay them."""
