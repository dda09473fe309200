//! What calls somebody: inbox items, which stay until acknowledged, and notifications for who is connected.

use std::collections::BTreeMap;

use spacetimedb::{Identity, ReducerContext, Table, Timestamp};

use crate::rules_text::mentioned_names;
use crate::tables::*;
use crate::types::InboxKind;
use crate::{access, rules};

/// Tells whether the target gets items from the actor: a member, not the actor, who has not blocked the actor.
pub fn may_call(ctx: &ReducerContext, actor: Identity, target: Identity, server_id: u64) -> bool {
    target != actor
        && access::membership(ctx, target, server_id).is_some()
        && !access::has_blocked(ctx, target, actor)
}

/// Keeps an item (its id 0) and counts it; Mentions and Replies for a full inbox are not kept.
///
/// Whether the target may be called is asked before, with may_call.
pub fn put(ctx: &ReducerContext, item: InboxItem) {
    let states = ctx.db.identity_state();
    match states.identity().find(item.identity) {
        None => {
            let window_start = Timestamp::UNIX_EPOCH;
            states.insert(IdentityState { identity: item.identity, window_start, calls: 0, inbox_items: 1 });
        }
        Some(state) => {
            let is_passing = matches!(item.kind, InboxKind::Mention | InboxKind::Reply);
            if state.inbox_items >= rules::INBOX_ITEMS_MAX && is_passing {
                return;
            }
            let inbox_items = state.inbox_items.saturating_add(1);
            states.identity().update(IdentityState { inbox_items, ..state });
        }
    }
    ctx.db.inbox_item().insert(item);
}

/// Removes items and counts them off.
pub fn remove(ctx: &ReducerContext, items: impl IntoIterator<Item = InboxItem>) {
    let states = ctx.db.identity_state();
    let mut removed: BTreeMap<Identity, u32> = BTreeMap::new();
    for item in items {
        ctx.db.inbox_item().id().delete(item.id);
        *removed.entry(item.identity).or_default() += 1;
    }
    for (identity, count) in removed {
        if let Some(state) = states.identity().find(identity) {
            let inbox_items = state.inbox_items.saturating_sub(count);
            states.identity().update(IdentityState { inbox_items, ..state });
        }
    }
}

/// Gives Mentions to whom a Text message names and a Reply to whom it answers, unless mentioned.
pub fn call_about_message(ctx: &ReducerContext, channel: &Channel, message: &Message, replied_to: Option<Identity>) {
    let actor = message.sender;
    let mut mentioned: Vec<Identity> = Vec::new();
    for name in mentioned_names(&message.content) {
        let Some(profile) = ctx.db.user_profile().username().find(&name) else {
            continue;
        };
        if may_call(ctx, actor, profile.identity, channel.server_id) {
            mentioned.push(profile.identity);
            call(ctx, InboxKind::Mention, profile.identity, channel, message);
            if mentioned.len() == rules::MENTIONS_MAX {
                break;
            }
        }
    }
    if let Some(replied_to) = replied_to {
        if !mentioned.contains(&replied_to) && may_call(ctx, actor, replied_to, channel.server_id) {
            call(ctx, InboxKind::Reply, replied_to, channel, message);
        }
    }
}

fn call(ctx: &ReducerContext, kind: InboxKind, target: Identity, channel: &Channel, message: &Message) {
    put(
        ctx,
        InboxItem {
            id: 0,
            identity: target,
            kind,
            server_id: channel.server_id,
            channel_id: channel.id,
            thread_id: message.thread_id,
            message_id: message.id,
            seq: message.seq,
            ref_id: 0,
            sender: message.sender,
            title: channel.name.clone(),
            body: String::new(),
            created_at: message.created_at,
        },
    );
}

/// Tells somebody who is connected, as the caller.
pub fn notify(ctx: &ReducerContext, target: Identity, server_id: u64, kind: &str, title: &str, body: &str) {
    ctx.db.system_notification().insert(SystemNotification {
        id: 0,
        target,
        title: title.into(),
        body: body.into(),
        sender: ctx.sender(),
        server_id,
        kind: kind.into(),
    });
}

/// Keeps what a notification says, even from a blocked caller; the caller gets none of their own doing.
pub fn notice(ctx: &ReducerContext, target: Identity, server_id: u64, title: &str, body: &str) {
    if target == ctx.sender() {
        return;
    }
    put(
        ctx,
        InboxItem {
            id: 0,
            identity: target,
            kind: InboxKind::Notice,
            server_id,
            channel_id: 0,
            thread_id: None,
            message_id: 0,
            seq: 0,
            ref_id: 0,
            sender: ctx.sender(),
            title: title.into(),
            body: body.into(),
            created_at: ctx.timestamp,
        },
    );
}
