"""What all parts of the front share."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent_spaces.gateway.callers import Gate, RequestRefusedError
from agent_spaces.gateway.rate import RateLimits
from agent_spaces.gateway.turnstile import Turnstile
from agent_spaces.gateway.ws_buffer import ReadBuffer
from agent_spaces.gateway.ws_limits import SocketLimits
from agent_spaces.sats.special import ConnectionId

if TYPE_CHECKING:
    from agent_spaces.clock import Clock, Randomness
    from agent_spaces.config import HostConfig
    from agent_spaces.engine.database import Database
    from agent_spaces.gateway.metrics import GatewayMetrics
    from agent_spaces.gateway.module_log import LogRing
    from agent_spaces.gateway.tokens import TokenAuthority
    from agent_spaces.gateway.websocket import WebSocket

_IDENTITY_DIGITS = 64
_HEX = frozenset("0123456789abcdefABCDEF")


@dataclass(slots=True)
class Site:
    """One host: its database, its settings and what they are served with."""

    database: "Database"
    config: "HostConfig"
    tokens: "TokenAuthority"
    clock: "Clock"
    randomness: "Randomness"
    metrics: "GatewayMetrics"
    log: "LogRing"
    sockets: "set[WebSocket]" = field(default_factory=set)
    buffer: ReadBuffer = field(default_factory=ReadBuffer)
    turnstile: Turnstile = field(init=False)
    _all_gone: "asyncio.Event | None" = None
    gate: Gate = field(init=False)
    limits: SocketLimits = field(init=False)
    rates: RateLimits | None = field(init=False)  # None: everybody may call as often as they like

    def __post_init__(self) -> None:
        self.gate = Gate(self.config, self.tokens)
        self.turnstile = Turnstile(self.clock.monotonic)
        self.limits = SocketLimits.of(self.config)
        per_second, burst = self.config.calls_per_second_max, self.config.calls_burst_max
        self.rates = RateLimits(per_second, burst or per_second, self.clock.monotonic) if per_second else None

    def forget(self, socket: "WebSocket") -> None:
        """Note that a socket is gone."""
        self.sockets.discard(socket)
        if not self.sockets and self._all_gone is not None:
            self._all_gone.set()

    async def sockets_gone(self) -> None:
        """Wait until there is no socket; each is cut off by itself close_timeout_s after its Close."""
        self._all_gone = asyncio.Event()
        if self.sockets:
            await self._all_gone.wait()

    def new_connection_id(self) -> ConnectionId:
        """Return a random id that is not the reserved zero."""
        while True:
            made = ConnectionId(self.randomness.token_bytes(16))
            if any(made):
                return made

    def check_database(self, name_or_identity: str) -> None:
        """Raise RequestRefusedError unless this is the database's name or identity; texts as seen."""
        digits = name_or_identity.removeprefix("0x")
        if len(digits) == _IDENTITY_DIGITS and _HEX.issuperset(digits):
            if digits.lower() != self.database.identity.hex():
                raise RequestRefusedError(404, "No such database.")
            return
        parts = name_or_identity.split("-")
        if not all(part.isascii() and part.isalnum() and part == part.lower() for part in parts):
            raise RequestRefusedError(400, "Invalid URL: invalid characters in database name")
        if name_or_identity != self.database.name:
            raise RequestRefusedError(404, f"`{name_or_identity}` not found")
