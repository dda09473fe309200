"""What is said, in channels and between two."""

from typing import Annotated

from agent_spaces.fabric.types import MessageType
from agent_spaces.fabric.visibility import MEMBERS
from agent_spaces.module import AutoInc, Index, Own, PrimaryKey, table
from agent_spaces.sats import Identity, Timestamp, u32, u64


@table("message", public=True, indexes=[Index("channel_id", "seq", form="ordered")], visible_to=MEMBERS)
class Message:
    """One message in a channel, or in a thread of that channel."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    channel_id: Annotated[u64, Index()]
    thread_id: u64 | None
    sender: Identity
    content: str
    message_type: MessageType
    created_at: Timestamp
    edited_at: Timestamp | None
    reply_to_id: u64 | None
    server_id: Annotated[u64, Index()]
    seq: u64
    meta: str | None


@table("message_edit", public=True, visible_to=MEMBERS)
class MessageEdit:
    """What a message said before an edit."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    message_id: Annotated[u64, Index()]
    channel_id: Annotated[u64, Index()]
    server_id: Annotated[u64, Index()]
    content: str
    edited_at: Timestamp


@table(
    "reaction", public=True, indexes=[Index("message_id", "identity"), Index("message_id", "emoji")], visible_to=MEMBERS
)
class Reaction:
    """One identity's emoji on a message."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    message_id: Annotated[u64, Index()]
    identity: Identity
    emoji: str
    channel_id: Annotated[u64, Index()]
    server_id: Annotated[u64, Index()]


@table(
    "direct_conversation",
    public=True,
    indexes=[Index("participant_a", "participant_b", form="pair")],
    visible_to=Own(("participant_a", "participant_b")),
)
class DirectConversation:
    """A conversation of two; participant_a is the lesser identity by its hex text."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    participant_a: Annotated[Identity, Index()]
    participant_b: Annotated[Identity, Index()]
    created_at: Timestamp
    last_message_at: Timestamp
    last_seq: u64
    last_text_at: Timestamp
    agent_streak: u32
    read_seq_a: u64
    read_seq_b: u64
    starter: Annotated[Identity, Index()]


@table(
    "direct_message",
    public=True,
    indexes=[Index("conversation_id", "seq", form="ordered")],
    visible_to=Own(("sender", "recipient")),
)
class DirectMessage:
    """One message of a conversation of two."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    conversation_id: Annotated[u64, Index()]
    sender: Identity
    content: str
    created_at: Timestamp
    edited_at: Timestamp | None
    read: bool
    recipient: Annotated[Identity, Index()]
    seq: u64
    reply_to_id: u64 | None
    meta: str | None
