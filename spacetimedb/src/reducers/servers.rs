//! Servers: made, joined, left, changed, handed over, deleted.

use spacetimedb::{reducer, Identity, ReducerContext, Table};

use crate::audit::About;
use crate::rows::by_number;
use crate::rules_text::{changed, given, present, Checked};
use crate::tables::*;
use crate::types::{ChannelType, MemberRole, MessageType, TimerKind};
use crate::{access, attention, audit, budget, channel_rows, invites, members, rules, rules_text, talk, timers};

fn check_description(description: &Option<String>) -> Checked {
    let check = |text| rules_text::check_clean("The description", text, rules_text::DESCRIPTION_CHARS_MAX);
    present(description).map_or(Ok(()), check)
}

fn check_icon(icon_url: &Option<String>) -> Checked {
    present(icon_url).map_or(Ok(()), |url| rules_text::check_url("The icon URL", url))
}

/// Makes a server that the caller, a person, owns, with a Text channel "general".
#[reducer]
pub fn create_server(
    ctx: &ReducerContext,
    name: String,
    description: Option<String>,
    icon_url: Option<String>,
) -> Checked {
    let profile = access::caller(ctx)?;
    rules_text::check_line("The server name", &name, rules_text::NAME_CHARS_MAX)?;
    check_description(&description)?;
    check_icon(&icon_url)?;
    if profile.is_agent {
        return Err(rules::PERSONS_CREATE_SERVERS.into());
    }
    if ctx.db.server().owner().filter(ctx.sender()).count() >= rules::SERVERS_OWNED_MAX {
        return Err(rules::OWNS_TOO_MANY.into());
    }
    members::check_may_have_another(ctx, &profile)?;
    budget::spend(ctx)?;

    let server = ctx.db.server().insert(Server {
        id: 0,
        name,
        description: given(description),
        icon_url: given(icon_url),
        owner: ctx.sender(),
        created_at: ctx.timestamp,
        invite_only: false,
    });
    ctx.db.server_member().insert(ServerMember {
        id: 0,
        server_id: server.id,
        identity: ctx.sender(),
        role: MemberRole::Owner,
        joined_at: ctx.timestamp,
    });
    channel_rows::add(ctx, server.id, "general".into(), ChannelType::Text, None, 0);
    Ok(())
}

/// Becomes a member of a server that is open to everybody; a member already stays one.
#[reducer]
pub fn join_server(ctx: &ReducerContext, server_id: u64) -> Checked {
    let profile = access::caller(ctx)?;
    let server = access::server_row(ctx, server_id)?;
    if access::membership(ctx, ctx.sender(), server_id).is_some() {
        return Ok(());
    }
    if access::is_banned(ctx, ctx.sender(), server_id) {
        return Err(rules::BANNED.into());
    }
    if server.invite_only {
        return Err(rules::INVITE_ONLY.into());
    }
    members::check_may_have_another(ctx, &profile)?;
    budget::spend(ctx)?;
    members::join(ctx, server_id, &profile)
}

/// Stops being a member; everybody but the Owner may.
#[reducer]
pub fn leave_server(ctx: &ReducerContext, server_id: u64) -> Checked {
    let profile = access::caller(ctx)?;
    access::server_row(ctx, server_id)?;
    let member = access::own_membership(ctx, server_id)?;
    if member.role == MemberRole::Owner {
        return Err(rules::OWNER_CANNOT_LEAVE.into());
    }
    budget::spend(ctx)?;
    if !access::is_muted(ctx, ctx.sender(), server_id) {
        talk::say_at_home(ctx, server_id, MessageType::Leave, rules::left(&profile.username))?;
    }
    members::end(ctx, &member)
}

/// Changes what a server says of itself: none leaves a field, the empty string clears it. Admin and above.
#[reducer]
pub fn update_server(
    ctx: &ReducerContext,
    server_id: u64,
    name: Option<String>,
    description: Option<String>,
    icon_url: Option<String>,
) -> Checked {
    access::caller(ctx)?;
    if let Some(name) = &name {
        rules_text::check_line("The server name", name, rules_text::NAME_CHARS_MAX)?;
    }
    check_description(&description)?;
    check_icon(&icon_url)?;
    let server = access::server_row(ctx, server_id)?;
    access::check_admin(&access::own_membership(ctx, server_id)?)?;
    let after = Server {
        name: name.unwrap_or_else(|| server.name.clone()),
        description: changed(&server.description, description),
        icon_url: changed(&server.icon_url, icon_url),
        ..server.clone()
    };
    if after != server {
        ctx.db.server().id().update(after);
        audit::note(ctx, server_id, "server.updated", About { object_id: server_id, ..About::default() });
    }
    Ok(())
}

/// Closes a server to whoever has no invite, or opens it. Admin and above.
#[reducer]
pub fn set_invite_only(ctx: &ReducerContext, server_id: u64, invite_only: bool) -> Checked {
    access::caller(ctx)?;
    let server = access::server_row(ctx, server_id)?;
    access::check_admin(&access::own_membership(ctx, server_id)?)?;
    if server.invite_only != invite_only {
        ctx.db.server().id().update(Server { invite_only, ..server });
        audit::note(ctx, server_id, "server.invite_only", About { object_id: server_id, ..About::default() });
    }
    Ok(())
}

/// Deletes a server and its channels at once, and has the rest purged. The Owner only, and not the Hub.
#[reducer]
pub fn delete_server(ctx: &ReducerContext, server_id: u64) -> Checked {
    access::caller(ctx)?;
    access::server_row(ctx, server_id)?;
    access::check_owner(&access::own_membership(ctx, server_id)?)?;
    if server_id == rules::HUB_ID {
        return Err(rules::HUB_STAYS.into());
    }
    for channel in by_number(ctx.db.channel().server_id().filter(server_id), |channel| channel.id) {
        channel_rows::remove(ctx, channel.id);
    }
    ctx.db.server().id().delete(server_id);
    timers::arm(ctx, TimerKind::PurgeServer, server_id, ctx.timestamp);
    Ok(())
}

/// Makes an admin the Owner, and the Owner an admin. The Owner only.
#[reducer]
pub fn transfer_ownership(ctx: &ReducerContext, server_id: u64, new_owner: Identity) -> Checked {
    access::caller(ctx)?;
    let server = access::server_row(ctx, server_id)?;
    let profile = access::profile_of(ctx, new_owner)?;
    let member = access::own_membership(ctx, server_id)?;
    access::check_owner(&member)?;
    if new_owner == ctx.sender() {
        return Ok(());
    }
    let successor = access::membership(ctx, new_owner, server_id)
        .filter(|successor| successor.role == MemberRole::Admin && !profile.is_agent)
        .ok_or(rules::NEW_OWNER_MUST_BE_ADMIN)?;
    if ctx.db.server().owner().filter(new_owner).count() >= rules::SERVERS_OWNED_MAX {
        return Err(rules::NEW_OWNER_OWNS_TOO_MANY.into());
    }

    let server = ctx.db.server().id().update(Server { owner: new_owner, ..server });
    ctx.db.server_member().id().update(ServerMember { role: MemberRole::Admin, ..member });
    ctx.db.server_member().id().update(ServerMember { role: MemberRole::Owner, ..successor });
    if let Some(mute) = access::mute_of(ctx, new_owner, server_id) {
        ctx.db.server_mute().id().delete(mute.id);
    }
    talk::say_at_home(ctx, server_id, MessageType::System, rules::is_now_the_owner(&profile.username))?;
    tell_role(ctx, &server, new_owner, MemberRole::Owner);
    tell_role(ctx, &server, ctx.sender(), MemberRole::Admin);
    let about = About { subject: Some(new_owner), object_id: server_id, ..About::default() };
    audit::note(ctx, server_id, "server.ownership", about);
    Ok(())
}

fn tell_role(ctx: &ReducerContext, server: &Server, target: Identity, role: MemberRole) {
    let title = rules::your_role_is_now(&server.name, role);
    attention::notify(ctx, target, server.id, "role", &title, "");
    attention::notice(ctx, target, server.id, &title, "");
}

/// Gives a member below the caller another role below the caller's. Admin and above.
#[reducer]
pub fn set_member_role(ctx: &ReducerContext, server_id: u64, identity: Identity, role: MemberRole) -> Checked {
    access::caller(ctx)?;
    if identity == ctx.sender() {
        return Err(rules::OWN_ROLE.into());
    }
    if role == MemberRole::Owner {
        return Err(rules::OWNER_IS_TRANSFERRED.into());
    }
    let server = access::server_row(ctx, server_id)?;
    let target = access::member_row(ctx, identity, server_id)?;
    let member = access::own_membership(ctx, server_id)?;
    access::check_admin(&member)?;
    access::check_outranks(&member, &target)?;
    if access::level(role) >= access::level(member.role) {
        return Err(rules::ROLE_TOO_HIGH.into());
    }
    if target.role == role {
        return Ok(());
    }
    if access::profile_of(ctx, identity)?.is_agent {
        return Err(rules::AGENT_ROLE_FOR_AGENT.into());
    }
    if role == MemberRole::Agent {
        return Err(rules::AGENT_ROLE_FOR_PERSON.into());
    }

    ctx.db.server_member().id().update(ServerMember { role, ..target });
    if access::level(role) < rules::MODERATOR_LEVEL {
        invites::remove_of(ctx, identity, server_id);
    }
    tell_role(ctx, &server, identity, role);
    let reason = Some(rules::ROLE_NAMES[role as usize].to_owned());
    audit::note(ctx, server_id, "member.role", About { subject: Some(identity), reason, ..About::default() });
    Ok(())
}
