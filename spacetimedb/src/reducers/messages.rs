//! Messages in channels: sent, edited, deleted.

use spacetimedb::{reducer, ReducerContext, Table};

use crate::rows::by_number;
use crate::keys::keyed;
use crate::rules_text::{given, Checked};
use crate::tables::*;
use crate::talk::Words;
use crate::types::{InboxKind, MessageType};
use crate::{access, attention, audit, keys, rules, rules_text, talk};

/// Sends a Text or an AgentEvent to a channel, or to a thread of it.
#[reducer]
#[allow(clippy::too_many_arguments)] // the contract's
pub fn send_message(
    ctx: &ReducerContext,
    channel_id: u64,
    content: String,
    message_type: MessageType,
    thread_id: Option<u64>,
    reply_to_id: Option<u64>,
    client_key: Option<String>,
    meta: Option<String>,
) -> Checked {
    let profile = access::caller(ctx)?;
    rules_text::check_content(&content)?;
    let is_text = message_type == MessageType::Text;
    if !is_text && message_type != MessageType::AgentEvent {
        return Err(rules::ONLY_THE_SYSTEM_SENDS.into());
    }
    rules_text::check_client_key(&client_key)?;
    rules_text::check_meta_text(&meta)?;
    if !is_text {
        rules_text::check_event(&content)?;
    }
    rules_text::check_meta_object(&meta)?;
    let call = keyed!(
        send_message, client_key;
        channel_id, content, message_type, thread_id, reply_to_id, client_key, meta
    );
    if keys::is_repeat(ctx, &call)? {
        return Ok(());
    }
    let (channel, member) = access::channel_of(ctx, channel_id)?;
    let thread = thread_id.map(|thread_id| access::thread_in(ctx, channel_id, thread_id)).transpose()?;
    let target = reply_to_id.map(|message_id| access::message_in(ctx, channel_id, message_id)).transpose()?;
    access::check_not_muted(ctx, channel.server_id)?;
    talk::check_may_post(&channel, &member)?;
    if thread.is_some_and(|thread| thread.archived) {
        return Err(rules::THREAD_ARCHIVED.into());
    }
    let words = Words { content, thread_id, reply_to_id, meta: given(meta) };
    let message = if is_text {
        let head = access::head_of(ctx, channel_id)?;
        if profile.is_agent {
            talk::check_streak(ctx, head.agent_streak, channel.agent_streak_max, head.last_text_at)?;
        }
        let message = talk::post_text(ctx, &channel, head, profile.is_agent, words);
        attention::call_about_message(ctx, &channel, &message, target.map(|target| target.sender));
        message
    } else {
        talk::post(ctx, &channel, ctx.sender(), message_type, words)?
    };
    keys::record(ctx, call, message.id);
    Ok(())
}

/// Tells whether the module said this; its events are known by their names, which nobody else may use.
fn is_module_made(message: &Message) -> Checked<bool> {
    match message.message_type {
        MessageType::Text => Ok(false),
        MessageType::AgentEvent => {
            Ok(rules_text::module_prefix(&rules_text::event_name(&message.content)?).is_some())
        }
        _ => Ok(true),
    }
}

/// Replaces what the caller's own message says; what it said before is kept.
#[reducer]
pub fn edit_message(ctx: &ReducerContext, message_id: u64, content: String) -> Checked {
    access::caller(ctx)?;
    rules_text::check_content(&content)?;
    let (message, _) = access::message_of(ctx, message_id)?;
    access::check_not_muted(ctx, message.server_id)?;
    if message.sender != ctx.sender() {
        return Err(rules::EDIT_BY_SENDER.into());
    }
    if is_module_made(&message)? {
        return Err(rules::NOT_EDITABLE.into());
    }
    if message.content == content {
        return Ok(());
    }
    if message.message_type == MessageType::AgentEvent {
        rules_text::check_event(&content)?;
    }
    talk::check_not_archived(ctx, message.thread_id)?;
    let edits = ctx.db.message_edit();
    if edits.message_id().filter(message_id).count() >= rules::EDITS_MAX {
        return Err(rules::TOO_MANY_EDITS.into());
    }

    edits.insert(MessageEdit {
        id: 0,
        message_id,
        channel_id: message.channel_id,
        server_id: message.server_id,
        content: message.content,
        edited_at: ctx.timestamp,
    });
    ctx.db.message().id().update(Message { content, edited_at: Some(ctx.timestamp), ..message });
    Ok(())
}

/// Deletes a message with what hangs on it; its sender may, unless the module made it, and Moderators and above.
#[reducer]
pub fn delete_message(ctx: &ReducerContext, message_id: u64) -> Checked {
    access::caller(ctx)?;
    let (message, member) = access::message_of(ctx, message_id)?;
    if !access::is_moderator(&member) {
        if message.sender != ctx.sender() {
            return Err(rules::DELETE_BY_SENDER_OR_MODERATOR.into());
        }
        if is_module_made(&message)? {
            return Err(rules::DELETE_BY_MODERATOR.into());
        }
    }
    ctx.db.reaction().message_id().delete(message_id);
    ctx.db.message_edit().message_id().delete(message_id);
    ctx.db.channel_pin().message_id().delete(message_id);
    let items = ctx.db.inbox_item().message_id().filter(message_id);
    let calls = items.filter(|item| matches!(item.kind, InboxKind::Mention | InboxKind::Reply));
    attention::remove(ctx, by_number(calls, |item| item.id));
    ctx.db.message().id().delete(message_id);
    audit::note_message(ctx, "message.deleted", &message);
    Ok(())
}
