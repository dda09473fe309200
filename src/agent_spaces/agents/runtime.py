"""An agent while it is connected: what listens, what works, and how it all starts and ends."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from agent_spaces.agents.asks import Asks
from agent_spaces.agents.digest import Digest
from agent_spaces.agents.dispatch import Failure, Lane
from agent_spaces.agents.feed import ChannelFeed
from agent_spaces.agents.handlers import Handler
from agent_spaces.agents.inbox import Inbox, Item
from agent_spaces.agents.keys import running
from agent_spaces.agents.knowledge import KnowledgeBase
from agent_spaces.agents.messages import Message, Reply
from agent_spaces.agents.reads import DirectReads
from agent_spaces.agents.session import Session
from agent_spaces.agents.tasks import Finished, Tasks
from agent_spaces.agents.votes import Votes
from agent_spaces.agents.watching import RowWatch
from agent_spaces.agents.work import Progress, Task
from agent_spaces.agents.workers import Claimer, TaskBoard, TaskWorker
from agent_spaces.client import ConnectionClosedError
from agent_spaces.fabric import tables
from agent_spaces.fabric.reducers.users import ack
from agent_spaces.logs import get_logger

if TYPE_CHECKING:
    from agent_spaces.agents.agent import Agent


class Stoppable(Protocol):
    """What hands items out until it is stopped."""

    async def stop(self, drain_seconds: float) -> None:
        """Hand out nothing more."""
        ...


MESSAGE_ITEMS = ("mention", "reply")
THREADS_MAX = 4096  # of handlers that are ordinary functions, also of canceled ones that still run
_log = get_logger("agents")


class Runtime:
    """The moving parts of one agent, over one session."""

    def __init__(self, agent: "Agent", session: Session, twin: Callable[[Any], Any]) -> None:
        self._agent, self.session, self._twin = agent, session, twin
        self.watch, self.finished = RowWatch(session.connection), Finished()
        self.tasks = Tasks(session, self.watch, self.finished)
        self.votes = Votes(session, self.watch)
        self.knowledge = KnowledgeBase(session)
        self.digest = Digest(session, self.votes)
        reads = DirectReads(session)
        self.asks = Asks(session, reads)
        skills = [handler.skill for handler in self._of_kind("task")]
        unserved = [skill for skill in agent.card.skills if skill not in skills]
        self.inbox = Inbox(session, self.votes, self.asks, self.finished, reads, skills, unserved, self._take)
        self.board = TaskBoard(session, skills)
        self.claimer = Claimer(self.board, self.tasks)
        self._lanes: dict[str, Lane[Item]] = {
            name: Lane(
                f"{agent.name}/{name}",
                max((h.concurrency for h in self._of_kind(*kinds)), default=1),
                self._handle,
                self.report,
                retry_seconds=agent.retry_seconds,
            )
            for name, kinds in (
                ("direct_message", ("direct_message",)),
                ("vote", ("vote",)),
                ("item", ("message", "inbox")),
            )
        }
        self._workers = [self._worker(handler) for handler in self._of_kind("task")]
        # Not the loop's own few threads: `concurrency` holds, and what blocks there holds up nobody else.
        self._threads = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix=f"handler-{agent.name}")
        self.ended = asyncio.Event()  # once the connection is gone for good
        self._channels: dict[Handler, int] = {}
        self._feeds: dict[int, ChannelFeed] = {}

    def _of_kind(self, *kinds: str) -> Sequence[Handler]:
        return [handler for handler in self._agent.handlers if handler.kind in kinds]

    async def start(self) -> None:
        """Catch up with what came, and listen from then on. UnknownPlaceError if a handler's channel is gone."""
        for handler in self._agent.handlers:
            if handler.channel is not None:
                self._channels[handler] = (await self.session.channel(handler.channel)).id
        self.inbox.start()
        for lane in self._lanes.values():
            lane.start()
        await self._start_feeds()
        subscription = await self.session.connection.subscribe(*self.inbox.queries(), *self.board.queries())
        subscription.ended.add_done_callback(lambda _ended: self._closed())
        for worker in self._workers:
            worker.start()

    def _closed(self) -> None:
        self.asks.end(self.failure)
        self.inbox.end()
        self.ended.set()

    @property
    def failure(self) -> Exception:
        """Why the connection will never come back."""
        return self.session.connection.failure or ConnectionClosedError("The connection was closed.")

    async def stop(self, drain_seconds: float) -> None:
        """Take nothing more; what runs may end within drain_seconds, then it is canceled and its tasks released."""
        await self.inbox.stop()
        stopping: list[Stoppable] = [*self._workers, *self._feeds.values(), *self._lanes.values()]
        await asyncio.gather(*(part.stop(drain_seconds) for part in stopping))
        self._threads.shutdown(wait=False)

    def report(self, failure: Failure) -> None:
        """Tell the program that a handler raised."""
        for callback in self._agent.error_callbacks:
            try:
                callback(failure)
            except Exception:  # noqa: BLE001 - a callback's fault is nobody else's
                _log.exception("callback.failed", handler=failure.handler)

    async def _start_feeds(self) -> None:
        listening = [h for h in self._of_kind("message", "event") if not h.mentions]
        for channel_id in sorted({self._channels[handler] for handler in listening}):
            handlers = [handler for handler in listening if self._channels[handler] == channel_id]
            feed = ChannelFeed(
                self.session,
                await self.session.channel(channel_id),
                max(handler.concurrency for handler in handlers),
                self._hearing(handlers),
                self.report,
                self._agent.retry_seconds,
            )
            self._feeds[channel_id] = feed
            await feed.start()

    def _hearing(self, handlers: Sequence[Handler]) -> Callable[[Message], Any]:
        async def hear(message: Message) -> None:
            matching = [h for h in handlers if _hears(h, message)]
            offers = {"message": message, "event": message.event, "reply": Reply(message), "agent": self._agent}
            await self._run_all(matching, f"message/{message.id}", offers)
            items = self.session.connection.cache[tables.InboxItem].where(message_id=message.id)
            calls = [item.id for item in items if item.kind.name.lower() in MESSAGE_ITEMS]
            if calls and not self._callers_of(message.channel_id):
                await self.session.settle(ack, calls)

        return hear

    def _callers_of(self, channel_id: int) -> Sequence[Handler]:
        return [h for h in self._of_kind("message") if h.mentions and self._channels.get(h, channel_id) == channel_id]

    def _handlers_for(self, item: Item) -> Sequence[Handler]:
        found: Sequence[Handler] = ()
        if item.kind in MESSAGE_ITEMS:
            found = self._callers_of(item.channel_id)
        elif item.kind == "direct_message":
            found = self._of_kind("direct_message")
        elif item.kind == "vote":
            votes = self._of_kind("vote")
            found = [h for h in votes if self._channels.get(h, item.channel_id) == item.channel_id]
        return found or [h for h in self._of_kind("inbox") if item.kind in h.kinds]

    def _take(self, item: Item) -> bool:
        handlers = self._handlers_for(item)
        if handlers:
            self._lanes[item.kind if item.kind in self._lanes else "item"].put(item.id, item)
            return True
        feed = self._feeds.get(item.channel_id) if item.kind in MESSAGE_ITEMS else None
        return feed is not None and feed.covers(item.seq)

    async def _handle(self, item: Item) -> None:
        if not self.inbox.is_there(item):
            return
        offers: dict[str, Any] = {"item": item, "vote": item.vote, "message": item.message, "agent": self._agent}
        if item.message is not None:
            offers["reply"] = Reply(item.message)
        handlers = self._handlers_for(item)
        results = await self._run_all(handlers, item.id, offers)
        if item.vote is None or all(handler.kind == "inbox" for handler in handlers):
            await item.ack()
            return
        for choice in results:
            if choice is not None:
                await item.vote.cast(choice)

    async def _run_all(self, handlers: Sequence[Handler], prefix: str, offers: dict[str, Any]) -> list[Any]:
        """Run the handlers one after the other; the first has the item's keys, each other its name behind them."""
        results = []
        for number, handler in enumerate(handlers):
            with running(prefix if number == 0 else f"{prefix}/{handler.name}"):
                results.append(await handler.run(offers, self._twin, self._threads))
        return results

    def _worker(self, handler: Handler) -> TaskWorker:
        async def work(task: Task) -> Any:
            offers = {"task": task, "progress": Progress(task), "data": task.data, "agent": self._agent}
            return await handler.run(offers, self._twin, self._threads)

        return TaskWorker(
            handler.name,
            handler.skill,
            handler.lease,
            handler.concurrency,
            self.board,
            self.claimer,
            work,
            self.report,
            self.inbox.drop,
        )


def _hears(handler: Handler, message: Message) -> bool:
    if handler.kind == "message":
        return message.is_text
    return message.event is not None and message.event.get("event") == handler.event
