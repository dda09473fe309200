//! The Spaces module for SpacetimeDB 2.x: the twin of `agent_spaces.fabric`, file by file.
//!
//! What it holds and does is contract.md. Without the feature `module` only the rules are built, which need no host.

pub mod events;
pub mod json_scan;
pub mod knowledge_rules;
pub mod rules;
pub mod rules_coordination;
pub mod rules_import;
pub mod rules_text;
pub mod task_rules;
pub mod types;
pub mod vote_rules;

macro_rules! of_module {
    ($($file:ident),+ $(,)?) => {
        $(#[cfg(feature = "module")]
        pub mod $file;)+
    };
}

of_module!(
    access,
    attention,
    audit,
    budget,
    channel_rows,
    coordination,
    coordination_access,
    import_finish,
    invites,
    keys,
    members,
    purge,
    reducers,
    rows,
    tables,
    talk,
    task_changes,
    timers,
    user_names,
    visibility,
    vote_changes,
);
