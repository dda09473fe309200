//! A channel and its head are made together and go together.

use spacetimedb::{ReducerContext, Table};

use crate::tables::*;
use crate::types::{ChannelType, TimerKind};
use crate::{rules, timers};

/// Makes a channel with its head; agents in a row are limited everywhere but in AgentLog channels.
pub fn add(
    ctx: &ReducerContext,
    server_id: u64,
    name: String,
    channel_type: ChannelType,
    topic: Option<String>,
    position: u32,
) -> Channel {
    let now = ctx.timestamp;
    let agent_streak_max = if channel_type == ChannelType::AgentLog { 0 } else { rules::AGENT_STREAK_DEFAULT };
    let channel = ctx.db.channel().insert(Channel {
        id: 0,
        server_id,
        name,
        topic,
        channel_type,
        position,
        created_at: now,
        agent_streak_max,
    });
    ctx.db.channel_head().insert(ChannelHead {
        channel_id: channel.id,
        server_id,
        last_seq: 0,
        last_text_seq: 0,
        last_message_id: 0,
        last_message_at: now,
        last_text_at: now,
        agent_streak: 0,
        open_tasks: 0,
    });
    channel
}

/// Removes a channel with its head at once, and has the rest purged.
pub fn remove(ctx: &ReducerContext, channel_id: u64) {
    ctx.db.channel().id().delete(channel_id);
    ctx.db.channel_head().channel_id().delete(channel_id);
    timers::arm(ctx, TimerKind::PurgeChannel, channel_id, ctx.timestamp);
}
