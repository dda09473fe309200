"""One WebSocket connection to a host: payloads in, payloads out, and the errors that connecting can end with."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from agent_spaces.client.address import Address
from agent_spaces.client.errors import ConnectionRefusedByHostError, HostUnreachableError

V2, V3 = Subprotocol("v2.bsatn.spacetimedb"), Subprotocol("v3.bsatn.spacetimedb")
BATCH_BYTES_MAX = 256 * 1024


class _NoRedirects(connect_websocket):
    """Follows no redirect: the token is for the host that was named, and for no other."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Socket:
    """An open connection; `receive` ends when it is lost, `send` then does nothing."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket
        self._batches = websocket.subprotocol == V3

    async def send(self, messages: Sequence[bytes]) -> None:
        """Send messages in order; on v3 several travel in one payload."""
        with suppress(ConnectionClosed):
            for payload in self._payloads(messages):
                await self._websocket.send(payload)

    def _payloads(self, messages: Sequence[bytes]) -> list[bytes]:
        if not self._batches:
            return list(messages)
        payloads: list[bytes] = []
        batch: list[bytes] = []
        size = 0
        for message in messages:
            if batch and size + len(message) > BATCH_BYTES_MAX:
                payloads.append(b"".join(batch))
                batch, size = [], 0
            batch.append(message)
            size += len(message)
        return [*payloads, b"".join(batch)] if batch else payloads

    async def receive(self) -> AsyncIterator[bytes]:
        """Yield payloads until the connection is lost or closed."""
        with suppress(ConnectionClosed):
            while True:
                data = await self._websocket.recv()
                if isinstance(data, bytes):
                    yield data

    async def close(self) -> None:
        """Close it; never raises."""
        with suppress(ConnectionClosed, OSError, TimeoutError):
            await self._websocket.close()

    @property
    def close_text(self) -> str:
        """How the connection ended, for people."""
        code, reason = self._websocket.close_code, self._websocket.close_reason
        return f"{code} {reason}".strip() if code is not None else "lost"


async def open_socket(
    address: Address, token: str | None, *, open_seconds: float, ping_seconds: float, connection_id: str | None = None
) -> Socket:
    """Connect, offering v3 and v2.

    HostUnreachableError if nobody answers, ConnectionRefusedByHostError if the host says no.
    """
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = address.websocket if connection_id is None else f"{address.websocket}&connection_id={connection_id}"
    try:
        websocket = await _NoRedirects(
            url,
            subprotocols=[V3, V2],
            additional_headers=headers,
            compression=None,
            max_size=None,
            open_timeout=open_seconds,
            ping_interval=ping_seconds,
            ping_timeout=ping_seconds,
            close_timeout=1,
            proxy=None,
        )
    except InvalidStatus as refusal:
        response = refusal.response
        text = response.body.decode(errors="replace") if response.body else response.reason_phrase
        raise ConnectionRefusedByHostError(response.status_code, text) from refusal
    except (OSError, InvalidHandshake, TimeoutError, EOFError) as error:
        raise HostUnreachableError(
            f"Nobody answers at {address.base} ({error or type(error).__name__}). `spaces serve` starts a host there."
        ) from error
    if websocket.subprotocol not in (V2, V3):
        await websocket.close()
        raise ConnectionRefusedByHostError(101, "the host speaks neither v2.bsatn.spacetimedb nor v3")
    return Socket(websocket)
