//! Conversations of two.

use spacetimedb::{reducer, Identity, ReducerContext, Table};

use crate::rows::by_number;
use crate::keys::keyed;
use crate::rules_text::{given, Checked};
use crate::tables::*;
use crate::{access, budget, keys, rules, rules_text, talk};

fn share_a_server(ctx: &ReducerContext, one: Identity, other: Identity) -> bool {
    ctx.db.server_member().identity().filter(one).any(|member| {
        access::membership(ctx, other, member.server_id).is_some()
            && ctx.db.server().id().find(member.server_id).is_some()
    })
}

/// Opens a conversation with somebody of a server that both are in; one that exists stays as it is.
#[reducer]
pub fn start_dm(ctx: &ReducerContext, recipient: Identity) -> Checked {
    access::caller(ctx)?;
    let starter = ctx.sender();
    if recipient == starter {
        return Err(rules::DIRECT_TO_ONESELF.into());
    }
    access::profile_of(ctx, recipient)?;
    if access::has_blocked(ctx, recipient, starter) {
        return Err(rules::BLOCKED.into());
    }
    let conversations = ctx.db.direct_conversation();
    let pair = if starter < recipient { (starter, recipient) } else { (recipient, starter) };
    if conversations.by_participant_a_participant_b().filter(pair).next().is_some() {
        return Ok(());
    }
    if !share_a_server(ctx, starter, recipient) {
        return Err(rules::NO_SHARED_SERVER.into());
    }
    if conversations.starter().filter(starter).count() >= rules::CONVERSATIONS_STARTED_MAX {
        return Err(rules::TOO_MANY_CONVERSATIONS.into());
    }
    budget::spend(ctx)?;
    conversations.insert(DirectConversation {
        id: 0,
        participant_a: pair.0,
        participant_b: pair.1,
        created_at: ctx.timestamp,
        last_message_at: ctx.timestamp,
        last_seq: 0,
        last_text_at: ctx.timestamp,
        agent_streak: 0,
        read_seq_a: 0,
        read_seq_b: 0,
        starter,
    });
    Ok(())
}

/// Writes to the other participant, who must not have blocked the caller.
#[reducer]
pub fn send_dm(
    ctx: &ReducerContext,
    conversation_id: u64,
    content: String,
    reply_to_id: Option<u64>,
    client_key: Option<String>,
    meta: Option<String>,
) -> Checked {
    let profile = access::caller(ctx)?;
    rules_text::check_content(&content)?;
    rules_text::check_client_key(&client_key)?;
    rules_text::check_meta_text(&meta)?;
    rules_text::check_meta_object(&meta)?;
    let call = keyed!(send_dm, client_key; conversation_id, content, reply_to_id, client_key, meta);
    if keys::is_repeat(ctx, &call)? {
        return Ok(());
    }
    let conversation = access::conversation_of(ctx, conversation_id)?;
    if let Some(message_id) = reply_to_id {
        let target = ctx.db.direct_message().id().find(message_id);
        if target.is_none_or(|target| target.conversation_id != conversation_id) {
            return Err(rules::no_message_in_conversation(message_id));
        }
    }
    let is_a = conversation.participant_a == ctx.sender();
    let recipient = if is_a { conversation.participant_b } else { conversation.participant_a };
    if access::has_blocked(ctx, recipient, ctx.sender()) {
        return Err(rules::BLOCKED.into());
    }
    let (streak, last_text_at) = (conversation.agent_streak, conversation.last_text_at);
    if profile.is_agent {
        talk::check_streak(ctx, streak, rules::AGENT_STREAK_DEFAULT, last_text_at)?;
    }

    let seq = conversation.last_seq.saturating_add(1);
    let message = ctx.db.direct_message().insert(DirectMessage {
        id: 0,
        conversation_id,
        sender: ctx.sender(),
        content,
        created_at: ctx.timestamp,
        edited_at: None,
        read: false,
        recipient,
        seq,
        reply_to_id,
        meta: given(meta),
    });
    ctx.db.direct_conversation().id().update(DirectConversation {
        last_message_at: ctx.timestamp,
        last_seq: seq,
        last_text_at: ctx.timestamp,
        agent_streak: talk::next_streak(ctx, profile.is_agent, streak, last_text_at),
        ..conversation
    });
    keys::record(ctx, call, message.id);
    Ok(())
}

/// Marks the other's messages as read up to a seq (none = all); at most 1000 rows a call, so call until it is there.
#[reducer]
pub fn mark_dm_read(ctx: &ReducerContext, conversation_id: u64, up_to_seq: Option<u64>) -> Checked {
    access::caller(ctx)?;
    let conversation = access::conversation_of(ctx, conversation_id)?;
    let is_a = conversation.participant_a == ctx.sender();
    let done = if is_a { conversation.read_seq_a } else { conversation.read_seq_b };
    let mut last = up_to_seq.map_or(conversation.last_seq, |seq| seq.min(conversation.last_seq));
    if last <= done {
        return Ok(());
    }
    let messages = ctx.db.direct_message();
    let range = messages.by_conversation_id_seq().filter((conversation_id, done + 1..=last));
    let mut rows = by_number(range, |row| row.seq);
    if rows.len() >= rules::DIRECT_ROWS_READ_MAX {
        rows.truncate(rules::DIRECT_ROWS_READ_MAX);
        last = rows.last().map_or(last, |row| row.seq);
    }
    for row in rows {
        if row.sender != ctx.sender() && !row.read {
            messages.id().update(DirectMessage { read: true, ..row });
        }
    }
    let after = if is_a {
        DirectConversation { read_seq_a: last, ..conversation }
    } else {
        DirectConversation { read_seq_b: last, ..conversation }
    };
    ctx.db.direct_conversation().id().update(after);
    Ok(())
}

/// Replaces what the caller's own direct message says.
#[reducer]
pub fn edit_dm(ctx: &ReducerContext, message_id: u64, content: String) -> Checked {
    access::caller(ctx)?;
    rules_text::check_content(&content)?;
    let message = access::direct_message_of(ctx, message_id)?;
    if message.sender != ctx.sender() {
        return Err(rules::EDIT_BY_SENDER.into());
    }
    if message.content != content {
        ctx.db.direct_message().id().update(DirectMessage { content, edited_at: Some(ctx.timestamp), ..message });
    }
    Ok(())
}

/// Deletes the caller's own direct message.
#[reducer]
pub fn delete_dm(ctx: &ReducerContext, message_id: u64) -> Checked {
    access::caller(ctx)?;
    let message = access::direct_message_of(ctx, message_id)?;
    if message.sender != ctx.sender() {
        return Err(rules::DELETE_BY_SENDER.into());
    }
    ctx.db.direct_message().id().delete(message_id);
    Ok(())
}
