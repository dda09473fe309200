//! Saying something in a channel: the next seq, the head, the thread, agents in a row (contract sections 4.5, 4.7).

use spacetimedb::{Identity, ReducerContext, Table, Timestamp};

use crate::rows::later;
use crate::rules_text::Checked;
use crate::tables::*;
use crate::types::{ChannelType, MessageType};
use crate::{access, rules};

/// Refuses Text and AgentEvents where this member may send none: step 7.
pub fn check_may_post(channel: &Channel, member: &ServerMember) -> Checked {
    match channel.channel_type {
        ChannelType::Voice => Err(rules::VOICE_CARRIES_NO_TEXT.into()),
        ChannelType::Announcement if !access::is_admin(member) => Err(rules::ANNOUNCEMENTS_BY_ADMINS.into()),
        _ => Ok(()),
    }
}

fn was_quiet(ctx: &ReducerContext, last_text_at: Timestamp) -> bool {
    ctx.timestamp >= later(last_text_at, rules::AGENT_STREAK_QUIET_US)
}

/// Refuses an agent's Text after streak_max of them in a row (0 = no limit), until 10 minutes were quiet. Step 9.
pub fn check_streak(ctx: &ReducerContext, streak: u32, streak_max: u32, last_text_at: Timestamp) -> Checked {
    if streak_max != 0 && streak >= streak_max && !was_quiet(ctx, last_text_at) {
        return Err(rules::agents_in_a_row(streak_max));
    }
    Ok(())
}

/// Returns how many Texts by agents stand in a row after one more Text.
pub fn next_streak(ctx: &ReducerContext, is_agent: bool, streak: u32, last_text_at: Timestamp) -> u32 {
    if !is_agent {
        0
    } else if was_quiet(ctx, last_text_at) {
        1
    } else {
        streak.saturating_add(1)
    }
}

/// What a message says, and where.
#[derive(Default)]
pub struct Words {
    pub content: String,
    pub thread_id: Option<u64>,
    pub reply_to_id: Option<u64>,
    pub meta: Option<String>,
}

fn add(
    ctx: &ReducerContext,
    channel: &Channel,
    seq: u64,
    sender: Identity,
    message_type: MessageType,
    words: Words,
) -> Message {
    ctx.db.message().insert(Message {
        id: 0,
        channel_id: channel.id,
        thread_id: words.thread_id,
        sender,
        content: words.content,
        message_type,
        created_at: ctx.timestamp,
        edited_at: None,
        reply_to_id: words.reply_to_id,
        server_id: channel.server_id,
        seq,
        meta: words.meta,
    })
}

/// Adds a member's Text, whose checks are all done; what it calls somebody for is left to attention.
pub fn post_text(ctx: &ReducerContext, channel: &Channel, head: ChannelHead, is_agent: bool, words: Words) -> Message {
    let thread_id = words.thread_id;
    let seq = head.last_seq.saturating_add(1);
    let message = add(ctx, channel, seq, ctx.sender(), MessageType::Text, words);
    let agent_streak = next_streak(ctx, is_agent, head.agent_streak, head.last_text_at);
    ctx.db.channel_head().channel_id().update(ChannelHead {
        last_seq: seq,
        last_text_seq: seq,
        last_message_id: message.id,
        last_message_at: ctx.timestamp,
        last_text_at: ctx.timestamp,
        agent_streak,
        ..head
    });
    touch(ctx, thread_id);
    message
}

/// Adds a message that is no Text: an AgentEvent, or what the module says by itself with `sender` as its sender.
///
/// It takes part in seq and moves the head and the thread (archived or not), but no streak and no last_text_at.
pub fn post(
    ctx: &ReducerContext,
    channel: &Channel,
    sender: Identity,
    message_type: MessageType,
    words: Words,
) -> Checked<Message> {
    let head = access::head_of(ctx, channel.id)?;
    let thread_id = words.thread_id;
    let seq = head.last_seq.saturating_add(1);
    let message = add(ctx, channel, seq, sender, message_type, words);
    ctx.db.channel_head().channel_id().update(ChannelHead {
        last_seq: seq,
        last_message_id: message.id,
        last_message_at: ctx.timestamp,
        ..head
    });
    touch(ctx, thread_id);
    Ok(message)
}

fn touch(ctx: &ReducerContext, thread_id: Option<u64>) {
    if let Some(thread) = thread_id.and_then(|thread_id| ctx.db.thread().id().find(thread_id)) {
        ctx.db.thread().id().update(Thread { last_message_at: ctx.timestamp, ..thread });
    }
}

/// Returns the Text channel with the lowest (position, id), where the module speaks of a server's members.
pub fn home_channel(ctx: &ReducerContext, server_id: u64) -> Option<Channel> {
    ctx.db
        .channel()
        .server_id()
        .filter(server_id)
        .filter(|row| row.channel_type == ChannelType::Text)
        .min_by_key(|row| (row.position, row.id))
}

/// Posts what the module says about a server's members, as the caller; nothing if there is no home channel.
pub fn say_at_home(ctx: &ReducerContext, server_id: u64, message_type: MessageType, content: String) -> Checked {
    if let Some(home) = home_channel(ctx, server_id) {
        post(ctx, &home, ctx.sender(), message_type, Words { content, ..Words::default() })?;
    }
    Ok(())
}

/// Refuses what cannot be done to a message of an archived thread: step 8.
pub fn check_not_archived(ctx: &ReducerContext, thread_id: Option<u64>) -> Checked {
    let thread = thread_id.and_then(|thread_id| ctx.db.thread().id().find(thread_id));
    if thread.is_some_and(|thread| thread.archived) {
        return Err(rules::THREAD_ARCHIVED.into());
    }
    Ok(())
}
