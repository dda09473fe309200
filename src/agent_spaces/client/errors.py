"""What can go wrong between a client and a host."""

from agent_spaces.errors import SpacesError


class ClientError(SpacesError):
    """A client could not do what it was asked to."""

    code = "client"


class HostUnreachableError(ClientError):
    """Nobody answers at the address, or the connection was lost and did not come back in time."""

    code = "unreachable"


class ConnectionRefusedByHostError(ClientError):
    """The host answered and said no: a bad token, an unknown database, a protocol it does not speak."""

    code = "connection_refused"

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"The host refused the connection ({status}): {text}")
        self.status, self.text = status, text


class ConnectionClosedError(ClientError):
    """The connection was closed by its owner; nothing can be asked of it any more."""

    code = "closed"


class ReducerFailedError(ClientError):
    """A reducer said no, and nothing was changed; the text says why."""

    code = "reducer_failed"

    def __init__(self, reducer: str, text: str) -> None:
        super().__init__(text)
        self.reducer, self.text = reducer, text


class HostFailedError(ClientError):
    """The host could not run a call or query, and nothing was changed."""

    code = "host_failed"

    def __init__(self, what: str, text: str) -> None:
        super().__init__(f"{what}: {text}")
        self.what, self.text = what, text


class OutcomeUnknownError(ClientError):
    """The connection was lost while a call was under way: it happened once or not at all.

    A call with a client key never ends so: the client repeats it until it knows.
    """

    code = "outcome_unknown"

    def __init__(self, reducer: str) -> None:
        super().__init__(f"The connection was lost before {reducer} was answered; it happened once or not at all.")
        self.reducer = reducer


class SubscriptionFailedError(ClientError):
    """A subscription was refused, or ended by the host; its rows are gone from the cache."""

    code = "subscription_failed"


class QueryFailedError(ClientError):
    """A query was refused."""

    code = "query_failed"


class UnknownNameError(ClientError):
    """The database has no table or reducer of that name, or a parameter is missing, unknown or of the wrong type."""

    code = "unknown_name"
