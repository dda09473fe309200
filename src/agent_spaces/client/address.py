"""Where a database is: the host's base address and the database's name or identity."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from agent_spaces.client.errors import ClientError

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


@dataclass(frozen=True, slots=True)
class Address:
    """A host's base address (`http://127.0.0.1:3000`, a bare `localhost:3000` means http) and a database on it."""

    host: str
    database: str

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.base)
            valid = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
        except ValueError:
            valid = False
        if not valid:
            raise ClientError(f"{self.host!r} is no address of a host; write http://HOST:PORT.")
        if not self.database:
            raise ClientError("A database's name cannot be empty.")

    @property
    def base(self) -> str:
        """The address without a slash at the end."""
        return (self.host if "://" in self.host else f"http://{self.host}").rstrip("/")

    def http(self, path: str) -> str:
        """Return an HTTP address below /v1."""
        scheme, rest = self.base.split("://", 1)
        return f"{ {'ws': 'http', 'wss': 'https'}.get(scheme, scheme) }://{rest}/v1/{path}"

    def of_database(self, path: str = "") -> str:
        """Return an HTTP address below this database's."""
        return self.http(f"database/{quote(self.database, safe='')}{'/' + path if path else ''}")

    @property
    def websocket(self) -> str:
        """The address of the WebSocket, which asks for no compression: rows are small and the host is near."""
        scheme, rest = self.base.split("://", 1)
        name = quote(self.database, safe="")
        return f"{_SCHEMES[scheme]}://{rest}/v1/database/{name}/subscribe?compression=None"
