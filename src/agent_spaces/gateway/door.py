"""The one port: a connection's requests are read here, then answered by the HTTP app or handed to a WebSocket.

A head that does not arrive in head_timeout_s, or is longer than head_bytes_max, ends the connection.
"""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from agent_spaces.gateway.callers import RequestRefusedError
from agent_spaces.gateway.upgrade import SUBSCRIBE_PATH, plan_upgrade, refusal_bytes
from agent_spaces.gateway.websocket import WebSocket
from agent_spaces.logs import get_logger

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from agent_spaces.gateway.session import SessionV2
    from agent_spaces.gateway.site import Site

_log = get_logger("gateway")
KEEP_ALIVE_S = 30
_CUT_OFF = frozenset({"outgoing_messages", "outgoing_bytes", "partial_bytes"})  # whose users will ask why


def http_settings(app: "Starlette", site: "Site") -> Config:
    """Return uvicorn's settings: only its reading and writing of HTTP is used, none of its server."""
    config = Config(
        app,
        http=H11Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        h11_max_incomplete_event_size=site.config.head_bytes_max,
        timeout_keep_alive=KEEP_ALIVE_S,
    )
    config.load()
    return config


class Door(H11Protocol):
    """Reads the requests of one connection until one of them asks for a WebSocket."""

    def __init__(self, site: "Site", config: Config, state: ServerState) -> None:
        super().__init__(config, state, {})
        self._site = site
        self._head_timer: asyncio.TimerHandle | None = None
        self._is_queued = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the base class
        """Begin to wait for a request; one connection too many is sent away."""
        site = self._site
        is_full = len(self.connections) + len(site.sockets) >= site.config.connections_max
        super().connection_made(transport)
        if is_full:
            refusal = RequestRefusedError(503, "This host has as many connections as it may have; try again later.")
            transport.write(refusal_bytes(refusal))
            transport.close()
            return
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes when it is their turn; nothing more is read before that."""
        if not self._site.turnstile.enter(partial(self._take, data)):
            self._is_queued = True
            self.transport.pause_reading()

    def _take(self, data: bytes) -> None:
        """Read bytes; the time to send a whole head begins with its first one."""
        if self._is_queued:
            self._is_queued = False
            if self.transport.is_closing():
                return
            if not self.flow.read_paused:
                self.transport.resume_reading()
        super().data_received(data)
        self._watch_head()

    def on_response_complete(self) -> None:
        """Go on with what has come behind the request that is answered now."""
        super().on_response_complete()
        self._watch_head()

    def _watch_head(self) -> None:
        if self.transport.is_closing() or not self._awaits_head():
            self._stop_waiting()
        elif self.conn.trailing_data[0] and self._head_timer is None:
            self._wait_for_head()

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are no HTTP; a request whose body they belong to ends as if its client had hung up.

        The HTTP library would otherwise go on to answer that request too, which its protocol forbids by then.
        """
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _awaits_head(self) -> bool:
        return self.conn.their_state is h11.IDLE

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self._site.config.head_timeout_s, self._head_is_late)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._is_queued:  # it has come, and waits for us
            self._wait_for_head()
        elif self._awaits_head():
            self.transport.close()

    def _should_upgrade(self) -> bool:
        """Take every GET of the path: one that asks for no upgrade is answered by the handshake's rules too.

        Heads that are too long take this way as well: the HTTP library minds only those that come in pieces.
        """
        if self._head_is_long():
            return True
        return self.scope["method"] == "GET" and SUBSCRIBE_PATH.fullmatch(self.scope["path"]) is not None

    def _head_is_long(self) -> bool:
        size = sum(len(name) + len(value) + 4 for name, value in self.headers)
        size += len(self.scope["raw_path"]) + len(self.scope["query_string"])
        return size > self._site.config.head_bytes_max

    def _check_head(self) -> None:
        if self._head_is_long():
            raise RequestRefusedError(431, f"Request heads may have {self._site.config.head_bytes_max} bytes.")

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Answer the handshake and give the transport away, or refuse and close."""
        del event
        site, transport = self._site, self.transport
        try:
            self._check_head()
            upgrade = plan_upgrade(site, self.scope["path"], self.scope["query_string"], self.headers)
        except RequestRefusedError as refusal:
            transport.write(refusal_bytes(refusal))
            transport.close()
            return
        self._stop_waiting()
        self.connections.discard(self)
        leftover, _ = self.conn.trailing_data
        transport.write(upgrade.answer)
        _open_socket(site, upgrade.session).attach(transport, leftover)


def _open_socket(site: "Site", session: "SessionV2") -> WebSocket:
    """Return a socket that the site knows until it ends; it keeps nothing of the request alive."""
    held: list[WebSocket] = []  # emptied at the end: what hears of it must not hold the socket

    def ended(reason: str) -> None:
        site.forget(held.pop())
        site.metrics.sockets_ended.labels(reason).inc()
        log = _log.warning if reason in _CUT_OFF else _log.debug
        log("socket.ended", caller=session.caller.identity.short(), reason=reason)

    socket = WebSocket(session, site.limits, site.buffer, ended)
    held.append(socket)
    site.sockets.add(socket)
    site.metrics.sockets_opened.inc()
    return socket


def door_factory(site: "Site", app: "Starlette") -> tuple[Any, ServerState]:
    """Return what makes a Door for each new connection, and the state that all of them share."""
    config, state = http_settings(app, site), ServerState()
    return (lambda: Door(site, config, state)), state
