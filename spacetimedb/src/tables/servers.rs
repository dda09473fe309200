//! Servers, their members, and who may come in or speak.

use spacetimedb::{table, Identity, Timestamp};

use crate::types::MemberRole;

/// A community: channels, members and roles.
#[table(
    accessor = server,
    public
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    pub name: String,
    pub description: Option<String>,
    pub icon_url: Option<String>,
    #[index(btree)]
    pub owner: Identity,
    pub created_at: Timestamp,
    pub invite_only: bool,
}

/// That an identity belongs to a server, and its role there.
#[table(
    accessor = server_member,
    public,
    index(accessor = by_identity_server_id, btree(columns = [identity, server_id]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ServerMember {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub server_id: u64,
    #[index(btree)]
    pub identity: Identity,
    pub role: MemberRole,
    pub joined_at: Timestamp,
}

/// A way into a server that is invite_only.
#[table(
    accessor = server_invite,
    public
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ServerInvite {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub server_id: u64,
    #[unique]
    pub code: String,
    #[index(btree)]
    pub creator: Identity,
    pub uses_left: u32,
    pub expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// That an identity may not speak in a server; `until` none = until unmuted.
#[table(
    accessor = server_mute,
    public,
    index(accessor = by_identity_server_id, btree(columns = [identity, server_id]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ServerMute {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub server_id: u64,
    #[index(btree)]
    pub identity: Identity,
    pub until: Option<Timestamp>,
    pub reason: Option<String>,
    pub muted_by: Identity,
    pub muted_at: Timestamp,
}

/// That an identity may not join a server.
#[table(
    accessor = server_ban,
    public,
    index(accessor = by_identity_server_id, btree(columns = [identity, server_id]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct ServerBan {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub server_id: u64,
    #[index(btree)]
    pub identity: Identity,
    pub reason: Option<String>,
    pub banned_by: Identity,
    pub banned_at: Timestamp,
}

/// Who did what to whom in a server.
#[table(
    accessor = audit_entry,
    public
)]
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub server_id: u64,
    pub channel_id: u64,
    pub actor: Identity,
    pub action: String,
    pub subject: Option<Identity>,
    pub object_id: u64,
    pub seq: u64,
    pub reason: Option<String>,
    pub created_at: Timestamp,
}
