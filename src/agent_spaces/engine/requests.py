"""What clients ask for besides calls of reducers: subscriptions, one-off queries, procedures."""

from typing import TYPE_CHECKING

from agent_spaces.errors import SqlError
from agent_spaces.sats import TimeDuration, Timestamp
from agent_spaces.wire import messages as m
from agent_spaces.wire.frames import ws_binary_frame
from agent_spaces.wire.host_side import decode_client_message, encode_server_message
from agent_spaces.wire.primitives import u32

if TYPE_CHECKING:
    from agent_spaces.engine.committer import Committer
    from agent_spaces.engine.connection import Connection
    from agent_spaces.engine.sql_run import SqlRunner
    from agent_spaces.engine.subscriptions import Subscriptions

NO_SUCH_PROCEDURE = "No such procedure"


def server_frame(message: m.ServerMessage) -> bytes:
    """Return a message as a whole WebSocket frame, not compressed."""
    return ws_binary_frame(b"\0" + encode_server_message(message))


class Requests:
    """Answers requests in their place in the order of the open group."""

    def __init__(self, subscriptions: "Subscriptions", sql: "SqlRunner", committer: "Committer") -> None:
        self._subscriptions, self._sql, self._committer = subscriptions, sql, committer

    def receive(self, connection: "Connection", payload: bytes, offset: int) -> int:
        """Answer the message at `offset`, which is no CallReducer; return the offset behind it. DecodeError."""
        message, end = decode_client_message(payload, offset)
        match message:
            case m.Subscribe():
                frame = self._subscribe(connection, message)
            case m.Unsubscribe():
                frame = self._unsubscribe(connection, message)
            case m.OneOffQuery():
                frame = self._one_off(connection, message)
            case m.CallProcedure(request_id, _, _):
                status = m.InternalError(NO_SUCH_PROCEDURE)
                frame = server_frame(m.ProcedureResult(status, Timestamp(0), TimeDuration(0), request_id))
            case m.CallReducer():
                raise AssertionError("calls do not come here")
        self._committer.group.reply(connection, frame)
        self._committer.wake()
        return end

    def _subscribe(self, connection: "Connection", message: m.Subscribe) -> bytes:
        try:
            rows = self._subscriptions.subscribe(connection, message.query_set_id, message.query_strings)
        except SqlError as error:
            return server_frame(m.SubscriptionError(message.request_id, message.query_set_id, str(error)))
        connection.subscribed = True
        self._committer.group.snapshots.append(connection)
        return ws_binary_frame(b"\0\1" + u32(message.request_id) + u32(message.query_set_id) + rows)

    def _unsubscribe(self, connection: "Connection", message: m.Unsubscribe) -> bytes:
        wanted = message.send_dropped_rows
        try:
            rows = self._subscriptions.unsubscribe(connection, message.query_set_id, rows=wanted)
        except SqlError as error:
            return server_frame(m.SubscriptionError(message.request_id, message.query_set_id, str(error)))
        head = b"\0\2" + u32(message.request_id) + u32(message.query_set_id)
        if not wanted:
            return ws_binary_frame(head + b"\1")
        self._committer.group.snapshots.append(connection)
        return ws_binary_frame(head + b"\0" + rows)

    def _one_off(self, connection: "Connection", message: m.OneOffQuery) -> bytes:
        result: m.QueryRows | str
        try:
            table, rows = self._sql.one_off(message.query_string, connection.identity)
        except SqlError as error:
            result = str(error)
        else:
            result = m.QueryRows([m.SingleTableRows(table.name, [table.encode(row) for row in rows])])
            self._committer.group.snapshots.append(connection)
        return server_frame(m.OneOffQueryResult(message.request_id, result))
