"""One transaction from what it wrote to its place in the open group."""

from operator import attrgetter
from typing import TYPE_CHECKING

from agent_spaces.engine.committer import GROUP_BYTES_MAX
from agent_spaces.engine.storage.records import CHANGE, DELETE, HEAD, encode_sequence
from agent_spaces.errors import SpacesError

if TYPE_CHECKING:
    from agent_spaces.engine.committer import Committer
    from agent_spaces.engine.connection import Connection
    from agent_spaces.engine.group import CommittedChange
    from agent_spaces.engine.scheduler import Scheduler
    from agent_spaces.engine.subscriptions import Subscriptions
    from agent_spaces.engine.tableset import TableSet
    from agent_spaces.sats import Identity

TRANSACTION_BYTES_MAX = 256 << 20  # of a transaction in the log
NOTHING = bytes(4)  # an array of no QuerySetUpdate

_table_id = attrgetter("table_id")


class TransactionTooLargeError(SpacesError):
    """A transaction that would not fit into a record of the log; it is undone."""

    code = "transaction_too_large"

    def __init__(self, size: int) -> None:
        super().__init__(f"The transaction needs {size} bytes in the log, the limit is {TRANSACTION_BYTES_MAX}.")


class Transactions:
    """Turns the journal of the tables into a record, updates for subscribers, and an entry of the open group.

    First `prepare`, which does all that can fail, then `commit`; or `rollback` at any time before `commit`.
    """

    def __init__(
        self, tables: "TableSet", subscriptions: "Subscriptions", committer: "Committer", scheduler: "Scheduler"
    ) -> None:
        self._tables, self._subscriptions = tables, subscriptions
        self._committer, self._scheduler = committer, scheduler
        self._record = b""
        self._committed: list[CommittedChange] = []
        self._watched = self._special = False

    def prepare(self, reducer_id: int, timestamp: int, sender: "Identity") -> None:
        """Encode each changed row, once: log, updates and the caller's result share the bytes.

        EncodeError for a value that does not fit its column; TransactionTooLargeError.
        """
        tables = self._tables
        committed: list[CommittedChange] = []
        self._committed = committed
        changes = tables.changes()
        drawn = tables.drawn
        if not changes and not drawn:
            self._record = b""
            return
        watched = special = False
        parts = [b""]
        for table, old, new in changes:
            data: bytes
            if new is None:
                data = table.encode_key(table.pk_of(old))
                parts += (CHANGE.pack(table.table_id, DELETE, len(data)), data)
                committed.append((table, old, None, None))
            else:
                data = table.encode(new)
                size = len(data)
                parts += (table.put_heads.get(size) or table.put_head(size), data)
                committed.append((table, old, new, data))
            if table.watched:
                watched = True
            if table.is_special:
                special = True
        if special:
            drawn.update(t for t, *_ in changes if t.is_event and t.definition.auto_inc is not None)
        count = len(committed)
        if drawn:
            count += len(drawn)
            parts += [encode_sequence(t.table_id, t.sequence) for t in sorted(drawn, key=_table_id)]
        parts[0] = HEAD.pack(self._committer.offset, reducer_id, timestamp, count, sender)
        self._record = record = b"".join(parts)
        if len(record) > TRANSACTION_BYTES_MAX:
            raise TransactionTooLargeError(len(record))
        self._watched, self._special = watched, special

    def commit(self, caller: "Connection | None") -> bytes:
        """Put what was prepared into the open group; return the caller's array of QuerySetUpdate.

        The transaction takes the group's position, which whoever answers the caller must move on, also for one that
        changed nothing.
        """
        record = self._record
        if not record:
            self._tables.finish()
            return NOTHING
        committer = self._committer
        group = committer.group
        if group.size > GROUP_BYTES_MAX:
            committer.close_group()
            group = committer.group
        committed = self._committed
        group.body.append(record)
        group.size += len(record)
        group.transactions += 1
        group.changes += committed
        committer.offset += 1
        own = NOTHING
        try:
            if self._watched:
                own = self._subscriptions.publish(group, group.position, committed, caller)
            if self._special:
                self._scheduler.follow(committed)
        except Exception as error:
            committer.halt(error)
            raise
        tables = self._tables
        if tables.drawn:
            tables.drawn.clear()
        if self._special:
            tables.finish()
        else:
            tables.journal.clear()
        return own

    def rollback(self) -> None:
        """Undo what the open transaction wrote."""
        self._tables.rollback()
