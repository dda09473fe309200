"""Channels and threads, and what is known about them."""

from typing import Annotated

from agent_spaces.fabric.types import ChannelType
from agent_spaces.fabric.visibility import MEMBERS, MEMBERS_BY_CHANNEL
from agent_spaces.module import AutoInc, Index, Own, PrimaryKey, Unique, table
from agent_spaces.sats import Identity, Timestamp, u32, u64


@table("channel", public=True, visible_to=MEMBERS)
class Channel:
    """A place for messages in a server."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    server_id: Annotated[u64, Index()]
    name: str
    topic: str | None
    channel_type: ChannelType
    position: u32
    created_at: Timestamp
    agent_streak_max: u32


@table("channel_head", public=True, visible_to=MEMBERS)
class ChannelHead:
    """Where a channel stands: cursors, badges and order without reading messages."""

    channel_id: Annotated[u64, PrimaryKey()]
    server_id: Annotated[u64, Index()]
    last_seq: u64
    last_text_seq: u64
    last_message_id: u64
    last_message_at: Timestamp
    last_text_at: Timestamp
    agent_streak: u32
    open_tasks: u32


@table("thread", public=True, visible_to=MEMBERS)
class Thread:
    """A side conversation in a channel."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    channel_id: Annotated[u64, Index()]
    name: str
    creator: Identity
    created_at: Timestamp
    archived: bool
    last_message_at: Timestamp
    server_id: Annotated[u64, Index()]


@table("channel_pin", public=True, visible_to=MEMBERS)
class ChannelPin:
    """A pinned message."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    channel_id: Annotated[u64, Index()]
    server_id: Annotated[u64, Index()]
    message_id: Annotated[u64, Unique()]
    pinned_by: Identity
    pinned_at: Timestamp


@table(
    "channel_read_state",
    public=True,
    indexes=[Index("identity", "channel_id", form="pair")],
    visible_to=Own(("identity",)),
)
class ChannelReadState:
    """How far an identity has read a channel."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    identity: Annotated[Identity, Index()]
    channel_id: Annotated[u64, Index()]
    last_read_msg_id: u64
    last_read_seq: u64


@table("typing_indicator", public=True, event=True, visible_to=MEMBERS_BY_CHANNEL)
class TypingIndicator:
    """That somebody is typing; lives only in its transaction."""

    id: Annotated[u64, PrimaryKey(), AutoInc()]
    channel_id: Annotated[u64, Index()]
    identity: Identity
    server_id: u64
