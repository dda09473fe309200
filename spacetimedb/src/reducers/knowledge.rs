//! Shared knowledge: publish, verify, retract (contract section 7).

use spacetimedb::{reducer, Identity, ReducerContext, Table};

use crate::audit::About;
use crate::coordination_access::{announce_in, is_moderating_person, knowledge_of};
use crate::events::{absent_if_zero, event_content, kind_name, EventValue};
use crate::knowledge_rules::Authority;
use crate::keys::keyed;
use crate::rules_text::Checked;
use crate::tables::*;
use crate::types::KnowledgeKind;
use crate::{access, audit, keys, knowledge_rules, rules_coordination, rules_text};

fn announce(ctx: &ReducerContext, row: &Knowledge, event: &str, members: Vec<(&str, EventValue)>) -> Checked {
    let mut all = vec![("knowledge", row.id.into()), ("key", (&row.key).into())];
    all.extend(members);
    announce_in(ctx, row.channel_id, None, ctx.sender(), event_content(event, &all))?;
    Ok(())
}

fn authority(row: &Knowledge) -> Authority<Identity> {
    Authority { kind: row.kind, author: row.author, verified_by: row.verified_by }
}

/// Says what a channel knows under a key; `supersedes` is the id of the current row, 0 if there is none.
#[reducer]
#[allow(clippy::too_many_arguments)] // the contract's
pub fn publish_knowledge(
    ctx: &ReducerContext,
    channel_id: u64,
    key: String,
    body: String,
    kind: KnowledgeKind,
    source_message_id: u64,
    supersedes: u64,
    client_key: Option<String>,
) -> Checked {
    let caller = access::caller(ctx)?;
    rules_coordination::check_key(&key)?;
    rules_coordination::check_knowledge_body(&body)?;
    rules_text::check_client_key(&client_key)?;
    let call = keyed!(
        publish_knowledge, client_key;
        channel_id, key, body, kind, source_message_id, supersedes, client_key
    );
    if keys::is_repeat(ctx, &call)? {
        return Ok(());
    }
    let (channel, member) = access::channel_of(ctx, channel_id)?;
    if source_message_id != 0 {
        access::message_in(ctx, channel_id, source_message_id)?;
    }
    access::check_not_muted(ctx, channel.server_id)?;
    let moderating = is_moderating_person(&caller, &member);
    knowledge_rules::check_may_publish(kind, moderating)?;
    let rows = ctx.db.knowledge();
    let current =
        rows.by_channel_id_key_superseded_by_retracted().filter((channel_id, &key, 0u64, false)).next();
    let current_id = current.as_ref().map_or(0, |current| current.id);
    if supersedes != current_id {
        return Err(knowledge_rules::current_is(current_id));
    }
    if let Some(current) = &current {
        knowledge_rules::check_may_supersede(&authority(current), &ctx.sender(), moderating)?;
    }

    let row = rows.insert(Knowledge {
        id: 0,
        server_id: channel.server_id,
        channel_id,
        key,
        body,
        kind,
        author: ctx.sender(),
        verified_by: None,
        source_message_id,
        supersedes,
        superseded_by: 0,
        retracted: false,
        created_at: ctx.timestamp,
    });
    if let Some(current) = current {
        rows.id().update(Knowledge { superseded_by: row.id, ..current });
    }
    let members = vec![("kind", kind_name(kind).into()), ("supersedes", absent_if_zero(supersedes).into())];
    announce(ctx, &row, "knowledge.published", members)?;
    keys::record(ctx, call, row.id);
    Ok(())
}

/// Confirms what somebody else has published; a verified row stays as it is.
#[reducer]
pub fn verify_knowledge(ctx: &ReducerContext, knowledge_id: u64) -> Checked {
    access::caller(ctx)?;
    let (row, _) = knowledge_of(ctx, knowledge_id)?;
    access::check_not_muted(ctx, row.server_id)?;
    if row.author == ctx.sender() {
        return Err(knowledge_rules::NOT_YOUR_OWN.into());
    }
    if row.verified_by.is_some() {
        return Ok(());
    }
    if !knowledge_rules::is_current(row.superseded_by, row.retracted) {
        return Err(knowledge_rules::not_current(knowledge_id));
    }

    let row = ctx.db.knowledge().id().update(Knowledge { verified_by: Some(ctx.sender()), ..row });
    announce(ctx, &row, "knowledge.verified", vec![])
}

/// Takes back what a channel knows; its author may, and persons who are Moderators or above.
#[reducer]
pub fn retract_knowledge(ctx: &ReducerContext, knowledge_id: u64) -> Checked {
    let caller = access::caller(ctx)?;
    let (row, member) = knowledge_of(ctx, knowledge_id)?;
    let moderating = is_moderating_person(&caller, &member);
    knowledge_rules::check_may_retract(&authority(&row), &ctx.sender(), moderating)?;
    if row.retracted {
        return Ok(());
    }
    if !knowledge_rules::is_current(row.superseded_by, row.retracted) {
        return Err(knowledge_rules::not_current(knowledge_id));
    }

    let row = ctx.db.knowledge().id().update(Knowledge { retracted: true, ..row });
    announce(ctx, &row, "knowledge.retracted", vec![])?;
    let about = About { channel_id: row.channel_id, object_id: knowledge_id, ..About::default() };
    audit::note(ctx, row.server_id, "knowledge.retracted", about);
    Ok(())
}
