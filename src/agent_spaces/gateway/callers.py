"""Who asks, and whether they may ask here at all: tokens of a request, its Host and its Origin."""

from urllib.parse import urlsplit

from agent_spaces.config import HostConfig, is_loopback
from agent_spaces.errors import SpacesError, TokenError
from agent_spaces.gateway.tokens import Caller, TokenAuthority

MALFORMED = "Authorization is invalid: malformed token"
REQUIRED = "Authorization required"


class RequestRefusedError(SpacesError):
    """A request that is answered with an error: the status and the text of the answer."""

    code = "request_refused"

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers or {}


def _host_name(host: str) -> str:
    """Return the name in a Host header, without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.rpartition(":")[0] if ":" in host else host


def _is_local_origin(origin: str) -> bool:
    try:
        name = urlsplit(origin).hostname
    except ValueError:
        return False
    return name is not None and is_loopback(name)


class Gate:
    """Decides by the settings who is let in."""

    def __init__(self, config: HostConfig, tokens: TokenAuthority) -> None:
        self._config, self._tokens = config, tokens

    def check_source(self, host: str | None, origin: str | None) -> None:
        """Keep web pages of other sites from talking to a host that only this machine can reach.

        Such a page can reach it by any name that it makes point to 127.0.0.1 (so Host must be a local name), or
        directly (so Origin must be absent, local, or one that the settings allow). RequestRefusedError 403 otherwise.
        """
        if not self._config.is_loopback:
            return
        hosts, origins = self._config.allowed_hosts, self._config.allowed_origins
        if host is not None and "*" not in hosts:
            name = _host_name(host)
            if not is_loopback(name) and name not in hosts:
                raise RequestRefusedError(403, f"This host is not served as {name}; allowed_hosts can list it.")
        if origin is None or "*" in origins or origin in origins or _is_local_origin(origin):
            return
        raise RequestRefusedError(403, f"Pages of {origin} may not use this host; allowed_origins can list it.")

    def caller(self, authorization: str | None, query_token: str | None) -> Caller | None:
        """Return who the request's token speaks for, None without one; the header wins over the query.

        RequestRefusedError 400 for a header that is no Bearer token, 401 for a token that is not accepted.
        """
        token = query_token
        if authorization is not None:
            scheme, _, rest = authorization.partition(" ")
            token = rest.strip()
            if scheme.lower() != "bearer" or not token:
                raise RequestRefusedError(400, MALFORMED)
        if token is None:
            return None
        try:
            return self._tokens.verify(token)
        except TokenError as error:
            raise RequestRefusedError(401, str(error)) from None

    def known_caller(self, authorization: str | None, query_token: str | None) -> Caller:
        """Return who the token speaks for; 401 without one."""
        caller = self.caller(authorization, query_token)
        if caller is None:
            raise RequestRefusedError(401, REQUIRED)
        return caller

    def caller_or_new(self, authorization: str | None, query_token: str | None) -> Caller:
        """Return who the token speaks for, or a new identity without one where the settings allow that."""
        return self.caller(authorization, query_token) or self.new_caller()

    def new_caller(self) -> Caller:
        """Return a new identity; 401 where the settings do not allow that."""
        self.check_anonymous()
        return self._tokens.mint()

    def check_anonymous(self) -> None:
        """Raise RequestRefusedError 401 if requests without a token are not answered here."""
        if not self._config.anonymous_allowed:
            raise RequestRefusedError(401, REQUIRED)
