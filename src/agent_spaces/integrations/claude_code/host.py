"""The few requests that a hook makes of a host, by HTTP, within its time."""

import http.client
import json
import time
from typing import Any
from urllib.parse import quote, urlsplit

from agent_spaces.errors import SpacesError
from agent_spaces.integrations.claude_code.caller import Caller

CONNECT_SECONDS_MAX = 1.0
ANSWER_BYTES_MAX = 8 * 2**20
_KINDS = {
    "http": http.client.HTTPConnection,
    "ws": http.client.HTTPConnection,
    "https": http.client.HTTPSConnection,
    "wss": http.client.HTTPSConnection,
}


class HostError(SpacesError):
    """The host cannot be reached, refuses, or answers what makes no sense; nothing was changed."""

    code = "hook_host"


class LostAnswerError(HostError):
    """A request was sent and not answered: it happened or not."""

    code = "hook_lost_answer"


class Host:
    """One connection, kept for all requests; `identity` is the caller's as hex, known after the first answer."""

    def __init__(self, caller: Caller, until: float) -> None:
        """Give up when time.monotonic() reaches `until`."""
        base = caller.location.host if "://" in caller.location.host else f"http://{caller.location.host}"
        try:
            parts = urlsplit(base)
            kind, port = _KINDS[parts.scheme], parts.port
        except (ValueError, KeyError):
            raise HostError(f"{base} is no address of a host; write http://HOST:PORT.") from None
        self._connection = kind(parts.hostname or "", port, timeout=CONNECT_SECONDS_MAX)
        self._path = f"{parts.path.rstrip('/')}/v1/database/{quote(caller.location.database, safe='')}"
        self._headers = {"Authorization": f"Bearer {caller.token}", "Content-Type": "application/json"}
        self._until, self._place = until, base
        self.identity = ""

    def seconds_left(self) -> float:
        """Return how long requests may still take."""
        return self._until - time.monotonic()

    def connect(self) -> None:
        """Connect, if there is no connection; HostError says why not."""
        if self._connection.sock is not None:
            return
        self._connection.timeout = max(0.01, min(CONNECT_SECONDS_MAX, self.seconds_left()))
        try:
            self._connection.connect()
        except OSError as error:
            self._connection.close()
            raise HostError(f"Nobody answers at {self._place} ({error}).") from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Return the rows of a query, by column; identities are hex text, times are microseconds, enums are names."""
        answer = self._request("sql", query.encode())
        try:
            [result] = json.loads(answer)
            columns = [(e["name"]["some"], e["algebraic_type"]) for e in result["schema"]["elements"]]
            return [
                {name: _plain(kind, value) for (name, kind), value in zip(columns, row, strict=True)}
                for row in result["rows"]
            ]
        except (ValueError, KeyError, TypeError, LookupError, RecursionError) as error:
            raise HostError(f"{self._place} answers what is no table of rows.") from error

    def call(self, reducer: str, arguments: list[Any]) -> None:
        """Call a reducer; HostError with its text if it says no."""
        self._request(f"call/{reducer}", json.dumps(arguments).encode())

    def _request(self, path: str, body: bytes) -> bytes:
        self.connect()
        left = self.seconds_left()
        if left <= 0:
            raise HostError("There is no time left.")
        self._connection.sock.settimeout(left)
        try:
            self._connection.request("POST", f"{self._path}/{path}", body, self._headers)
            answer = self._connection.getresponse()
            text: bytes = answer.read(ANSWER_BYTES_MAX + 1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            raise LostAnswerError(f"{self._place} gives no proper answer ({error or type(error).__name__}).") from error
        if len(text) > ANSWER_BYTES_MAX:
            self._connection.close()
            raise LostAnswerError(f"{self._place} answers more than {ANSWER_BYTES_MAX} bytes.")
        if answer.status != 200:
            raise HostError(text[:500].decode(errors="replace").strip() or f"The host answers {answer.status}.")
        self.identity = answer.getheader("spacetime-identity", self.identity)
        return text


def _plain(kind: dict[str, Any], value: Any) -> Any:
    if "Product" in kind:
        [element] = kind["Product"]["elements"]
        inner = _plain(element["algebraic_type"], value[0])
        is_identity = element["name"]["some"] == "__identity__"
        return str(inner).removeprefix("0x").rjust(64, "0") if is_identity else inner
    if "Sum" in kind:
        variants = kind["Sum"]["variants"]
        variant = variants[value[0]]
        if [v["name"]["some"] for v in variants] == ["some", "none"]:
            return None if value[0] else _plain(variant["algebraic_type"], value[1])
        return variant["name"]["some"]
    return value
