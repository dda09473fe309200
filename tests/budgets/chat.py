"""Spaces in memory with senders and listeners whose links count what is written to them."""

from struct import pack

from agent_spaces.engine.database import Database
from agent_spaces.engine.memory import CollectingLink, memory_database
from agent_spaces.fabric.module import SPACES
from agent_spaces.fabric.types import ChannelType, MessageType
from agent_spaces.sats import ConnectionId, Identity
from agent_spaces.sats.bsatn import arguments_encoder
from agent_spaces.wire.client_side import encode_client_message
from agent_spaces.wire.messages import Subscribe


def call_message(reducer: str, *args: object, request_id: int = 1) -> bytes:
    """Return a CallReducer."""
    data, name = arguments_encoder(SPACES.reducers[reducer].parameters)(args), reducer.encode()
    return b"\3" + pack("<IBI", request_id, 0, len(name)) + name + pack("<I", len(data)) + data


class CountingLink(CollectingLink):
    """Counts writes and forgets what they were."""

    count = 0

    def send(self, data: bytes) -> None:
        del data
        self.count += 1


class Person:
    """One registered connection."""

    def __init__(self, database: Database, number: int) -> None:
        self.database, self.link = database, CountingLink()
        identity, connection_id = Identity.from_int(number), ConnectionId.from_int(number)
        self.connection = database.connect(self.link, identity, connection_id, "token")
        self.call("register_user", f"user{number}", None, False)

    def call(self, reducer: str, *args: object) -> None:
        self.database.receive(self.connection, call_message(reducer, *args))

    def subscribe(self, query_set_id: int, *queries: str) -> None:
        self.database.receive(self.connection, encode_client_message(Subscribe(1, query_set_id, list(queries))))


class Chat:
    """A server with channels, senders who are members, and as many members who listen."""

    def __init__(self, channels: int = 2, people: int = 4) -> None:
        self.database = memory_database(SPACES)
        self.senders = [Person(self.database, number) for number in range(1, people + 1)]
        self.listeners = [Person(self.database, number) for number in range(101, people + 101)]
        owner = self.senders[0]
        owner.call("create_server", "budget", None, None)
        self.server_id = max(self.database.tables.by_name["server"].rows)
        for number in range(channels):
            owner.call("create_channel", self.server_id, f"channel-{number}", ChannelType.TEXT, None)
        self.channels = sorted(self.database.tables.by_name["channel"].rows)[-channels:]
        for person in (*self.senders[1:], *self.listeners):
            person.call("join_server", self.server_id)

    def channel_of(self, number: int) -> int:
        """Return which channel the n-th sender and listener use."""
        return self.channels[number % len(self.channels)]

    def listen(self) -> None:
        """Let each listener follow its channel."""
        for number, person in enumerate(self.listeners):
            person.subscribe(1, f"SELECT * FROM message WHERE channel_id = {self.channel_of(number)}")

    def message(self, number: int, key: str | None = None) -> bytes:
        """Return the n-th sender's send_message: 80 letters."""
        return call_message("send_message", self.channel_of(number), "x" * 80, MessageType.TEXT, None, None, key, None)

    def send(self, count: int, *, keyed: bool = False, first: int = 0) -> None:
        """Let the senders take turns."""
        for number in range(first, first + count):
            sender = number % len(self.senders)
            message = self.message(sender, f"key-{number}" if keyed else None)
            self.database.receive(self.senders[sender].connection, message)
