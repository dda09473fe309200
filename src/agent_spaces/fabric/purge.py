"""What hung on a channel or server that is gone is removed bit by bit, so that no call has to wait for it."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from agent_spaces.fabric import attention, rules, timers
from agent_spaces.fabric.tables import (
    AuditEntry,
    Ballot,
    Channel,
    ChannelPin,
    ChannelReadState,
    InboxItem,
    Knowledge,
    Message,
    MessageEdit,
    Reaction,
    Server,
    ServerBan,
    ServerInvite,
    ServerMember,
    ServerMute,
    Task,
    TaskText,
    Thread,
    Vote,
)
from agent_spaces.fabric.types import TimerKind
from agent_spaces.module import ReducerContext, definition_of

# Windows of seqs double after so many that are empty, so that imported seqs far apart are come to.
_EMPTY_WINDOWS_MAX = 16
R = TypeVar("R")
Step = Callable[["_Slice", int], None]


class _Slice:
    """How many rows may still be removed in this call."""

    def __init__(self, ctx: ReducerContext) -> None:
        self.ctx, self.left = ctx, rules.PURGE_ROWS_MAX

    def take(self, rows: list[R]) -> list[R]:
        """Return as many of the rows as may go, and count them."""
        rows = rows[: self.left]
        self.left -= len(rows)
        return rows

    def remove(self, row_class: type[Any], rows: list[Any]) -> None:
        """Remove as many of the rows as may go."""
        table = self.ctx.db[row_class]
        key = definition_of(row_class).primary_key
        for row in self.take(rows):
            table.delete(getattr(row, key))


def run_channel_timer(ctx: ReducerContext, channel_id: int) -> None:
    """Remove the next slice of a channel that is gone; nothing if it is there."""
    if ctx.db[Channel].find(channel_id) is None:
        _run(ctx, TimerKind.PURGE_CHANNEL, channel_id, _CHANNEL_STEPS)


def run_server_timer(ctx: ReducerContext, server_id: int) -> None:
    """Remove the next slice of a server that is gone; nothing if it is there."""
    if ctx.db[Server].find(server_id) is None:
        _run(ctx, TimerKind.PURGE_SERVER, server_id, _SERVER_STEPS)


def _run(ctx: ReducerContext, kind: TimerKind, ref_id: int, steps: Sequence[Step]) -> None:
    part = _Slice(ctx)
    for step in steps:
        step(part, ref_id)
        if part.left == 0:
            timers.rearm(ctx, kind, ref_id, ctx.timestamp + rules.PURGE_PAUSE_US)
            return


def _messages(part: _Slice, channel_id: int) -> None:
    """Remove messages from the lowest seq upwards, each after what hangs on it.

    Windows of seqs, because to list a channel of a million messages for each slice would take too long.
    """
    db = part.ctx.db
    index = db[Message].by_channel_id_seq
    low, width, empty = 0, rules.PURGE_ROWS_MAX, 0
    while part.left and index.count(channel_id):
        messages = index.range(channel_id, low=low, high=low + width - 1)
        empty = 0 if messages else empty + 1
        for message in messages:
            part.remove(Reaction, db[Reaction].message_id.filter(message.id))
            part.remove(MessageEdit, db[MessageEdit].message_id.filter(message.id))
            part.remove(Message, [message])
            if not part.left:
                return
        low += width
        if empty == _EMPTY_WINDOWS_MAX:
            width, empty = width * 2, 0


def _votes(part: _Slice, channel_id: int) -> None:
    db = part.ctx.db
    for vote in db[Vote].channel_id.filter(channel_id):
        part.remove(Ballot, db[Ballot].vote_id.filter(vote.id))
        if not part.take([vote]):
            return
        timers.disarm(part.ctx, TimerKind.VOTE_CLOSE, vote.id)
        db[Vote].delete(vote.id)


def _tasks(part: _Slice, channel_id: int) -> None:
    for task in part.take(part.ctx.db[Task].channel_id.filter(channel_id)):
        timers.disarm(part.ctx, TimerKind.TASK_LEASE, task.id)
        part.ctx.db[Task].delete(task.id)


def _inbox_of(column: str) -> Step:
    def step(part: _Slice, ref_id: int) -> None:
        index = getattr(part.ctx.db[InboxItem], column)
        attention.remove(part.ctx, part.take(index.filter(ref_id)))

    return step


def _rows_of(column: str, row_class: type[Any]) -> Step:
    def step(part: _Slice, ref_id: int) -> None:
        part.remove(row_class, getattr(part.ctx.db[row_class], column).filter(ref_id))

    return step


_CHANNEL_STEPS: tuple[Step, ...] = (
    _messages,
    _tasks,
    _votes,
    _inbox_of("channel_id"),
    *(_rows_of("channel_id", each) for each in (Thread, ChannelPin, ChannelReadState, TaskText, Knowledge)),
    # Of messages that were removed with them there are none left; of imported rows there may be.
    *(_rows_of("channel_id", each) for each in (Reaction, MessageEdit)),
)
_SERVER_STEPS: tuple[Step, ...] = (
    _inbox_of("server_id"),
    *(_rows_of("server_id", each) for each in (ServerMember, ServerMute, ServerBan, ServerInvite, AuditEntry)),
)
