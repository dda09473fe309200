//! Members who have to go or be quiet: removals, bans, mutes; and notes from those who lead a server.

use spacetimedb::{reducer, Identity, ReducerContext, Table};

use crate::audit::About;
use crate::rows::later;
use crate::rules_text::{given, Checked};
use crate::tables::*;
use crate::{access, attention, audit, members, rules, rules_text};

/// Ends the membership of a member below the caller, who may join again. Admin and above.
#[reducer]
pub fn remove_member(ctx: &ReducerContext, server_id: u64, identity: Identity, reason: Option<String>) -> Checked {
    access::caller(ctx)?;
    rules_text::check_reason(&reason)?;
    let server = access::server_row(ctx, server_id)?;
    let target = access::member_row(ctx, identity, server_id)?;
    let member = access::own_membership(ctx, server_id)?;
    access::check_admin(&member)?;
    access::check_outranks(&member, &target)?;
    members::remove(ctx, &server, &target, &reason)?;
    let about = About { subject: Some(identity), reason: given(reason), ..About::default() };
    audit::note(ctx, server_id, "member.removed", about);
    Ok(())
}

/// Keeps somebody out of a server, and ends their membership if they have one below the caller's. Admin and above.
#[reducer]
pub fn ban_member(ctx: &ReducerContext, server_id: u64, identity: Identity, reason: Option<String>) -> Checked {
    access::caller(ctx)?;
    rules_text::check_reason(&reason)?;
    let server = access::server_row(ctx, server_id)?;
    access::profile_of(ctx, identity)?;
    let member = access::own_membership(ctx, server_id)?;
    access::check_admin(&member)?;
    let target = access::membership(ctx, identity, server_id);
    if let Some(target) = &target {
        access::check_outranks(&member, target)?;
    }
    if access::is_banned(ctx, identity, server_id) {
        return Ok(());
    }
    let reason = given(reason);
    ctx.db.server_ban().insert(ServerBan {
        id: 0,
        server_id,
        identity,
        reason: reason.clone(),
        banned_by: ctx.sender(),
        banned_at: ctx.timestamp,
    });
    if let Some(target) = &target {
        members::remove(ctx, &server, target, &reason)?;
    }
    audit::note(ctx, server_id, "member.banned", About { subject: Some(identity), reason, ..About::default() });
    Ok(())
}

/// Lets somebody in again. Admin and above.
#[reducer]
pub fn unban_member(ctx: &ReducerContext, server_id: u64, identity: Identity) -> Checked {
    access::caller(ctx)?;
    access::server_row(ctx, server_id)?;
    access::profile_of(ctx, identity)?;
    access::check_admin(&access::own_membership(ctx, server_id)?)?;
    if let Some(ban) = access::ban_of(ctx, identity, server_id) {
        ctx.db.server_ban().id().delete(ban.id);
        audit::note(ctx, server_id, "member.unbanned", About { subject: Some(identity), ..About::default() });
    }
    Ok(())
}

/// Forbids a member below the caller to speak, for some seconds or until unmuted. Moderator and above.
#[reducer]
pub fn mute_member(
    ctx: &ReducerContext,
    server_id: u64,
    identity: Identity,
    duration_seconds: Option<u32>,
    reason: Option<String>,
) -> Checked {
    access::caller(ctx)?;
    if duration_seconds.is_some_and(|seconds| !(1..=rules::DURATION_S_MAX).contains(&seconds)) {
        return Err(rules::MUTE_DURATION.into());
    }
    rules_text::check_reason(&reason)?;
    let server = access::server_row(ctx, server_id)?;
    let target = access::member_row(ctx, identity, server_id)?;
    let member = access::own_membership(ctx, server_id)?;
    access::check_moderator(&member)?;
    access::check_outranks(&member, &target)?;
    let until = duration_seconds.map(|seconds| later(ctx.timestamp, i64::from(seconds) * rules::SECOND_US));
    let reason = given(reason);
    let before = access::mute_of(ctx, identity, server_id);
    if before.as_ref().is_some_and(|before| before.until == until && before.reason == reason) {
        return Ok(());
    }

    let after = ServerMute {
        id: before.as_ref().map_or(0, |before| before.id),
        server_id,
        identity,
        until,
        reason: reason.clone(),
        muted_by: ctx.sender(),
        muted_at: ctx.timestamp,
    };
    if before.is_none() {
        ctx.db.server_mute().insert(after);
    } else {
        ctx.db.server_mute().id().update(after);
    }
    let title = rules::you_were_muted(&server.name);
    let body = reason.as_deref().unwrap_or("");
    attention::notify(ctx, identity, server_id, "mute", &title, body);
    attention::notice(ctx, identity, server_id, &title, body);
    audit::note(ctx, server_id, "member.muted", About { subject: Some(identity), reason, ..About::default() });
    Ok(())
}

/// Lets somebody speak again, also who has left; nothing changes if the mute has run out. Moderator and above.
#[reducer]
pub fn unmute_member(ctx: &ReducerContext, server_id: u64, identity: Identity) -> Checked {
    access::caller(ctx)?;
    let server = access::server_row(ctx, server_id)?;
    access::profile_of(ctx, identity)?;
    let member = access::own_membership(ctx, server_id)?;
    access::check_moderator(&member)?;
    let target = access::membership(ctx, identity, server_id);
    if let Some(target) = &target {
        access::check_outranks(&member, target)?;
    }
    let mute = access::mute_of(ctx, identity, server_id);
    let Some(mute) = mute.filter(|_| access::is_muted(ctx, identity, server_id)) else {
        return Ok(());
    };
    ctx.db.server_mute().id().delete(mute.id);
    let title = rules::you_can_speak_again(&server.name);
    attention::notify(ctx, identity, server_id, "mute", &title, "");
    if target.is_some() {
        attention::notice(ctx, identity, server_id, &title, "");
    }
    audit::note(ctx, server_id, "member.unmuted", About { subject: Some(identity), ..About::default() });
    Ok(())
}

/// Tells a member something, now and in their inbox. Admin and above.
#[reducer]
pub fn notify(ctx: &ReducerContext, target: Identity, server_id: u64, title: String, body: String) -> Checked {
    access::caller(ctx)?;
    rules_text::check_line("The title", &title, rules_text::REASON_CHARS_MAX)?;
    rules_text::check_clean("The body", &body, rules_text::NOTICE_BODY_CHARS_MAX)?;
    access::server_row(ctx, server_id)?;
    access::member_row(ctx, target, server_id)?;
    access::check_admin(&access::own_membership(ctx, server_id)?)?;
    attention::notify(ctx, target, server_id, "admin", &title, &body);
    attention::notice(ctx, target, server_id, &title, &body);
    Ok(())
}
