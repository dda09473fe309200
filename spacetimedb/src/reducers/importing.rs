//! The reducers of an import: opening, one for each table's rows and numbers, closing (contract section 8).
//!
//! `import_<table>` and `advance_<table>` differ in nothing but their tables, so one macro makes both kinds.

use spacetimedb::sats::bsatn;
use spacetimedb::{reducer, DeserializeOwned, ReducerContext, Table};

use crate::rules_text::Checked;
use crate::tables::*;
use crate::{access, import_finish, rules_import};

const SYSTEM_USERNAME: &str = "system";
// More than the fixed parts of any row.
const PLACEHOLDER_BYTES: usize = 1024;

/// Returns the deployment row, or refuses everybody but its owner.
fn deployment_of_owner(ctx: &ReducerContext) -> Checked<Deployment> {
    let deployment = access::deployment(ctx)?;
    if ctx.sender() != deployment.owner {
        return Err(rules_import::NOT_OWNER.into());
    }
    Ok(deployment)
}

/// Returns the deployment row, or refuses unless its owner calls while an import is open.
fn open_deployment(ctx: &ReducerContext) -> Checked<Deployment> {
    let deployment = deployment_of_owner(ctx)?;
    if !deployment.import_open {
        return Err(rules_import::NOT_OPEN.into());
    }
    Ok(deployment)
}

/// Empties tables, each by its primary key.
macro_rules! empty {
    ($ctx:expr, $($table:ident($key:ident)),+ $(,)?) => {
        $(for row in $ctx.db.$table().iter() {
            $ctx.db.$table().$key().delete(&row.$key);
        })+
    };
}

/// Empties the database but for its deployment and its connections, and opens the import.
///
/// Only the owner's, and only while nobody but the owner and the system is registered. While it is open already,
/// nothing changes.
#[reducer]
pub fn begin_import(ctx: &ReducerContext) -> Checked {
    let deployment = deployment_of_owner(ctx)?;
    if deployment.import_open {
        return Ok(());
    }
    let expected = [deployment.owner, deployment.system];
    if ctx.db.user_profile().iter().any(|profile| !expected.contains(&profile.identity)) {
        return Err(rules_import::NOT_FRESH.into());
    }

    empty!(
        ctx,
        user_profile(identity),
        user_presence(identity),
        agent_card(identity),
        user_block(id),
        username_claim(username),
        identity_state(identity),
        server(id),
        server_member(id),
        server_invite(id),
        server_mute(id),
        server_ban(id),
        audit_entry(id),
        channel(id),
        channel_head(channel_id),
        thread(id),
        channel_pin(id),
        channel_read_state(id),
        message(id),
        message_edit(id),
        reaction(id),
        direct_conversation(id),
        direct_message(id),
        inbox_item(id),
        idempotency_key(id),
        task(id),
        task_text(task_id),
        vote(id),
        ballot(id),
        knowledge(id),
        timer(scheduled_id),
    );
    ctx.db.deployment().id().update(Deployment { import_open: true, ..deployment });
    Ok(())
}

/// Closes the import for good and derives what was not imported: system, presences, inbox counts, timers.
#[reducer]
pub fn finish_import(ctx: &ReducerContext) -> Checked {
    let deployment = open_deployment(ctx)?;
    let claim = ctx.db.username_claim().username().find(SYSTEM_USERNAME.to_owned());
    let system = claim.ok_or(rules_import::NO_SYSTEM)?.identity;

    ctx.db.deployment().id().update(Deployment { system, import_open: false, ..deployment });
    import_finish::derive_presences(ctx);
    import_finish::count_inboxes(ctx);
    import_finish::arm_timers(ctx);
    Ok(())
}

/// Returns a row that draws a number and is deleted at once: zero bytes are a row of every table.
fn placeholder<Row: DeserializeOwned>() -> Checked<Row> {
    bsatn::from_reader(&mut [0u8; PLACEHOLDER_BYTES].as_slice()).map_err(|error| error.to_string())
}

macro_rules! import_table {
    (
        $import:ident, $row:ident, $table:ident
        $(, advance $advance:ident($number:ident))?
        $(, unique $unique:ident)*
        $(, pair $pair:ident($first:ident, $second:ident))?
    ) => {
        /// Adds rows to one table as they are, ids included; a row that breaks a key is refused with the whole call.
        #[reducer]
        pub fn $import(ctx: &ReducerContext, rows: Vec<$row>) -> Checked {
            open_deployment(ctx)?;
            let table = ctx.db.$table();
            for (position, row) in (1..).zip(rows) {
                $(if row.$number == 0 {
                    return Err(rules_import::no_number(position, stringify!($table), stringify!($number)));
                })?
                $(if table.$unique().find(&row.$unique).is_some() {
                    return Err(rules_import::repeats(position, stringify!($table), &[stringify!($unique)]));
                })*
                $(if table.$pair().filter((&row.$first, &row.$second)).next().is_some() {
                    let columns = [stringify!($first), stringify!($second)];
                    return Err(rules_import::repeats(position, stringify!($table), &columns));
                })?
                table.insert(row);
            }
            Ok(())
        }

        $(
            /// Draws numbers of one table until `to` is passed, or DRAWS_MAX of them; one that a row has is used up.
            #[reducer]
            pub fn $advance(ctx: &ReducerContext, to: u64) -> Checked {
                open_deployment(ctx)?;
                let table = ctx.db.$table();
                let row: $row = placeholder()?;
                let mut drawn = 0;
                for _ in 0..rules_import::DRAWS_MAX {
                    if drawn >= to {
                        break;
                    }
                    if let Ok(row) = table.try_insert(row.clone()) {
                        drawn = row.$number;
                        table.$number().delete(drawn);
                    }
                }
                Ok(())
            }
        )?
    };
}

import_table!(import_user_profile, UserProfile, user_profile, unique identity, unique username);
import_table!(import_user_presence, UserPresence, user_presence, unique identity);
import_table!(import_agent_card, AgentCard, agent_card, unique identity);
import_table!(
    import_user_block, UserBlock, user_block, advance advance_user_block(id),
    unique id, pair by_identity_blocked(identity, blocked)
);
import_table!(import_username_claim, UsernameClaim, username_claim, unique username);
import_table!(import_server, Server, server, advance advance_server(id), unique id);
import_table!(
    import_server_member, ServerMember, server_member, advance advance_server_member(id),
    unique id, pair by_identity_server_id(identity, server_id)
);
import_table!(
    import_server_invite, ServerInvite, server_invite, advance advance_server_invite(id),
    unique id, unique code
);
import_table!(
    import_server_mute, ServerMute, server_mute, advance advance_server_mute(id),
    unique id, pair by_identity_server_id(identity, server_id)
);
import_table!(
    import_server_ban, ServerBan, server_ban, advance advance_server_ban(id),
    unique id, pair by_identity_server_id(identity, server_id)
);
import_table!(import_audit_entry, AuditEntry, audit_entry, advance advance_audit_entry(id), unique id);
import_table!(import_channel, Channel, channel, advance advance_channel(id), unique id);
import_table!(import_channel_head, ChannelHead, channel_head, unique channel_id);
import_table!(import_thread, Thread, thread, advance advance_thread(id), unique id);
import_table!(
    import_channel_pin, ChannelPin, channel_pin, advance advance_channel_pin(id),
    unique id, unique message_id
);
import_table!(
    import_channel_read_state, ChannelReadState, channel_read_state, advance advance_channel_read_state(id),
    unique id, pair by_identity_channel_id(identity, channel_id)
);
import_table!(import_message, Message, message, advance advance_message(id), unique id);
import_table!(import_message_edit, MessageEdit, message_edit, advance advance_message_edit(id), unique id);
import_table!(import_reaction, Reaction, reaction, advance advance_reaction(id), unique id);
import_table!(
    import_direct_conversation, DirectConversation, direct_conversation, advance advance_direct_conversation(id),
    unique id, pair by_participant_a_participant_b(participant_a, participant_b)
);
import_table!(import_direct_message, DirectMessage, direct_message, advance advance_direct_message(id), unique id);
import_table!(import_inbox_item, InboxItem, inbox_item, advance advance_inbox_item(id), unique id);
import_table!(
    import_idempotency_key, IdempotencyKey, idempotency_key, advance advance_idempotency_key(id),
    unique id, pair by_sender_client_key(sender, client_key)
);
import_table!(import_task, Task, task, advance advance_task(id), unique id);
import_table!(import_task_text, TaskText, task_text, unique task_id);
import_table!(import_vote, Vote, vote, advance advance_vote(id), unique id);
import_table!(
    import_ballot, Ballot, ballot, advance advance_ballot(id),
    unique id, pair by_voter_vote_id(voter, vote_id)
);
import_table!(import_knowledge, Knowledge, knowledge, advance advance_knowledge(id), unique id);
