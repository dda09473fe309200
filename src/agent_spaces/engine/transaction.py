"""One transaction from what it wrote to its place in the open group."""

from operator import attrgetter
from typing import TYPE_CHECKING

from agent_spaces.engine.storage.records import CHANGE, DELETE, HEAD, encode_sequence
from agent_spaces.errors import SpacesError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_spaces.engine.committer import Committer
    from agent_spaces.engine.connection import Connection
    from agent_spaces.engine.group import CommittedChange
    from agent_spaces.engine.operations import Change
    from agent_spaces.engine.scheduler import Scheduler
    from agent_spaces.engine.subscriptions import Subscriptions
    from agent_spaces.engine.tableset import TableSet
    from agent_spaces.sats import Identity

TRANSACTION_BYTES_MAX = 256 << 20  # of a transaction in the log
NOTHING = bytes(4)  # an array of no QuerySetUpdate

_table_id = attrgetter("table_id")
_head = HEAD.pack


class TransactionTooLargeError(SpacesError):
    """A transaction that would not fit into a record of the log; it is undone."""

    code = "transaction_too_large"

    def __init__(self, size: int) -> None:
        super().__init__(f"The transaction needs {size} bytes in the log, the limit is {TRANSACTION_BYTES_MAX}.")


def _repeats(changes: "Sequence[Change]") -> bool:
    """Tell whether a table occurs twice, so that several writes to one row may have to become one."""
    if len(changes) == 3:
        one, two, three = changes
        return one[0] is two[0] or two[0] is three[0] or three[0] is one[0]
    seen = 0
    for change in changes:
        bit = change[0].bit
        if seen & bit:
            return True
        seen |= bit
    return False


class Transactions:
    """Turns the journal of the tables into a record, updates for subscribers, and an entry of the open group."""

    def __init__(
        self, tables: "TableSet", subscriptions: "Subscriptions", committer: "Committer", scheduler: "Scheduler"
    ) -> None:
        self._tables, self._subscriptions = tables, subscriptions
        self._journal, self._drawn = tables.journal, tables.drawn
        self._committer, self._scheduler = committer, scheduler

    def commit(self, reducer_id: int, timestamp: int, sender: "Identity", caller: "Connection | None") -> bytes:
        """Put the open transaction into the open group; return the caller's array of QuerySetUpdate.

        Each changed row is encoded once: log, updates and the caller's result share the bytes. EncodeError for a value
        that does not fit its column, TransactionTooLargeError: the transaction is still open then, to be rolled back.
        The transaction takes the group's position, which whoever answers the caller must move on, also for one that
        changed nothing.
        """
        changes, drawn = self._journal, self._drawn
        if not changes and not drawn:
            return NOTHING
        if changes[0][0] is changes[1][0] if len(changes) == 2 else _repeats(changes):
            changes = self._tables.changes()
        body = b""
        watched: list[CommittedChange] = []
        special = False
        for table, old, new in changes:
            data: bytes
            if new is None:
                data = table.encode_key(table.pk_of(old))
                body += CHANGE.pack(table.table_id, DELETE, len(data)) + data
                if table.watched:
                    watched.append((table, old, None, None))
            else:
                data = table.encode(new)
                size = len(data)
                body += (table.put_heads.get(size) or table.put_head(size)) + data
                if table.watched:
                    watched.append((table, old, new, data))
            if table.is_special:
                special = True
        count = len(changes)
        if special or drawn:
            body += b"".join(self._numbers(changes))
            count += len(drawn)
        committer = self._committer
        group = committer.group
        if count:
            record = _head(committer.offset, reducer_id, timestamp, count, sender) + body
            size = len(record)
            if size > TRANSACTION_BYTES_MAX:
                raise TransactionTooLargeError(size)
            if group.size > committer.start_bytes:
                committer.overflow()
                group = committer.group
            group.body.append(record)
            group.size += size
            group.changes += changes
            committer.offset += 1
        own = NOTHING
        try:
            if watched:
                own = self._subscriptions.publish(group, group.position, watched, caller)
            if special:
                self._scheduler.follow(changes)
                self._tables.finish()
        except Exception as error:
            committer.halt(error)
            raise
        self._journal.clear()
        if drawn:
            drawn.clear()
        return own

    def _numbers(self, changes: "Sequence[Change]") -> list[bytes]:
        """Return what the log is told of numbers that no stored row shows."""
        drawn = self._tables.drawn
        drawn.update(t for t, *_ in changes if t.is_event and t.definition.auto_inc is not None)
        return [encode_sequence(t.table_id, t.sequence) for t in sorted(drawn, key=_table_id)]

    def rollback(self) -> None:
        """Undo what the open transaction wrote."""
        self._tables.rollback()
