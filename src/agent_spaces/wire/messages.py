"""The messages of SpacetimeDB's protocol v2 as values; v3 sends the same ones, several to a payload.

A list of rows is a list of their BSATN bytes: reading a row needs the table's type, which the wire does not carry.
Source: SpacetimeDB 2.8.3, seen; vectors/golden/client-messages.json, vectors/golden/server-messages.json.
"""

import msgspec

from agent_spaces.sats.special import ConnectionId, Identity, TimeDuration, Timestamp
from agent_spaces.wire.primitives import read_string, string


class Message(msgspec.Struct, frozen=True, gc=False):
    """Base of everything here: immutable, compared by value, invisible to the garbage collector (no cycles)."""


class Subscribe(Message, frozen=True, gc=False):
    """Client: register the queries as a new set of this connection."""

    request_id: int
    query_set_id: int
    query_strings: list[str]


class Unsubscribe(Message, frozen=True, gc=False):
    """Client: end a query set; `send_dropped_rows` asks for the rows it held."""

    request_id: int
    query_set_id: int
    send_dropped_rows: bool


class OneOffQuery(Message, frozen=True, gc=False):
    """Client: answer one query once."""

    request_id: int
    query_string: str


class CallReducer(Message, frozen=True, gc=False):
    """Client: run a reducer; `args` is the BSATN product of its arguments."""

    request_id: int
    reducer: str
    args: bytes


class CallProcedure(Message, frozen=True, gc=False):
    """Client: run a procedure; `args` is the BSATN product of its arguments."""

    request_id: int
    procedure: str
    args: bytes


ClientMessage = Subscribe | Unsubscribe | OneOffQuery | CallReducer | CallProcedure


class SingleTableRows(Message, frozen=True, gc=False):
    """What one query found."""

    table: str
    rows: list[bytes]


class QueryRows(Message, frozen=True, gc=False):
    """What a set's queries found: one entry a query and visibility rule; a table without any rows has none."""

    tables: list[SingleTableRows]


class PersistentTable(Message, frozen=True, gc=False):
    """How one query's rows changed; an update is a delete and an insert of one key."""

    inserts: list[bytes]
    deletes: list[bytes]


class EventTable(Message, frozen=True, gc=False):
    """Rows that live for one transaction only."""

    events: list[bytes]


class TableUpdate(Message, frozen=True, gc=False):
    """What happened to one table, by query; a table may occur twice in one set."""

    table_name: str
    rows: list[PersistentTable | EventTable]


class QuerySetUpdate(Message, frozen=True, gc=False):
    """What one transaction changed in one query set."""

    query_set_id: int
    tables: list[TableUpdate]


class InitialConnection(Message, frozen=True, gc=False):
    """Host: who the caller is; always the first message of a connection."""

    identity: Identity
    connection_id: ConnectionId
    token: str


class SubscribeApplied(Message, frozen=True, gc=False):
    """Host: the set is registered; `rows` are all that match, of one committed state."""

    request_id: int
    query_set_id: int
    rows: QueryRows


class UnsubscribeApplied(Message, frozen=True, gc=False):
    """Host: the set is gone; `rows` are those it held, or None if they were not asked for."""

    request_id: int
    query_set_id: int
    rows: QueryRows | None


class SubscriptionError(Message, frozen=True, gc=False):
    """Host: a set was refused, or broke later (`request_id` None) and is gone."""

    request_id: int | None
    query_set_id: int
    error: str


class TransactionUpdate(Message, frozen=True, gc=False):
    """Host: what one transaction changed in the connection's sets; never empty on its own."""

    query_sets: list[QuerySetUpdate]


class OneOffQueryResult(Message, frozen=True, gc=False):
    """Host: the rows that a OneOffQuery found, or the text of its error."""

    request_id: int
    result: QueryRows | str


class ReducerOk(Message, frozen=True, gc=False):
    """The reducer committed; the caller's own update comes here and nowhere else."""

    ret_value: bytes
    transaction_update: TransactionUpdate


class ReducerOkEmpty(Message, frozen=True, gc=False):
    """The reducer committed and nothing the caller subscribed to changed; 2.8.3 never sends it."""


class ReducerErr(Message, frozen=True, gc=False):
    """The reducer said no; `payload` is the BSATN of its error, which is a string in every module seen so far."""

    payload: bytes

    @classmethod
    def of(cls, text: str) -> "ReducerErr":
        """Make the outcome for an error text."""
        return cls(string(text))

    @property
    def text(self) -> str:
        """The error's text; DecodeError if the payload is no string."""
        return read_string(self.payload, 0)[0]


class InternalError(Message, frozen=True, gc=False):
    """The call failed for a reason that is not the reducer's or procedure's own."""

    text: str


ReducerOutcome = ReducerOk | ReducerOkEmpty | ReducerErr | InternalError


class ReducerResult(Message, frozen=True, gc=False):
    """Host: how a CallReducer ended; `timestamp` is the start of the reducer."""

    request_id: int
    timestamp: Timestamp
    result: ReducerOutcome


class Returned(Message, frozen=True, gc=False):
    """A procedure's return value as BSATN of its type."""

    value: bytes


class ProcedureResult(Message, frozen=True, gc=False):
    """Host: how a CallProcedure ended; failures have timestamp and duration 0."""

    status: Returned | InternalError
    timestamp: Timestamp
    total_host_execution_duration: TimeDuration
    request_id: int


ServerMessage = (
    InitialConnection
    | SubscribeApplied
    | UnsubscribeApplied
    | SubscriptionError
    | TransactionUpdate
    | OneOffQueryResult
    | ReducerResult
    | ProcedureResult
)
