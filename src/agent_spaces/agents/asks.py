"""Questions that wait for their answers."""

# ruff: noqa: ASYNC109 - how long people and agents are waited for is said at the call

import asyncio
from dataclasses import dataclass, field

from agent_spaces.agents.errors import NoAnswerError
from agent_spaces.agents.messages import DirectMessage, Message, direct_message_of, message_of
from agent_spaces.agents.reads import DirectReads
from agent_spaces.agents.session import Sent, Session
from agent_spaces.fabric import queries, tables
from agent_spaces.fabric.reducers.users import ack
from agent_spaces.fabric.tables import InboxItem
from agent_spaces.sats import Identity

Row = tables.Message | tables.DirectMessage


@dataclass(eq=False, slots=True)
class _Question:
    id: int
    seq: int
    conversation_id: int | None  # of a direct question; else it was asked in a channel
    of: Identity | None  # whose answer counts; None: anybody's
    answer: "asyncio.Future[Row]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def takes(self, row: Row) -> bool:
        """Tell whether a message answers this."""
        if self.of is not None and row.sender != self.of:
            return False
        if isinstance(row, tables.DirectMessage):
            unbound = row.reply_to_id is None and row.seq > self.seq
            return row.conversation_id == self.conversation_id and (row.reply_to_id == self.id or unbound)
        return self.conversation_id is None and row.reply_to_id == self.id


class Asks:
    """Hands answers to who awaits them, instead of to handlers."""

    def __init__(self, session: Session, reads: DirectReads) -> None:
        self._session, self._reads = session, reads
        self._open: list[_Question] = []

    def __bool__(self) -> bool:
        return bool(self._open)

    def end(self, error: Exception) -> None:
        """Let all who wait hear that the connection is gone for good."""
        for question in self._open:
            if not question.answer.done():
                question.answer.set_exception(error)

    def resolve(self, row: Row) -> bool:
        """Give a message to the question that it answers; False if there is none."""
        for question in self._open:
            if not question.answer.done() and question.takes(row):
                question.answer.set_result(row)
                return True
        return False

    async def in_channel(self, sent: Sent, of: Identity | None, timeout: float | None) -> Message:
        """Wait for the reply to a message in a channel; NoAnswerError after `timeout` seconds."""
        asked = await self._session.message_row(sent.id)
        if asked is None:
            raise NoAnswerError(f"Question {sent.id} was deleted.")
        question = _Question(sent.id, asked.seq, None, of)
        row = await self._wait(question, queries.messages_in(asked.channel_id, after_seq=asked.seq), timeout)
        assert isinstance(row, tables.Message), "a channel's question takes a channel's message"
        items = await self._session.rows(f"SELECT * FROM inbox_item WHERE message_id = {row.id}")
        if items:
            await self._session.settle(ack, [item.id for item in items if isinstance(item, InboxItem)])
        return await message_of(self._session, row)

    async def direct(self, sent: Sent, of: Identity, timeout: float | None) -> DirectMessage:
        """Wait for the other's reply in a conversation of two, or else their next message.

        NoAnswerError after `timeout` seconds.
        """
        asked = await self._session.direct_row(sent.id)
        if asked is None:
            raise NoAnswerError(f"Question {sent.id} was deleted.")
        question = _Question(sent.id, asked.seq, asked.conversation_id, of)
        place = f"conversation_id = {asked.conversation_id} AND seq > {asked.seq}"
        row = await self._wait(question, f"SELECT * FROM direct_message WHERE {place}", timeout)
        assert isinstance(row, tables.DirectMessage), "a conversation's question takes a direct message"
        await self._reads.acknowledge(row.conversation_id, row.seq)
        return await direct_message_of(self._session, row)

    async def _wait(self, question: _Question, earlier: str, timeout: float | None) -> Row:
        self._open.append(question)
        try:
            for row in sorted(await self._session.rows(earlier), key=lambda row: row.seq):
                if not question.answer.done() and question.takes(row):
                    question.answer.set_result(row)
            async with asyncio.timeout(timeout):
                return await question.answer
        except TimeoutError:
            raise NoAnswerError(
                f"Nobody answered question {question.id} within {timeout} s; it stands, and can be awaited again."
            ) from None
        finally:
            self._open.remove(question)
