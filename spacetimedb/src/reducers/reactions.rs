//! Reactions and pins: what members do to a message without saying anything.

use std::collections::BTreeSet;

use spacetimedb::{reducer, Identity, ReducerContext, Table};

use crate::rules_text::Checked;
use crate::tables::*;
use crate::talk::Words;
use crate::types::MessageType;
use crate::{access, audit, rules, rules_text, talk};

fn own_reaction(ctx: &ReducerContext, message_id: u64, identity: Identity, emoji: &str) -> Option<Reaction> {
    ctx.db.reaction().by_message_id_identity().filter((message_id, identity)).find(|row| row.emoji == emoji)
}

fn check_emoji(emoji: &str) -> Checked {
    rules_text::check_line("The emoji", emoji, rules_text::EMOJI_CHARS_MAX)
}

/// Reacts to a message.
#[reducer]
pub fn add_reaction(ctx: &ReducerContext, message_id: u64, emoji: String) -> Checked {
    access::caller(ctx)?;
    check_emoji(&emoji)?;
    let (message, _) = access::message_of(ctx, message_id)?;
    access::check_not_muted(ctx, message.server_id)?;
    if own_reaction(ctx, message_id, ctx.sender(), &emoji).is_some() {
        return Ok(());
    }
    talk::check_not_archived(ctx, message.thread_id)?;
    let reactions = ctx.db.reaction();
    if reactions.message_id().filter(message_id).count() >= rules::REACTIONS_MAX {
        return Err(rules::TOO_MANY_REACTIONS.into());
    }
    if reactions.by_message_id_emoji().filter((message_id, &emoji)).next().is_none() {
        let kinds: BTreeSet<String> = reactions.message_id().filter(message_id).map(|row| row.emoji).collect();
        if kinds.len() >= rules::EMOJI_KINDS_MAX {
            return Err(rules::TOO_MANY_EMOJI.into());
        }
    }
    reactions.insert(Reaction {
        id: 0,
        message_id,
        identity: ctx.sender(),
        emoji,
        channel_id: message.channel_id,
        server_id: message.server_id,
    });
    Ok(())
}

/// Takes back the caller's own reaction.
#[reducer]
pub fn remove_reaction(ctx: &ReducerContext, message_id: u64, emoji: String) -> Checked {
    access::caller(ctx)?;
    check_emoji(&emoji)?;
    access::message_of(ctx, message_id)?;
    if let Some(reaction) = own_reaction(ctx, message_id, ctx.sender(), &emoji) {
        ctx.db.reaction().id().delete(reaction.id);
    }
    Ok(())
}

/// Pins a message, and says so in its channel. Moderator and above.
#[reducer]
pub fn pin_message(ctx: &ReducerContext, message_id: u64) -> Checked {
    let profile = access::caller(ctx)?;
    let (message, member) = access::message_of(ctx, message_id)?;
    access::check_moderator(&member)?;
    let pins = ctx.db.channel_pin();
    if pins.message_id().find(message_id).is_some() {
        return Ok(());
    }
    if pins.channel_id().filter(message.channel_id).count() >= rules::PINS_MAX {
        return Err(rules::TOO_MANY_PINS.into());
    }
    pins.insert(ChannelPin {
        id: 0,
        channel_id: message.channel_id,
        server_id: message.server_id,
        message_id,
        pinned_by: ctx.sender(),
        pinned_at: ctx.timestamp,
    });
    let (channel, _) = access::channel_of(ctx, message.channel_id)?;
    let words =
        Words { content: rules::pinned(&profile.username), reply_to_id: Some(message_id), ..Words::default() };
    talk::post(ctx, &channel, ctx.sender(), MessageType::System, words)?;
    audit::note_message(ctx, "message.pinned", &message);
    Ok(())
}

/// Takes a pin off. Moderator and above.
#[reducer]
pub fn unpin_message(ctx: &ReducerContext, message_id: u64) -> Checked {
    access::caller(ctx)?;
    let (message, member) = access::message_of(ctx, message_id)?;
    access::check_moderator(&member)?;
    if let Some(pin) = ctx.db.channel_pin().message_id().find(message_id) {
        ctx.db.channel_pin().id().delete(pin.id);
        audit::note_message(ctx, "message.unpinned", &message);
    }
    Ok(())
}
