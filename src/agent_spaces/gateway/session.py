"""One client's WebSocket as a connection of the database: bytes in, frames out; nothing is decided here."""

from functools import partial
from typing import TYPE_CHECKING

from agent_spaces.errors import RefusedError, StorageError
from agent_spaces.gateway import ws_frames as ws
from agent_spaces.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_spaces.engine.connection import Connection
    from agent_spaces.engine.database import Database
    from agent_spaces.gateway.rate import RateLimits
    from agent_spaces.gateway.tokens import Caller
    from agent_spaces.gateway.turnstile import Turnstile
    from agent_spaces.gateway.websocket import WebSocket
    from agent_spaces.sats.special import ConnectionId

_log = get_logger("gateway")


class SessionV2:
    """Protocol v2: one message a payload; what stands behind it is ignored, as on the reference host."""

    version = "v2"

    def __init__(
        self,
        database: "Database",
        caller: "Caller",
        connection_id: "ConnectionId",
        messages_max: int,
        turnstile: "Turnstile",
        limits: "RateLimits | None" = None,
    ) -> None:
        self._database, self.caller, self._connection_id = database, caller, connection_id
        self._receive = database.receive if limits is None else limits.receiving(database)
        self._messages_max, self._turnstile = messages_max, turnstile
        self._is_connected = False
        self._connection: Connection
        self._socket: WebSocket
        self.binary: Callable[[bytes], object]

    def opened(self, socket: "WebSocket") -> None:
        """Run client_connected; if it refuses, the connection is cut without a message, as on the reference host."""
        self._socket = socket
        caller = self.caller
        try:
            self._connection = self._database.connect(socket, caller.identity, self._connection_id, caller.token)
            self._is_connected = True
            self.binary = self._taker()
        except RefusedError as error:
            _log.info("connection.refused", caller=caller.identity.short(), reason=str(error))
            socket.abort("refused")
        except StorageError as error:
            socket.close(ws.INTERNAL_ERROR, str(error))

    def _taker(self) -> "Callable[[bytes], object]":
        """Return what hands a payload to the database."""
        return partial(self._receive, self._connection)

    def text(self, text: str) -> None:
        """Refuse: all of the protocol is binary."""
        del text
        self._socket.close(ws.INTERNAL_ERROR, f"{self.version} websocket does not support text messages")

    def lost(self) -> None:
        """End the connection in the database, which runs client_disconnected; many at once take turns."""
        del self._socket  # which knows this one: both go without a collection of garbage
        if self._is_connected:
            self._is_connected = False
            del self.binary
            self._turnstile.enter(partial(self._database.disconnect, self._connection))


class SessionV3(SessionV2):
    """Protocol v3: one or more messages a payload."""

    version = "v3"

    def _taker(self) -> "Callable[[bytes], object]":
        return self._several

    def _several(self, payload: bytes) -> None:
        """Hand the messages to the database one by one; those before one that does not decode are carried out."""
        receive, connection, size = self._receive, self._connection, len(payload)
        if not size:
            text = "v3 websocket binary payload must contain at least one v2 client message"
            self._socket.close(ws.INTERNAL_ERROR, text)
            return
        offset = count = 0
        while offset < size:
            if count == self._messages_max:
                self._socket.close(ws.TRY_AGAIN_LATER, "too many requests")
                return
            offset = receive(connection, payload, offset)
            count += 1
            if not self._socket.is_open():
                return
