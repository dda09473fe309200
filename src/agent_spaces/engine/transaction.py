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
    """Turns the journal of the tables into a record, updates for subscribers, and an entry of the open group."""

    def __init__(
        self, tables: "TableSet", subscriptions: "Subscriptions", committer: "Committer", scheduler: "Scheduler"
    ) -> None:
        self._tables, self._subscriptions = tables, subscriptions
        self._committer, self._scheduler = committer, scheduler

    def commit(self, reducer_id: int, timestamp: int, sender: "Identity", caller: "Connection | None") -> bytes:
        """Put the open transaction into the open group; return the caller's array of QuerySetUpdate.

        Each changed row is encoded once: log, updates and the caller's result share the bytes. EncodeError for a value
        that does not fit its column, TransactionTooLargeError: the transaction is still open then, to be rolled back.
        The transaction takes the group's position, which whoever answers the caller must move on, also for one that
        changed nothing.
        """
        tables = self._tables
        changes = tables.journal
        drawn = tables.drawn
        if not changes and not drawn:
            return NOTHING
        seen = 0
        for change in changes:
            bit = change[0].bit
            if seen & bit:
                changes = tables.changes()
                break
            seen |= bit
        committed: list[CommittedChange] = []
        watched = special = False
        body = b""
        for table, old, new in changes:
            data: bytes
            if new is None:
                data = table.encode_key(table.pk_of(old))
                body += CHANGE.pack(table.table_id, DELETE, len(data)) + data
                committed.append((table, old, None, None))
            else:
                data = table.encode(new)
                body += table.put_heads[len(data)] + data
                committed.append((table, old, new, data))
            if table.watched:
                watched = True
            if table.is_special:
                special = True
        if special or drawn:
            body += self._numbers(committed)
        committer = self._committer
        if committed or drawn:
            record = HEAD.pack(committer.offset, reducer_id, timestamp, len(committed) + len(drawn), sender) + body
            if len(record) > TRANSACTION_BYTES_MAX:
                raise TransactionTooLargeError(len(record))
            group = committer.group
            if group.size > GROUP_BYTES_MAX:
                committer.close_group()
                group = committer.group
            group.body.append(record)
            group.size += len(record)
            group.changes += committed
            committer.offset += 1
        if not watched and not special and not drawn:
            tables.journal.clear()
            return NOTHING
        return self._tell(committed, caller, watched=watched, special=special)

    def _numbers(self, committed: "list[CommittedChange]") -> bytes:
        """Return what the log is told of numbers that no stored row shows."""
        drawn = self._tables.drawn
        drawn.update(t for t, *_ in committed if t.is_event and t.definition.auto_inc is not None)
        return b"".join([encode_sequence(t.table_id, t.sequence) for t in sorted(drawn, key=_table_id)])

    def _tell(
        self, committed: "list[CommittedChange]", caller: "Connection | None", *, watched: bool, special: bool
    ) -> bytes:
        """Let subscriptions and timers follow, and close the transaction."""
        own = NOTHING
        tables = self._tables
        try:
            if watched:
                group = self._committer.group
                own = self._subscriptions.publish(group, group.position, committed, caller)
            if special:
                self._scheduler.follow(committed)
                tables.finish()
        except Exception as error:
            self._committer.halt(error)
            raise
        tables.journal.clear()
        tables.drawn.clear()
        return own

    def rollback(self) -> None:
        """Undo what the open transaction wrote."""
        self._tables.rollback()
