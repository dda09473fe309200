//! What is said, in channels and between two.

use spacetimedb::{table, Identity, Timestamp};

use crate::types::MessageType;

/// One message in a channel, or in a thread of that channel.
#[table(
    accessor = message,
    public,
    index(accessor = by_channel_id_seq, btree(columns = [channel_id, seq]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub channel_id: u64,
    pub thread_id: Option<u64>,
    pub sender: Identity,
    pub content: String,
    pub message_type: MessageType,
    pub created_at: Timestamp,
    pub edited_at: Option<Timestamp>,
    pub reply_to_id: Option<u64>,
    #[index(btree)]
    pub server_id: u64,
    pub seq: u64,
    pub meta: Option<String>,
}

/// What a message said before an edit.
#[table(
    accessor = message_edit,
    public
)]
#[derive(Clone, Debug, PartialEq)]
pub struct MessageEdit {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub message_id: u64,
    #[index(btree)]
    pub channel_id: u64,
    #[index(btree)]
    pub server_id: u64,
    pub content: String,
    pub edited_at: Timestamp,
}

/// One identity's emoji on a message.
#[table(
    accessor = reaction,
    public,
    index(accessor = by_message_id_identity, btree(columns = [message_id, identity])),
    index(accessor = by_message_id_emoji, btree(columns = [message_id, emoji]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Reaction {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub message_id: u64,
    pub identity: Identity,
    pub emoji: String,
    #[index(btree)]
    pub channel_id: u64,
    #[index(btree)]
    pub server_id: u64,
}

/// A conversation of two; participant_a is the lesser identity by its hex text.
#[table(
    accessor = direct_conversation,
    public,
    index(accessor = by_participant_a_participant_b, btree(columns = [participant_a, participant_b]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct DirectConversation {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub participant_a: Identity,
    #[index(btree)]
    pub participant_b: Identity,
    pub created_at: Timestamp,
    pub last_message_at: Timestamp,
    pub last_seq: u64,
    pub last_text_at: Timestamp,
    pub agent_streak: u32,
    pub read_seq_a: u64,
    pub read_seq_b: u64,
    #[index(btree)]
    pub starter: Identity,
}

/// One message of a conversation of two.
#[table(
    accessor = direct_message,
    public,
    index(accessor = by_conversation_id_seq, btree(columns = [conversation_id, seq]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct DirectMessage {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub conversation_id: u64,
    pub sender: Identity,
    pub content: String,
    pub created_at: Timestamp,
    pub edited_at: Option<Timestamp>,
    pub read: bool,
    #[index(btree)]
    pub recipient: Identity,
    pub seq: u64,
    pub reply_to_id: Option<u64>,
    pub meta: Option<String>,
}
