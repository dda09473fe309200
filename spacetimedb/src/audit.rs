//! Who did what to whom in a server; entries are never changed (contract section 4.7).

use spacetimedb::{Identity, ReducerContext, Table};

use crate::tables::*;

/// What an entry says beside server, actor and action.
#[derive(Default)]
pub struct About {
    pub channel_id: u64,
    pub subject: Option<Identity>,
    pub object_id: u64,
    pub seq: u64,
    pub reason: Option<String>,
}

/// Adds one entry about what the caller does.
pub fn note(ctx: &ReducerContext, server_id: u64, action: &str, about: About) {
    ctx.db.audit_entry().insert(AuditEntry {
        id: 0,
        server_id,
        channel_id: about.channel_id,
        actor: ctx.sender(),
        action: action.into(),
        subject: about.subject,
        object_id: about.object_id,
        seq: about.seq,
        reason: about.reason,
        created_at: ctx.timestamp,
    });
}

/// Adds the entry of a `message.` action: it names the message's sender, id and seq.
pub fn note_message(ctx: &ReducerContext, action: &str, message: &Message) {
    let about = About {
        channel_id: message.channel_id,
        subject: Some(message.sender),
        object_id: message.id,
        seq: message.seq,
        reason: None,
    };
    note(ctx, message.server_id, action, about);
}
