//! Tasks, votes and shared knowledge.

use spacetimedb::{table, Identity, Timestamp};

use crate::types::{Electorate, KnowledgeKind, TaskState};

/// A piece of work that at most one identity holds; `attempt` is its fencing token.
#[table(
    accessor = task,
    public,
    index(accessor = by_skill_phase, btree(columns = [skill, phase])),
    index(accessor = by_target_phase, btree(columns = [target, phase])),
    index(accessor = by_assignee_phase, btree(columns = [assignee, phase]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub server_id: u64,
    #[index(btree)]
    pub channel_id: u64,
    pub thread_id: Option<u64>,
    #[index(btree)]
    pub parent_id: u64,
    pub title: String,
    pub skill: String,
    pub target: Identity,
    pub creator: Identity,
    pub state: TaskState,
    pub phase: u8,
    pub assignee: Identity,
    pub attempt: u32,
    pub failures: u32,
    pub failures_max: u32,
    pub lease_until: Option<Timestamp>,
    pub not_before: Timestamp,
    pub human_only: bool,
    pub note: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The long texts of a task, apart so that a renewed lease does not send them again.
#[table(
    accessor = task_text,
    public
)]
#[derive(Clone, Debug, PartialEq)]
pub struct TaskText {
    #[primary_key]
    pub task_id: u64,
    #[index(btree)]
    pub server_id: u64,
    #[index(btree)]
    pub channel_id: u64,
    pub body: String,
    pub input: Option<String>,
    pub input_by: Option<Identity>,
    pub result: Option<String>,
    pub meta: Option<String>,
}

/// A question to the members of a server.
#[table(
    accessor = vote,
    public,
    index(accessor = by_channel_id_closed, btree(columns = [channel_id, closed])),
    index(accessor = by_creator_closed, btree(columns = [creator, closed]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Vote {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub server_id: u64,
    #[index(btree)]
    pub channel_id: u64,
    pub creator: Identity,
    pub question: String,
    pub options: Vec<String>,
    pub electorate: Electorate,
    pub electors: u32,
    pub quorum: u32,
    pub closes_at: Timestamp,
    pub ballots: u32,
    pub closed: bool,
    pub tally: Vec<u32>,
    pub outcome: Option<u32>,
    pub member_id_max: u64,
    pub created_at: Timestamp,
}

/// One elector's choice.
#[table(
    accessor = ballot,
    public,
    index(accessor = by_voter_vote_id, btree(columns = [voter, vote_id]))
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Ballot {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub vote_id: u64,
    #[index(btree)]
    pub server_id: u64,
    #[index(btree)]
    pub voter: Identity,
    pub choice: u32,
    pub cast_at: Timestamp,
}

/// A fact of a channel under a key; at most one row a key is current.
#[table(
    accessor = knowledge,
    public,
    index(
        accessor = by_channel_id_key_superseded_by_retracted,
        btree(columns = [channel_id, key, superseded_by, retracted])
    )
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Knowledge {
    #[primary_key]
    #[auto_inc]
    pub id: u64,
    #[index(btree)]
    pub server_id: u64,
    #[index(btree)]
    pub channel_id: u64,
    pub key: String,
    pub body: String,
    pub kind: KnowledgeKind,
    pub author: Identity,
    pub verified_by: Option<Identity>,
    pub source_message_id: u64,
    pub supersedes: u64,
    pub superseded_by: u64,
    pub retracted: bool,
    pub created_at: Timestamp,
}
