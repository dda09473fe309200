"""The Python client for any SpacetimeDB 2.x database."""

from agent_spaces.client.address import Address
from agent_spaces.client.cache import Cache, TableCache
from agent_spaces.client.callbacks import (
    Event,
    EventContext,
    ReconnectedEvent,
    ReducerEvent,
    SubscribeAppliedEvent,
    TransactionEvent,
    UnsubscribeAppliedEvent,
)
from agent_spaces.client.calls import CallResult
from agent_spaces.client.connecting import Connecting, connect
from agent_spaces.client.connection import ClientOptions, DbConnection
from agent_spaces.client.errors import (
    ClientError,
    ConnectionClosedError,
    ConnectionRefusedByHostError,
    HostFailedError,
    HostUnreachableError,
    OutcomeUnknownError,
    QueryFailedError,
    ReducerFailedError,
    SubscriptionFailedError,
    UnknownNameError,
)
from agent_spaces.client.schema import ClientSchema
from agent_spaces.client.subscription import Subscription
from agent_spaces.client.sync import SyncDbConnection, SyncSubscription, connect_sync
from agent_spaces.logins import Credentials, Login, LoginError

__all__ = [
    "Address",
    "Cache",
    "CallResult",
    "ClientError",
    "ClientOptions",
    "ClientSchema",
    "Connecting",
    "ConnectionClosedError",
    "ConnectionRefusedByHostError",
    "Credentials",
    "DbConnection",
    "Event",
    "EventContext",
    "HostFailedError",
    "HostUnreachableError",
    "Login",
    "LoginError",
    "OutcomeUnknownError",
    "QueryFailedError",
    "ReconnectedEvent",
    "ReducerEvent",
    "ReducerFailedError",
    "SubscribeAppliedEvent",
    "Subscription",
    "SubscriptionFailedError",
    "SyncDbConnection",
    "SyncSubscription",
    "TableCache",
    "TransactionEvent",
    "UnknownNameError",
    "UnsubscribeAppliedEvent",
    "connect",
    "connect_sync",
]
