"""What is said in a channel, from where this agent's handlers got to: the cursor is the channel's read state."""

from collections.abc import Awaitable, Callable

from agent_spaces.agents.dispatch import Lane, Report
from agent_spaces.agents.messages import Message, message_of
from agent_spaces.agents.session import Session
from agent_spaces.client import ClientError, EventContext
from agent_spaces.client.subscription import Subscription
from agent_spaces.fabric import queries, tables
from agent_spaces.fabric.reducers.channels import mark_channel_read
from agent_spaces.fabric.tables import Channel
from agent_spaces.logs import get_logger

ROLL_MESSAGES = 512  # handled messages that the cache may hold before the subscription begins anew
_log = get_logger("agents")


class ChannelFeed:
    """Gives each message of others to `handle`, and moves the cursor behind those that were handled.

    The first time it begins at the channel's end: what was said before an agent's first start is not handled.
    """

    def __init__(
        self,
        session: Session,
        channel: Channel,
        concurrency: int,
        handle: Callable[[Message], Awaitable[None]],
        report: Report,
        retry_seconds: tuple[float, ...],
    ) -> None:
        self._session, self._channel, self._handle = session, channel, handle
        self._lane: Lane[tables.Message] = Lane(
            f"#{channel.name}", concurrency, self._run, report, retry_seconds=retry_seconds, given_up=self._done
        )
        self._pending: set[int] = set()
        self._handled: dict[int, int] = {}  # seq -> message id, of those behind the cursor's next step
        self._cursor = 0
        self._seen = 0
        self._rolled = self._first = 0
        self._subscription: Subscription | None = None

    async def start(self) -> None:
        """Find the cursor and begin to listen."""
        channel_id = self._channel.id
        states = await self._session.rows(f"SELECT * FROM channel_read_state WHERE channel_id = {channel_id}")
        if not states:
            await self._session.settle(mark_channel_read, channel_id, 0)
            states = await self._session.rows(f"SELECT * FROM channel_read_state WHERE channel_id = {channel_id}")
        self._cursor = self._seen = self._rolled = self._first = states[0].last_read_seq if states else 0
        self._session.connection.cache[tables.Message].on_insert(self._came)
        self._lane.start()
        await self._listen()

    def covers(self, seq: int) -> bool:
        """Tell whether a message of the channel came, or will come, through this feed."""
        return seq > self._first

    async def stop(self, drain_seconds: float) -> None:
        """Hand out nothing more; see Lane.stop."""
        await self._lane.stop(drain_seconds)

    async def _listen(self) -> None:
        old, self._rolled = self._subscription, self._cursor
        query = queries.messages_in(self._channel.id, after_seq=self._cursor)
        self._subscription = await self._session.connection.subscribe(query)
        if old is not None:
            await old.unsubscribe()

    def _came(self, ctx: EventContext, row: tables.Message) -> None:
        del ctx
        if row.channel_id != self._channel.id or row.seq <= self._cursor:
            return
        self._seen = max(self._seen, row.seq)
        if row.sender != self._session.me and row.seq not in self._handled:
            self._pending.add(row.seq)
            self._lane.put(row.seq, row)

    async def _run(self, row: tables.Message) -> None:
        await self._handle(await message_of(self._session, row))
        await self._done(row)

    async def _done(self, row: tables.Message) -> None:
        """Take note that a message needs no more handling, and move the cursor as far as all before are done."""
        self._pending.discard(row.seq)
        self._handled[row.seq] = row.id
        bound = min(self._pending, default=self._seen + 1)
        reached = [seq for seq in self._handled if seq < bound]
        if not reached:
            return
        self._cursor = max(reached)
        message_id = self._handled[self._cursor]
        for seq in reached:
            del self._handled[seq]
        try:
            await self._session.settle(mark_channel_read, self._channel.id, message_id)
        except ClientError as refusal:  # the message or the channel is gone: the next one moves the cursor
            _log.info("cursor.not_moved", channel=self._channel.id, reason=str(refusal))
        if self._cursor - self._rolled >= ROLL_MESSAGES:
            await self._listen()
