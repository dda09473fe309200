"""Which direct messages are acknowledged: the host only knows up to where a conversation was read."""

from agent_spaces.agents.session import Session
from agent_spaces.fabric import tables
from agent_spaces.fabric.reducers.direct import mark_dm_read
from agent_spaces.fabric.rules import DIRECT_ROWS_READ_MAX


class DirectReads:
    """Acknowledges direct messages one by one, also those that are done before an earlier one is.

    The host hears of a message once all before it in its conversation are acknowledged: what waits for its next try, or
    for the next start, must come again, and those behind it come with it then, under their same keys.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._behind: dict[int, set[int]] = {}  # conversation -> seqs acknowledged behind one that is not

    def waits(self, row: tables.DirectMessage) -> bool:
        """Tell whether a message to this agent is not acknowledged."""
        if row.recipient != self._session.me or row.read:
            return False
        return row.seq not in self._behind.get(row.conversation_id, ())

    async def acknowledge(self, conversation_id: int, seq: int) -> None:
        """Take note that a message needs no more handling, and tell the host how far all before are done."""
        behind = self._behind.setdefault(conversation_id, set())
        behind.add(seq)
        cached = self._session.connection.cache[tables.DirectMessage]
        waiting = [row.seq for row in cached.where(conversation_id=conversation_id) if self.waits(row)]
        bound = min(waiting, default=max(behind) + 1)
        reached = {each for each in behind if each < bound}
        if not reached:
            return
        last = max(reached)
        for _ in range(last // DIRECT_ROWS_READ_MAX + 1):
            await self._session.settle(mark_dm_read, conversation_id, last)
            if not any(row.seq == last and not row.read for row in cached.where(conversation_id=conversation_id)):
                break
        behind -= reached
