//! Who calls, what they may see, and the rows that arguments refer to.
//!
//! What a caller may not see does not exist: every look-up refuses with the same text for "hidden" and "gone".

use spacetimedb::{Identity, ReducerContext};

use crate::rules;
use crate::rules_text::Checked;
use crate::tables::*;
use crate::types::MemberRole;

/// Returns the one row about this deployment, which init made.
pub fn deployment(ctx: &ReducerContext) -> Checked<Deployment> {
    ctx.db.deployment().id().find(1).ok_or_else(|| rules::no_row("deployment", 1))
}

/// Refuses while an import is open.
pub fn check_no_import(ctx: &ReducerContext) -> Checked {
    if deployment(ctx)?.import_open {
        return Err(rules::IMPORT_UNDER_WAY.into());
    }
    Ok(())
}

/// Returns the caller's profile: step 1 of every reducer that asks for a registered caller.
pub fn caller(ctx: &ReducerContext) -> Checked<UserProfile> {
    let profile = ctx.db.user_profile().identity().find(ctx.sender()).ok_or(rules::REGISTER_FIRST)?;
    check_no_import(ctx)?;
    Ok(profile)
}

/// Returns somebody's profile, or refuses: there is no such user.
pub fn profile_of(ctx: &ReducerContext, identity: Identity) -> Checked<UserProfile> {
    ctx.db.user_profile().identity().find(identity).ok_or_else(|| rules::no_user(identity.to_hex().as_str()))
}

/// Returns a server, whoever calls, or refuses: servers are public.
pub fn server_row(ctx: &ReducerContext, server_id: u64) -> Checked<Server> {
    ctx.db.server().id().find(server_id).ok_or_else(|| rules::no_row("server", server_id))
}

/// Returns the caller's membership of a server that exists, or refuses: step 5.
pub fn own_membership(ctx: &ReducerContext, server_id: u64) -> Checked<ServerMember> {
    membership(ctx, ctx.sender(), server_id).ok_or_else(|| rules::NOT_A_MEMBER.into())
}

/// Returns somebody's membership, or None.
pub fn membership(ctx: &ReducerContext, identity: Identity, server_id: u64) -> Option<ServerMember> {
    ctx.db.server_member().by_identity_server_id().filter((identity, server_id)).next()
}

/// Returns the membership of the user that a call is about, or refuses.
pub fn member_row(ctx: &ReducerContext, identity: Identity, server_id: u64) -> Checked<ServerMember> {
    membership(ctx, identity, server_id).ok_or_else(|| rules::USER_IS_NO_MEMBER.into())
}

/// Returns a channel with the caller's membership of its server, or refuses: "There is no channel 7.".
pub fn channel_of(ctx: &ReducerContext, channel_id: u64) -> Checked<(Channel, ServerMember)> {
    if let Some(channel) = ctx.db.channel().id().find(channel_id) {
        if let Some(member) = membership(ctx, ctx.sender(), channel.server_id) {
            return Ok((channel, member));
        }
    }
    Err(rules::no_row("channel", channel_id))
}

/// Returns the head of a channel that exists.
pub fn head_of(ctx: &ReducerContext, channel_id: u64) -> Checked<ChannelHead> {
    ctx.db.channel_head().channel_id().find(channel_id).ok_or_else(|| rules::no_row("channel head", channel_id))
}

/// Returns a thread with the caller's membership of its server, or refuses.
pub fn thread_of(ctx: &ReducerContext, thread_id: u64) -> Checked<(Thread, ServerMember)> {
    if let Some(thread) = ctx.db.thread().id().find(thread_id) {
        if ctx.db.channel().id().find(thread.channel_id).is_some() {
            if let Some(member) = membership(ctx, ctx.sender(), thread.server_id) {
                return Ok((thread, member));
            }
        }
    }
    Err(rules::no_row("thread", thread_id))
}

/// Returns a thread of this channel, or refuses.
pub fn thread_in(ctx: &ReducerContext, channel_id: u64, thread_id: u64) -> Checked<Thread> {
    let thread = ctx.db.thread().id().find(thread_id).filter(|thread| thread.channel_id == channel_id);
    thread.ok_or_else(|| rules::no_row_in_channel("thread", thread_id))
}

/// Returns a message with the caller's membership of its server, or refuses.
pub fn message_of(ctx: &ReducerContext, message_id: u64) -> Checked<(Message, ServerMember)> {
    if let Some(message) = ctx.db.message().id().find(message_id) {
        if ctx.db.channel().id().find(message.channel_id).is_some() {
            if let Some(member) = membership(ctx, ctx.sender(), message.server_id) {
                return Ok((message, member));
            }
        }
    }
    Err(rules::no_row("message", message_id))
}

/// Returns a message of this channel (any thread), or refuses.
pub fn message_in(ctx: &ReducerContext, channel_id: u64, message_id: u64) -> Checked<Message> {
    let message = ctx.db.message().id().find(message_id).filter(|message| message.channel_id == channel_id);
    message.ok_or_else(|| rules::no_row_in_channel("message", message_id))
}

/// Returns a conversation that the caller takes part in, or refuses.
pub fn conversation_of(ctx: &ReducerContext, conversation_id: u64) -> Checked<DirectConversation> {
    let caller = ctx.sender();
    let conversation = ctx.db.direct_conversation().id().find(conversation_id);
    conversation
        .filter(|row| row.participant_a == caller || row.participant_b == caller)
        .ok_or_else(|| rules::no_row("conversation", conversation_id))
}

/// Returns a direct message that the caller sent or got, or refuses.
pub fn direct_message_of(ctx: &ReducerContext, message_id: u64) -> Checked<DirectMessage> {
    let caller = ctx.sender();
    let message = ctx.db.direct_message().id().find(message_id);
    message
        .filter(|row| row.sender == caller || row.recipient == caller)
        .ok_or_else(|| rules::no_row("message", message_id))
}

/// Returns the mute that somebody has in a server, run out or not.
pub fn mute_of(ctx: &ReducerContext, identity: Identity, server_id: u64) -> Option<ServerMute> {
    ctx.db.server_mute().by_identity_server_id().filter((identity, server_id)).next()
}

/// Tells whether somebody has a mute in a server that has not run out.
pub fn is_muted(ctx: &ReducerContext, identity: Identity, server_id: u64) -> bool {
    mute_of(ctx, identity, server_id).is_some_and(|mute| mute.until.is_none_or(|until| ctx.timestamp < until))
}

/// Refuses a caller who may not speak in this server: step 6.
pub fn check_not_muted(ctx: &ReducerContext, server_id: u64) -> Checked {
    if is_muted(ctx, ctx.sender(), server_id) {
        return Err(rules::MUTED.into());
    }
    Ok(())
}

/// Returns the ban that somebody has in a server.
pub fn ban_of(ctx: &ReducerContext, identity: Identity, server_id: u64) -> Option<ServerBan> {
    ctx.db.server_ban().by_identity_server_id().filter((identity, server_id)).next()
}

/// Tells whether somebody may not join a server.
pub fn is_banned(ctx: &ReducerContext, identity: Identity, server_id: u64) -> bool {
    ban_of(ctx, identity, server_id).is_some()
}

/// Returns the block of `other` by `identity`.
pub fn block_of(ctx: &ReducerContext, identity: Identity, other: Identity) -> Option<UserBlock> {
    ctx.db.user_block().by_identity_blocked().filter((identity, other)).next()
}

/// Tells whether `identity` does not want to hear from `other`.
pub fn has_blocked(ctx: &ReducerContext, identity: Identity, other: Identity) -> bool {
    block_of(ctx, identity, other).is_some()
}

/// Returns how high a role stands: 4 for the Owner down to 1.
pub fn level(role: MemberRole) -> u8 {
    rules::LEVELS[role as usize]
}

/// Tells whether a member is Admin or Owner.
pub fn is_admin(member: &ServerMember) -> bool {
    level(member.role) >= rules::ADMIN_LEVEL
}

/// Tells whether a member is Moderator, Admin or Owner.
pub fn is_moderator(member: &ServerMember) -> bool {
    level(member.role) >= rules::MODERATOR_LEVEL
}

/// Refuses everybody but the Owner.
pub fn check_owner(member: &ServerMember) -> Checked {
    if member.role != MemberRole::Owner {
        return Err(rules::OWNER_ONLY.into());
    }
    Ok(())
}

/// Refuses members below Admin.
pub fn check_admin(member: &ServerMember) -> Checked {
    if !is_admin(member) {
        return Err(rules::ADMINS_ONLY.into());
    }
    Ok(())
}

/// Refuses members below Moderator.
pub fn check_moderator(member: &ServerMember) -> Checked {
    if !is_moderator(member) {
        return Err(rules::MODERATORS_ONLY.into());
    }
    Ok(())
}

/// Refuses a member whose level is not strictly higher than the target's.
pub fn check_outranks(member: &ServerMember, target: &ServerMember) -> Checked {
    if level(member.role) <= level(target.role) {
        return Err(rules::RANK_TOO_LOW.into());
    }
    Ok(())
}
