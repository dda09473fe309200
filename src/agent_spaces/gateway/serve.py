"""Serving a database on one port, until told to stop."""

import asyncio
import errno
import os
import signal
import socket
from typing import TYPE_CHECKING

from agent_spaces.clock import SystemClock, SystemRandomness
from agent_spaces.errors import ConfigError, StorageError
from agent_spaces.gateway.door import door_factory
from agent_spaces.gateway.http_app import http_app
from agent_spaces.gateway.metrics import GatewayMetrics
from agent_spaces.gateway.module_log import LogRing
from agent_spaces.gateway.site import Site
from agent_spaces.gateway.ws_frames import GOING_AWAY
from agent_spaces.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.routing import BaseRoute

    from agent_spaces.clock import Clock, Randomness
    from agent_spaces.config import HostConfig
    from agent_spaces.engine.database import Database
    from agent_spaces.gateway.tokens import TokenAuthority

LISTEN_BACKLOG = 1024  # how many may wait to be accepted
ACCEPTS_A_TURN = 1  # asyncio accepts as many in one turn of its loop as it is told the backlog is
_log = get_logger("gateway")


class Gateway:
    """A database behind its port. `start` it, then `stop` it; the database is started by whoever made it.

    `routes` are more of Starlette's, behind those of the API: the pages of the web interface.
    """

    def __init__(
        self,
        database: "Database",
        config: "HostConfig",
        tokens: "TokenAuthority",
        *,
        clock: "Clock | None" = None,
        randomness: "Randomness | None" = None,
        log: LogRing | None = None,
        routes: "Sequence[BaseRoute]" = (),
    ) -> None:
        clock = clock or SystemClock()
        log = log or LogRing(config.log_lines_max, clock)
        metrics = GatewayMetrics()
        self.site = Site(database, config, tokens, clock, randomness or SystemRandomness(), metrics, log)
        metrics.gauge("spaces_sockets_open", "WebSockets open now", lambda: len(self.site.sockets))
        metrics.gauge("spaces_tx_offset", "Number of the next transaction", lambda: database.tx_offset)
        make_door, self._http = door_factory(self.site, http_app(self.site, routes))
        self._make_door = make_door
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Begin to accept connections; ConfigError if the address cannot be used."""
        config = self.site.config
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                self._make_door, config.listen_host, config.listen_port, backlog=ACCEPTS_A_TURN
            )
        except OSError as error:
            address = f"{config.listen_host}:{config.listen_port}"
            if error.errno == errno.EADDRINUSE:
                raise ConfigError(
                    f"Cannot listen on {address}: another program does. Choose another with --listen."
                ) from None
            raise ConfigError(f"Cannot listen on {address}: {error.strerror or error}.") from None
        for each in self._server.sockets:
            with socket.socket(fileno=os.dup(each.fileno())) as same:
                same.listen(LISTEN_BACKLOG)
        _log.info("host.started", database=self.site.database.name, url=self.url)

    @property
    def port(self) -> int:
        """The port, also where the system chose it."""
        assert self._server is not None, "start comes first"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def url(self) -> str:
        """Where clients on this machine reach the host."""
        host = self.site.config.listen_host
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
        name = everywhere.get(host, host)
        return f"http://[{name}]:{self.port}" if ":" in name else f"http://{name}:{self.port}"

    async def stop(self) -> None:
        """Accept nothing more, answer what was asked, make it durable, and close every socket with 1001."""
        site, server = self.site, self._server
        if server is None:
            return
        self._server = None
        server.close()
        site.log.close()
        for door in list(self._http.connections):
            door.shutdown()
        if self._http.tasks:
            await asyncio.wait(list(self._http.tasks), timeout=site.config.drain_timeout_s)
        try:
            await site.database.settled()
        except StorageError as error:
            _log.error("host.not_settled", reason=str(error))
        site.database.stop()
        for each in list(site.sockets):
            each.close(GOING_AWAY, "module exited")
        await site.sockets_gone()
        for door in list(self._http.connections):
            door.transport.abort()
        _log.info("host.stopped", database=site.database.name)


async def serve(
    database: "Database",
    config: "HostConfig",
    tokens: "TokenAuthority",
    *,
    clock: "Clock | None" = None,
    randomness: "Randomness | None" = None,
    log: LogRing | None = None,
    routes: "Sequence[BaseRoute]" = (),
    started: "Callable[[Gateway], None] | None" = None,
) -> None:
    """Serve until SIGTERM or SIGINT comes, then stop gracefully; `started` is called once connections are accepted.

    Raises what Gateway.start raises.
    """
    gateway = Gateway(database, config, tokens, clock=clock, randomness=randomness, log=log, routes=routes)
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    try:
        await gateway.start()
        if started is not None:
            started(gateway)
        await told.wait()
        await gateway.stop()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
