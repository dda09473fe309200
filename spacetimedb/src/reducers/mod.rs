//! The reducers of Spaces by noun; what each allows is contract.md sections 4, 7 and 8.

pub mod channels;
pub mod direct;
pub mod importing;
pub mod knowledge;
pub mod lifecycle;
pub mod messages;
pub mod moderation;
pub mod reactions;
pub mod server_invites;
pub mod servers;
pub mod task_claims;
pub mod tasks;
pub mod threads;
pub mod users;
pub mod votes;
