"""Who did what to whom in a server; entries are never changed (contract section 4.7)."""

from agent_spaces.fabric.tables import AuditEntry, Message
from agent_spaces.module import ReducerContext
from agent_spaces.sats import Identity


def note(
    ctx: ReducerContext,
    server_id: int,
    action: str,
    *,
    channel_id: int = 0,
    subject: Identity | None = None,
    object_id: int = 0,
    seq: int = 0,
    reason: str | None = None,
) -> None:
    """Add one entry about what the caller does."""
    ctx.db[AuditEntry].insert(
        AuditEntry(0, server_id, channel_id, ctx.sender, action, subject, object_id, seq, reason, ctx.timestamp)
    )


def note_message(ctx: ReducerContext, action: str, message: Message) -> None:
    """Add the entry of a `message.` action: it names the message's sender, id and seq."""
    note(
        ctx,
        message.server_id,
        action,
        channel_id=message.channel_id,
        subject=message.sender,
        object_id=message.id,
        seq=message.seq,
    )
