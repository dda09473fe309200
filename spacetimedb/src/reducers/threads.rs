//! Threads: side conversations of a channel.

use spacetimedb::{reducer, ReducerContext, Table};

use crate::audit::About;
use crate::keys::keyed;
use crate::rules_text::{given, present, Checked};
use crate::tables::*;
use crate::talk::Words;
use crate::{access, attention, audit, budget, keys, rules, rules_text, talk};

/// Opens a thread where the caller may post; an initial message is a Text like any other, and has the meta.
#[reducer]
pub fn create_thread(
    ctx: &ReducerContext,
    channel_id: u64,
    name: String,
    initial_message: Option<String>,
    client_key: Option<String>,
    meta: Option<String>,
) -> Checked {
    let profile = access::caller(ctx)?;
    rules_text::check_channel_name("The thread name", &name)?;
    if let Some(initial_message) = present(&initial_message) {
        rules_text::check_content(initial_message)?;
    }
    rules_text::check_client_key(&client_key)?;
    rules_text::check_meta_text(&meta)?;
    rules_text::check_meta_object(&meta)?;
    let call = keyed!(create_thread, client_key; channel_id, name, initial_message, client_key, meta);
    if keys::is_repeat(ctx, &call)? {
        return Ok(());
    }
    let (channel, member) = access::channel_of(ctx, channel_id)?;
    access::check_not_muted(ctx, channel.server_id)?;
    talk::check_may_post(&channel, &member)?;
    let head = access::head_of(ctx, channel_id)?;
    let initial_message = given(initial_message);
    if initial_message.is_some() && profile.is_agent {
        talk::check_streak(ctx, head.agent_streak, channel.agent_streak_max, head.last_text_at)?;
    }
    budget::spend(ctx)?;

    let thread = ctx.db.thread().insert(Thread {
        id: 0,
        channel_id,
        name,
        creator: ctx.sender(),
        created_at: ctx.timestamp,
        archived: false,
        last_message_at: ctx.timestamp,
        server_id: channel.server_id,
    });
    if let Some(content) = initial_message {
        let words = Words { content, thread_id: Some(thread.id), reply_to_id: None, meta: given(meta) };
        let message = talk::post_text(ctx, &channel, head, profile.is_agent, words);
        attention::call_about_message(ctx, &channel, &message, None);
    }
    keys::record(ctx, call, thread.id);
    Ok(())
}

fn check_creator_or_moderator(thread: &Thread, member: &ServerMember) -> Checked {
    if thread.creator != member.identity && !access::is_moderator(member) {
        return Err(rules::THREAD_BY_CREATOR_OR_MODERATOR.into());
    }
    Ok(())
}

/// Renames a thread; its creator may, and Moderators and above.
#[reducer]
pub fn update_thread(ctx: &ReducerContext, thread_id: u64, name: String) -> Checked {
    access::caller(ctx)?;
    rules_text::check_channel_name("The thread name", &name)?;
    let (thread, member) = access::thread_of(ctx, thread_id)?;
    access::check_not_muted(ctx, thread.server_id)?;
    check_creator_or_moderator(&thread, &member)?;
    if thread.name != name {
        ctx.db.thread().id().update(Thread { name, ..thread });
    }
    Ok(())
}

/// Closes a thread to everything but what the module says; its creator may, and Moderators and above.
#[reducer]
pub fn archive_thread(ctx: &ReducerContext, thread_id: u64) -> Checked {
    set_archived(ctx, thread_id, true)
}

/// Opens a thread again; its creator may, and Moderators and above.
#[reducer]
pub fn unarchive_thread(ctx: &ReducerContext, thread_id: u64) -> Checked {
    set_archived(ctx, thread_id, false)
}

fn set_archived(ctx: &ReducerContext, thread_id: u64, archived: bool) -> Checked {
    access::caller(ctx)?;
    let (thread, member) = access::thread_of(ctx, thread_id)?;
    check_creator_or_moderator(&thread, &member)?;
    if thread.archived == archived {
        return Ok(());
    }
    let thread = ctx.db.thread().id().update(Thread { archived, ..thread });
    let action = if archived { "thread.archived" } else { "thread.unarchived" };
    let about = About { channel_id: thread.channel_id, object_id: thread_id, ..About::default() };
    audit::note(ctx, thread.server_id, action, about);
    Ok(())
}
