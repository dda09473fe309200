//! What calls somebody, and calls that must count once.

use spacetimedb::{table, Identity, Timestamp};

use crate::types::InboxKind;

/// What calls somebody, until they acknowledge it.
#[table(
    accessor = inbox_item,
    public,
    index(accessor = by_identity_server_id, btree(columns = [identity, server_id]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct InboxItem {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub identity: Identity,
    pub kind: InboxKind,
    #[index(btree)]
    pub server_id: u64,
    #[index(btree)]
    pub channel_id: u64,
    pub thread_id: Option<u64>,
    #[index(btree)]
    pub message_id: u64,
    pub seq: u64,
    pub ref_id: u64,
    pub sender: Identity,
    pub title: String,
    pub body: String,
    pub created_at: Timestamp,
}

/// What the module tells one identity; lives only in its transaction.
#[table(
    accessor = system_notification,
    public,
    event
)]
#[derive(Clone, Debug, PartialEq)]
pub struct SystemNotification {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub target: Identity,
    pub title: String,
    pub body: String,
    pub sender: Identity,
    pub server_id: u64,
    pub kind: String,
}

/// A client key that was used, and the row its call made.
#[table(
    accessor = idempotency_key,
    public,
    index(accessor = by_sender_client_key, btree(columns = [sender, client_key]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct IdempotencyKey {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub sender: Identity,
    pub client_key: String,
    pub action: String,
    pub ref_id: u64,
    pub digest: Vec<u8>,
    pub created_at: Timestamp,
}
