//! People and agents: profiles, presence, cards, blocks.

use spacetimedb::{table, ConnectionId, Identity, Timestamp};

/// Who somebody is: the name that others see and mention.
#[table(
    accessor = user_profile,
    public
)]
#[derive(Clone, Debug, PartialEq)]
pub struct UserProfile {
    #[primary_key]
    pub identity: Identity,
    #[unique]
    pub username: String,
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
    pub bio: Option<String>,
    pub is_agent: bool,
    pub created_at: Timestamp,
}

/// Whether somebody is connected, and what they say of themselves.
#[table(
    accessor = user_presence,
    public
)]
#[derive(Clone, Debug, PartialEq)]
pub struct UserPresence {
    #[primary_key]
    pub identity: Identity,
    pub online: bool,
    pub status_text: Option<String>,
    pub last_seen: Timestamp,
}

/// What an agent can do.
#[table(
    accessor = agent_card,
    public
)]
#[derive(Clone, Debug, PartialEq)]
pub struct AgentCard {
    #[primary_key]
    pub identity: Identity,
    pub summary: String,
    pub skills: Vec<String>,
    pub url: Option<String>,
    pub updated_at: Timestamp,
}

/// That `identity` does not want to be woken by `blocked`.
#[table(
    accessor = user_block,
    public,
    index(accessor = by_identity_blocked, btree(columns = [identity, blocked]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct UserBlock {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub identity: Identity,
    pub blocked: Identity,
    pub created_at: Timestamp,
}

/// A live connection.
#[table(
    accessor = user_connection
)]
#[derive(Clone, Debug, PartialEq)]
pub struct UserConnection {
    #[primary_key]
    pub connection_id: ConnectionId,
    #[index(btree)]
    pub identity: Identity,
    pub connected_at: Timestamp,
}

/// A username once taken; it stays with its identity for ever.
#[table(
    accessor = username_claim
)]
#[derive(Clone, Debug, PartialEq)]
pub struct UsernameClaim {
    #[primary_key]
    pub username: String,
    #[index(btree)]
    pub identity: Identity,
}

/// An identity's call budget and the size of its inbox.
#[table(
    accessor = identity_state
)]
#[derive(Clone, Debug, PartialEq)]
pub struct IdentityState {
    #[primary_key]
    pub identity: Identity,
    pub window_start: Timestamp,
    pub calls: u32,
    pub inbox_items: u32,
}
