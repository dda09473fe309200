//! Channels: made, changed, deleted, read; and who is typing there.

use spacetimedb::{reducer, ReducerContext, Table};

use crate::audit::About;
use crate::rules_text::{changed, given, present, Checked};
use crate::tables::*;
use crate::types::ChannelType;
use crate::{access, audit, channel_rows, rules, rules_text};

fn check_name_free(channels: &[Channel], name: &str, own_id: u64) -> Checked {
    if channels.iter().any(|channel| channel.name.eq_ignore_ascii_case(name) && channel.id != own_id) {
        return Err(rules::CHANNEL_NAME_TAKEN.into());
    }
    Ok(())
}

fn check_topic(topic: &Option<String>) -> Checked {
    let check = |text| rules_text::check_clean("The topic", text, rules_text::DESCRIPTION_CHARS_MAX);
    present(topic).map_or(Ok(()), check)
}

/// Makes a channel behind all others. Admin and above.
#[reducer]
pub fn create_channel(
    ctx: &ReducerContext,
    server_id: u64,
    name: String,
    channel_type: ChannelType,
    topic: Option<String>,
) -> Checked {
    access::caller(ctx)?;
    rules_text::check_channel_name("The channel name", &name)?;
    check_topic(&topic)?;
    access::server_row(ctx, server_id)?;
    access::check_admin(&access::own_membership(ctx, server_id)?)?;
    let channels: Vec<Channel> = ctx.db.channel().server_id().filter(server_id).collect();
    check_name_free(&channels, &name, 0)?;
    if channels.len() >= rules::CHANNELS_MAX {
        return Err(rules::TOO_MANY_CHANNELS.into());
    }

    let next = channels.iter().map(|channel| channel.position.saturating_add(1)).max().unwrap_or(0);
    let position = next.min(rules::POSITION_MAX);
    let channel = channel_rows::add(ctx, server_id, name, channel_type, given(topic), position);
    let about = About { channel_id: channel.id, object_id: channel.id, ..About::default() };
    audit::note(ctx, server_id, "channel.created", about);
    Ok(())
}

/// Changes a channel: none leaves a field, an empty topic clears it. Moderator and above.
#[reducer]
pub fn update_channel(
    ctx: &ReducerContext,
    channel_id: u64,
    name: Option<String>,
    topic: Option<String>,
    position: Option<u32>,
    agent_streak_max: Option<u32>,
) -> Checked {
    access::caller(ctx)?;
    if let Some(name) = &name {
        rules_text::check_channel_name("The channel name", name)?;
    }
    check_topic(&topic)?;
    if position.is_some_and(|position| position > rules::POSITION_MAX) {
        return Err(rules::POSITION_TOO_HIGH.into());
    }
    if agent_streak_max.is_some_and(|streak_max| streak_max > rules::AGENT_STREAK_LIMIT_MAX) {
        return Err(rules::AGENT_STREAK_MAX_TOO_HIGH.into());
    }
    let (channel, member) = access::channel_of(ctx, channel_id)?;
    access::check_moderator(&member)?;
    let after = Channel {
        name: name.unwrap_or_else(|| channel.name.clone()),
        topic: changed(&channel.topic, topic),
        position: position.unwrap_or(channel.position),
        agent_streak_max: agent_streak_max.unwrap_or(channel.agent_streak_max),
        ..channel.clone()
    };
    if after == channel {
        return Ok(());
    }
    if after.name != channel.name {
        let channels: Vec<Channel> = ctx.db.channel().server_id().filter(channel.server_id).collect();
        check_name_free(&channels, &after.name, channel_id)?;
    }
    ctx.db.channel().id().update(after);
    let about = About { channel_id, object_id: channel_id, ..About::default() };
    audit::note(ctx, channel.server_id, "channel.updated", about);
    Ok(())
}

/// Deletes a channel at once, and has what hung on it purged. Admin and above.
#[reducer]
pub fn delete_channel(ctx: &ReducerContext, channel_id: u64) -> Checked {
    access::caller(ctx)?;
    let (channel, member) = access::channel_of(ctx, channel_id)?;
    access::check_admin(&member)?;
    channel_rows::remove(ctx, channel_id);
    let about = About { channel_id, object_id: channel_id, ..About::default() };
    audit::note(ctx, channel.server_id, "channel.deleted", about);
    Ok(())
}

/// Shows who looks at the channel now that the caller is typing.
#[reducer]
pub fn start_typing(ctx: &ReducerContext, channel_id: u64) -> Checked {
    access::caller(ctx)?;
    let (channel, _) = access::channel_of(ctx, channel_id)?;
    access::check_not_muted(ctx, channel.server_id)?;
    let (identity, server_id) = (ctx.sender(), channel.server_id);
    ctx.db.typing_indicator().insert(TypingIndicator { id: 0, channel_id, identity, server_id });
    Ok(())
}

/// Notes how far the caller has read, never backwards; message 0 means all that there is.
#[reducer]
pub fn mark_channel_read(ctx: &ReducerContext, channel_id: u64, message_id: u64) -> Checked {
    access::caller(ctx)?;
    access::channel_of(ctx, channel_id)?;
    let (last_read_msg_id, last_read_seq) = if message_id == 0 {
        let head = access::head_of(ctx, channel_id)?;
        (head.last_message_id, head.last_seq)
    } else {
        (message_id, access::message_in(ctx, channel_id, message_id)?.seq)
    };
    let identity = ctx.sender();
    let states = ctx.db.channel_read_state();
    match states.by_identity_channel_id().filter((identity, channel_id)).next() {
        None if last_read_seq > 0 => {
            states.insert(ChannelReadState { id: 0, identity, channel_id, last_read_msg_id, last_read_seq });
        }
        Some(state) if last_read_seq > state.last_read_seq => {
            states.id().update(ChannelReadState { last_read_msg_id, last_read_seq, ..state });
        }
        _ => {}
    }
    Ok(())
}
