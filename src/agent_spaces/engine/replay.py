"""Tables from what the log holds."""

from typing import TYPE_CHECKING

from agent_spaces.engine.storage.records import DELETE, EVENT, PUT, transactions_of
from agent_spaces.errors import DamagedError, DecodeError

if TYPE_CHECKING:
    from agent_spaces.engine.storage.log import Record
    from agent_spaces.engine.tableset import TableSet


def replay(tables: "TableSet", record: "Record") -> None:
    """Do again what the transactions of a group did; DamagedError if they do not fit the tables."""
    try:
        for transaction in transactions_of(record.body):
            for table_id, op, data in transaction.changes:
                table = tables.by_id[table_id]
                if op == PUT:
                    table.load(table.decode(data, 0)[0])
                elif op == DELETE:
                    table.unload(table.decode_key(data, 0)[0])
                elif op != EVENT:
                    table.sequence = max(table.sequence, int.from_bytes(data, "little"))
    except (DecodeError, KeyError) as error:
        raise DamagedError(
            f"Transactions {record.first} to {record.last} of the log do not fit the tables: {error!r}. "
            "Restore a backup."
        ) from error
