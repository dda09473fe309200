//! The rows of coordination that a call refers to, and where their events go; look-ups as in access.rs.

use spacetimedb::{Identity, ReducerContext};

use crate::rules_text::Checked;
use crate::tables::*;
use crate::talk::Words;
use crate::types::MessageType;
use crate::{access, rules, talk};

/// Tells whether channel and server still exist: rows of deleted ones wait for the purge.
pub fn is_there(ctx: &ReducerContext, channel_id: u64, server_id: u64) -> bool {
    ctx.db.channel().id().find(channel_id).is_some() && ctx.db.server().id().find(server_id).is_some()
}

fn member_if_there(ctx: &ReducerContext, channel_id: u64, server_id: u64) -> Option<ServerMember> {
    is_there(ctx, channel_id, server_id).then(|| access::membership(ctx, ctx.sender(), server_id)).flatten()
}

/// Returns a task with the caller's membership of its server, or refuses: "There is no task 12.".
pub fn task_of(ctx: &ReducerContext, task_id: u64) -> Checked<(Task, ServerMember)> {
    if let Some(task) = ctx.db.task().id().find(task_id) {
        if let Some(member) = member_if_there(ctx, task.channel_id, task.server_id) {
            return Ok((task, member));
        }
    }
    Err(rules::no_row("task", task_id))
}

/// Returns a task of this channel, or refuses.
pub fn task_in(ctx: &ReducerContext, channel_id: u64, task_id: u64) -> Checked<Task> {
    let task = ctx.db.task().id().find(task_id).filter(|task| task.channel_id == channel_id);
    task.ok_or_else(|| rules::no_row_in_channel("task", task_id))
}

/// Returns the long texts of a task.
pub fn text_of(ctx: &ReducerContext, task: &Task) -> Checked<TaskText> {
    ctx.db.task_text().task_id().find(task.id).ok_or_else(|| rules::no_row("task text", task.id))
}

/// Returns a vote with the caller's membership of its server, or refuses: "There is no vote 3.".
pub fn vote_of(ctx: &ReducerContext, vote_id: u64) -> Checked<(Vote, ServerMember)> {
    if let Some(vote) = ctx.db.vote().id().find(vote_id) {
        if let Some(member) = member_if_there(ctx, vote.channel_id, vote.server_id) {
            return Ok((vote, member));
        }
    }
    Err(rules::no_row("vote", vote_id))
}

/// Returns a row of knowledge with the caller's membership of its server, or refuses.
pub fn knowledge_of(ctx: &ReducerContext, knowledge_id: u64) -> Checked<(Knowledge, ServerMember)> {
    if let Some(row) = ctx.db.knowledge().id().find(knowledge_id) {
        if let Some(member) = member_if_there(ctx, row.channel_id, row.server_id) {
            return Ok((row, member));
        }
    }
    Err(rules::no_row("knowledge", knowledge_id))
}

/// Tells whether somebody is a person and Moderator, Admin or Owner.
pub fn is_moderating_person(profile: &UserProfile, member: &ServerMember) -> bool {
    !profile.is_agent && access::is_moderator(member)
}

/// Sends an event of the module into a channel that exists, or into a thread of it.
pub fn announce_in(
    ctx: &ReducerContext,
    channel_id: u64,
    thread_id: Option<u64>,
    sender: Identity,
    content: String,
) -> Checked<Message> {
    let channel = ctx.db.channel().id().find(channel_id).ok_or_else(|| rules::no_row("channel", channel_id))?;
    let words = Words { content, thread_id, ..Words::default() };
    talk::post(ctx, &channel, sender, MessageType::AgentEvent, words)
}
