//! Channels and threads, and what is known about them.

use spacetimedb::{table, Identity, Timestamp};

use crate::types::ChannelType;

/// A place for messages in a server.
#[table(
    accessor = channel,
    public
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub server_id: u64,
    pub name: String,
    pub topic: Option<String>,
    pub channel_type: ChannelType,
    pub position: u32,
    pub created_at: Timestamp,
    pub agent_streak_max: u32,
}

/// Where a channel stands: cursors, badges and order without reading messages.
#[table(
    accessor = channel_head,
    public
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelHead {
    #[primary_key]
    pub channel_id: u64,
    #[index(btree)]
    pub server_id: u64,
    pub last_seq: u64,
    pub last_text_seq: u64,
    pub last_message_id: u64,
    pub last_message_at: Timestamp,
    pub last_text_at: Timestamp,
    pub agent_streak: u32,
    pub open_tasks: u32,
}

/// A side conversation in a channel.
#[table(
    accessor = thread,
    public
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub channel_id: u64,
    pub name: String,
    pub creator: Identity,
    pub created_at: Timestamp,
    pub archived: bool,
    pub last_message_at: Timestamp,
    #[index(btree)]
    pub server_id: u64,
}

/// A pinned message.
#[table(
    accessor = channel_pin,
    public
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelPin {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub channel_id: u64,
    #[index(btree)]
    pub server_id: u64,
    #[unique]
    pub message_id: u64,
    pub pinned_by: Identity,
    pub pinned_at: Timestamp,
}

/// How far an identity has read a channel.
#[table(
    accessor = channel_read_state,
    public,
    index(accessor = by_identity_channel_id, btree(columns = [identity, channel_id]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelReadState {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub identity: Identity,
    #[index(btree)]
    pub channel_id: u64,
    pub last_read_msg_id: u64,
    pub last_read_seq: u64,
}

/// That somebody is typing; lives only in its transaction.
#[table(
    accessor = typing_indicator,
    public,
    event
)]
#[derive(Clone, Debug, PartialEq)]
pub struct TypingIndicator {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub channel_id: u64,
    pub identity: Identity,
    pub server_id: u64,
}
