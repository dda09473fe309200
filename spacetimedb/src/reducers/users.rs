//! Who somebody is: registration, profile, presence, card, blocks, and what they have seen to.

use std::collections::BTreeMap;

use spacetimedb::{reducer, Identity, ReducerContext, Table};

use crate::rules_text::{changed, given, present, Checked};
use crate::tables::*;
use crate::types::MemberRole;
use crate::{access, attention, budget, coordination, invites, rules, rules_text, user_names};

/// Makes the caller known, and a member of the Hub; later calls rename, or turn a person into an agent for ever.
#[reducer]
pub fn register_user(
    ctx: &ReducerContext,
    username: String,
    display_name: Option<String>,
    is_agent: bool,
) -> Checked {
    access::check_no_import(ctx)?;
    rules_text::check_username(&username)?;
    check_display_name(&display_name)?;
    let Some(profile) = ctx.db.user_profile().identity().find(ctx.sender()) else {
        user_names::check_free(ctx, &username)?;
        budget::spend(ctx)?;
        let profile = UserProfile {
            identity: ctx.sender(),
            username,
            display_name: given(display_name),
            avatar_url: None,
            bio: None,
            is_agent,
            created_at: ctx.timestamp,
        };
        register(ctx, profile);
        return Ok(());
    };

    let after = UserProfile {
        username: username.clone(),
        display_name: changed(&profile.display_name, display_name),
        is_agent,
        ..profile.clone()
    };
    if after == profile {
        return Ok(());
    }
    user_names::check_free(ctx, &username)?;
    if profile.is_agent && !is_agent {
        return Err(rules::AGENT_FOR_EVER.into());
    }
    let becomes_agent = is_agent && !profile.is_agent;
    if becomes_agent && ctx.db.server().owner().filter(ctx.sender()).next().is_some() {
        return Err(rules::TRANSFER_FIRST.into());
    }
    budget::spend(ctx)?;
    if becomes_agent {
        become_agent(ctx);
    }
    user_names::claim(ctx, &username);
    ctx.db.user_profile().identity().update(after);
    Ok(())
}

fn check_display_name(display_name: &Option<String>) -> Checked {
    let check = |text| rules_text::check_line("The display name", text, rules_text::DISPLAY_NAME_CHARS_MAX);
    present(display_name).map_or(Ok(()), check)
}

fn register(ctx: &ReducerContext, profile: UserProfile) {
    let profile = ctx.db.user_profile().insert(profile);
    user_names::claim(ctx, &profile.username);
    let identity = ctx.sender();
    let online = ctx.db.user_connection().identity().filter(identity).next().is_some();
    ctx.db.user_presence().insert(UserPresence { identity, online, status_text: None, last_seen: ctx.timestamp });
    let hub = ctx.db.server().id().find(rules::HUB_ID);
    if hub.is_none_or(|hub| hub.invite_only) || access::is_banned(ctx, identity, rules::HUB_ID) {
        return;
    }
    let role = if profile.is_agent { MemberRole::Agent } else { MemberRole::Member };
    let server_id = rules::HUB_ID;
    ctx.db.server_member().insert(ServerMember { id: 0, server_id, identity, role, joined_at: ctx.timestamp });
}

fn become_agent(ctx: &ReducerContext) {
    let members = ctx.db.server_member();
    for member in members.identity().filter(ctx.sender()) {
        // An Owner is one of a server that is gone and not purged yet.
        if member.role != MemberRole::Owner {
            members.id().update(ServerMember { role: MemberRole::Agent, ..member });
        }
    }
    invites::remove_all_of(ctx, ctx.sender());
    coordination::drop_ballots_everywhere(ctx, ctx.sender());
}

/// Changes the caller's own profile: none leaves a field, the empty string clears it.
#[reducer]
pub fn update_profile(
    ctx: &ReducerContext,
    username: Option<String>,
    display_name: Option<String>,
    avatar_url: Option<String>,
    bio: Option<String>,
) -> Checked {
    let profile = access::caller(ctx)?;
    if let Some(username) = &username {
        rules_text::check_username(username)?;
    }
    check_display_name(&display_name)?;
    if let Some(avatar_url) = present(&avatar_url) {
        rules_text::check_url("The avatar URL", avatar_url)?;
    }
    if let Some(bio) = present(&bio) {
        rules_text::check_clean("The bio", bio, rules_text::BIO_CHARS_MAX)?;
    }

    let after = UserProfile {
        username: username.unwrap_or_else(|| profile.username.clone()),
        display_name: changed(&profile.display_name, display_name),
        avatar_url: changed(&profile.avatar_url, avatar_url),
        bio: changed(&profile.bio, bio),
        ..profile.clone()
    };
    if after == profile {
        return Ok(());
    }
    user_names::check_free(ctx, &after.username)?;
    user_names::claim(ctx, &after.username);
    ctx.db.user_profile().identity().update(after);
    Ok(())
}

/// Says whether the caller is there, and what they do; sets last_seen, so it serves as a heartbeat.
#[reducer]
pub fn set_presence(ctx: &ReducerContext, online: bool, status_text: Option<String>) -> Checked {
    access::caller(ctx)?;
    if let Some(status_text) = present(&status_text) {
        rules_text::check_line("The status text", status_text, rules_text::STATUS_CHARS_MAX)?;
    }
    let (identity, last_seen) = (ctx.sender(), ctx.timestamp);
    let presences = ctx.db.user_presence();
    match presences.identity().find(identity) {
        None => {
            presences.insert(UserPresence { identity, online, status_text: given(status_text), last_seen });
        }
        Some(presence) => {
            let status_text = changed(&presence.status_text, status_text);
            presences.identity().update(UserPresence { identity, online, status_text, last_seen });
        }
    }
    Ok(())
}

/// Says what an agent can do, in place of what its card said before.
#[reducer]
pub fn set_agent_card(ctx: &ReducerContext, summary: String, skills: Vec<String>, url: Option<String>) -> Checked {
    let profile = access::caller(ctx)?;
    rules_text::check_line("The summary", &summary, rules_text::SUMMARY_CHARS_MAX)?;
    rules_text::check_skills(&skills)?;
    if let Some(url) = present(&url) {
        rules_text::check_url("The card URL", url)?;
    }
    if !profile.is_agent {
        return Err(rules::AGENTS_HAVE_CARDS.into());
    }
    let cards = ctx.db.agent_card();
    let after =
        AgentCard { identity: ctx.sender(), summary, skills, url: given(url), updated_at: ctx.timestamp };
    match cards.identity().find(ctx.sender()) {
        None => {
            budget::spend(ctx)?;
            cards.insert(after);
        }
        Some(before) => {
            if (AgentCard { updated_at: ctx.timestamp, ..before }) != after {
                budget::spend(ctx)?;
                cards.identity().update(after);
            }
        }
    }
    Ok(())
}

/// Gets no more Mentions, Replies and conversations from somebody.
#[reducer]
pub fn block_user(ctx: &ReducerContext, identity: Identity) -> Checked {
    access::caller(ctx)?;
    if identity == ctx.sender() {
        return Err(rules::BLOCK_ONESELF.into());
    }
    access::profile_of(ctx, identity)?;
    if access::has_blocked(ctx, ctx.sender(), identity) {
        return Ok(());
    }
    budget::spend(ctx)?;
    let created_at = ctx.timestamp;
    ctx.db.user_block().insert(UserBlock { id: 0, identity: ctx.sender(), blocked: identity, created_at });
    Ok(())
}

/// Takes back a block.
#[reducer]
pub fn unblock_user(ctx: &ReducerContext, identity: Identity) -> Checked {
    access::caller(ctx)?;
    if identity == ctx.sender() {
        return Err(rules::BLOCK_ONESELF.into());
    }
    access::profile_of(ctx, identity)?;
    if let Some(block) = access::block_of(ctx, ctx.sender(), identity) {
        ctx.db.user_block().id().delete(block.id);
    }
    Ok(())
}

/// Removes the caller's inbox items with these ids (at most 100); ids of others, or of none, are ignored.
#[reducer]
pub fn ack(ctx: &ReducerContext, ids: Vec<u64>) -> Checked {
    access::caller(ctx)?;
    if ids.len() > rules::ACK_IDS_MAX {
        return Err(rules::TOO_MANY_IDS.into());
    }
    let items = ids.into_iter().filter_map(|item_id| ctx.db.inbox_item().id().find(item_id));
    let own: BTreeMap<u64, InboxItem> =
        items.filter(|item| item.identity == ctx.sender()).map(|item| (item.id, item)).collect();
    attention::remove(ctx, own.into_values());
    Ok(())
}
