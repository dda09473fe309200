//! The limits of contract section 3 and the texts of every refusal of sections 4.1 to 4.6.
//!
//! The Python twin has both to the letter, so a text is a constant or a function of plain numbers and names.

use crate::types::MemberRole;

pub const HUB_ID: u64 = 1;
pub const SECOND_US: i64 = 1_000_000;
pub const DAY_S: u32 = 86_400;

// Per identity.
pub const SERVERS_OWNED_MAX: usize = 20;
pub const MEMBERSHIPS_MAX: usize = 200;
pub const CONVERSATIONS_STARTED_MAX: usize = 1000;
pub const USERNAMES_MAX: usize = 5;
pub const INBOX_ITEMS_MAX: u32 = 10_000; // beyond it Mentions and Replies are not kept
pub const CALLS_MAX: u32 = 60;
pub const CALLS_WINDOW_US: i64 = 60 * SECOND_US;

// Per server, channel and message.
pub const CHANNELS_MAX: usize = 500;
pub const INVITES_MAX: usize = 100;
pub const PINS_MAX: usize = 50;
pub const REACTIONS_MAX: usize = 1000;
pub const EMOJI_KINDS_MAX: usize = 20;
pub const MENTIONED_NAMES_MAX: usize = 50;
pub const MENTIONS_MAX: usize = 20;
pub const EDITS_MAX: usize = 100;

// Of single arguments.
pub const POSITION_MAX: u32 = 1_000_000;
pub const AGENT_STREAK_LIMIT_MAX: u32 = 10_000;
pub const SKILLS_MAX: usize = 32;
pub const ACK_IDS_MAX: usize = 100;
pub const INVITE_USES_MAX: u32 = 1000;
pub const DURATION_S_MAX: u32 = 365 * DAY_S; // of mutes and invites

pub const AGENT_STREAK_DEFAULT: u32 = 100; // of channels other than AgentLog, and of every conversation
pub const AGENT_STREAK_QUIET_US: i64 = 600 * SECOND_US;
pub const DIRECT_ROWS_READ_MAX: usize = 1000; // a call of mark_dm_read

pub const PURGE_ROWS_MAX: usize = 2000; // a slice
pub const PURGE_PAUSE_US: i64 = 100_000; // between two slices

pub const LEVELS: [u8; 5] = [4, 3, 2, 1, 1]; // by the tag of MemberRole
pub const ADMIN_LEVEL: u8 = LEVELS[MemberRole::Admin as usize];
pub const MODERATOR_LEVEL: u8 = LEVELS[MemberRole::Moderator as usize];
pub const ROLE_NAMES: [&str; 5] = ["Owner", "Admin", "Moderator", "Member", "Agent"]; // by the tag of MemberRole

pub const RESERVED_USERNAMES: [&str; 9] =
    ["admin", "everyone", "here", "human", "moderator", "operator", "owner", "spaces", "system"];
pub const MODULE_EVENT_PREFIXES: [&str; 5] = ["task.", "vote.", "knowledge.", "member.", "server."];

// Steps 1 and 3.
pub const REGISTER_FIRST: &str = "Register first: call register_user.";
pub const IMPORT_UNDER_WAY: &str = "An import is under way.";
pub const ONLY_THE_SCHEDULER: &str = "Only the scheduler calls run_timer.";
pub const CLIENT_KEY_REUSED: &str = "This client key was used for another call.";

// Step 2: ranges, and arguments that no state could make right.
pub const ONLY_THE_SYSTEM_SENDS: &str = "Only the system sends messages of this type.";
pub const POSITION_TOO_HIGH: &str = "A position must be 1000000 or less.";
pub const AGENT_STREAK_MAX_TOO_HIGH: &str = "The agent_streak_max must be 10000 or less.";
pub const TOO_MANY_SKILLS: &str = "A card holds at most 32 skills.";
pub const SKILL_TWICE: &str = "A skill stands twice on this card.";
pub const TOO_MANY_IDS: &str = "At most 100 items can be acknowledged in one call.";
pub const INVITE_USES: &str = "An invite must have 1 to 1000 uses.";
pub const INVITE_DURATION: &str = "An invite must last 1 second to 365 days.";
pub const MUTE_DURATION: &str = "A mute must last 1 second to 365 days.";
pub const OWNER_IS_TRANSFERRED: &str = "Call transfer_ownership to make somebody the owner.";
pub const OWN_ROLE: &str = "You cannot change your own role.";
pub const BLOCK_ONESELF: &str = "You cannot block yourself.";
pub const DIRECT_TO_ONESELF: &str = "You cannot start a conversation with yourself.";

// Steps 4 to 7: what is there, and who may.
pub const INVITE_NOT_VALID: &str = "This invite is not valid.";
pub const NO_SUCH_INVITE: &str = "You have no invite with this code.";
pub const NOT_A_MEMBER: &str = "You are not a member of this server.";
pub const USER_IS_NO_MEMBER: &str = "This user is not a member of this server.";
pub const MUTED: &str = "You are muted in this server.";
pub const ADMINS_ONLY: &str = "Only admins and the owner may do this.";
pub const MODERATORS_ONLY: &str = "Only moderators, admins and the owner may do this.";
pub const OWNER_ONLY: &str = "Only the owner may do this.";
pub const RANK_TOO_LOW: &str = "You can do this only to members whose role is below yours.";
pub const ROLE_TOO_HIGH: &str = "You can only give roles below your own.";
pub const PERSONS_CREATE_SERVERS: &str = "Agents cannot create servers.";
pub const AGENTS_HAVE_CARDS: &str = "Only agents have a card.";
pub const OWNER_CANNOT_LEAVE: &str = "The owner cannot leave: transfer or delete the server first.";
pub const BANNED: &str = "You are banned from this server.";
pub const INVITE_ONLY: &str = "This server can only be joined with an invite.";
pub const ANNOUNCEMENTS_BY_ADMINS: &str = "Only admins and the owner may post in announcement channels.";
pub const VOICE_CARRIES_NO_TEXT: &str = "Voice channels carry no text.";
pub const EDIT_BY_SENDER: &str = "Only its sender may edit a message.";
pub const DELETE_BY_SENDER: &str = "Only its sender may delete this message.";
pub const DELETE_BY_SENDER_OR_MODERATOR: &str =
    "Only its sender, moderators, admins and the owner may delete this message.";
pub const DELETE_BY_MODERATOR: &str = "Only moderators, admins and the owner may delete messages made by the system.";
pub const NOT_EDITABLE: &str = "Messages made by the system cannot be edited.";
pub const THREAD_BY_CREATOR_OR_MODERATOR: &str =
    "Only its creator, moderators, admins and the owner may change this thread.";
pub const BLOCKED: &str = "You cannot write to this person.";

// Step 8: state, uniqueness, counts.
pub const AGENT_FOR_EVER: &str = "An agent cannot become a person again.";
pub const TRANSFER_FIRST: &str = "Transfer your servers first.";
pub const TOO_MANY_USERNAMES: &str = "You have used 5 usernames already.";
pub const OWNS_TOO_MANY: &str = "You own 20 servers already.";
pub const NEW_OWNER_OWNS_TOO_MANY: &str = "This user owns 20 servers already.";
pub const TOO_MANY_MEMBERSHIPS: &str = "You are a member of 200 servers already.";
pub const HUB_STAYS: &str = "The Hub cannot be deleted.";
pub const NEW_OWNER_MUST_BE_ADMIN: &str = "The new owner must be a person who is an admin of this server.";
pub const AGENT_ROLE_FOR_AGENT: &str = "The role of an agent is always Agent.";
pub const AGENT_ROLE_FOR_PERSON: &str = "A person cannot have the role Agent.";
pub const INVITE_CODE_TAKEN: &str = "This invite code is taken.";
pub const TOO_MANY_INVITES: &str = "This server has 100 invites already.";
pub const CHANNEL_NAME_TAKEN: &str = "This server has a channel of this name already.";
pub const TOO_MANY_CHANNELS: &str = "This server has 500 channels already.";
pub const THREAD_ARCHIVED: &str = "This thread is archived.";
pub const TOO_MANY_EDITS: &str = "This message was edited 100 times already.";
pub const TOO_MANY_REACTIONS: &str = "This message has 1000 reactions already.";
pub const TOO_MANY_EMOJI: &str = "This message has 20 different emoji already.";
pub const TOO_MANY_PINS: &str = "This channel has 50 pins already.";
pub const NO_SHARED_SERVER: &str = "You share no server with this user.";
pub const TOO_MANY_CONVERSATIONS: &str = "You have started 1000 conversations already.";

// Step 9.
pub const TOO_MANY_CALLS: &str = "Too many calls; try again in a minute.";

/// Says that there is no server, channel, thread, message, conversation … of this id.
pub fn no_row(noun: &str, row_id: u64) -> String {
    format!("There is no {noun} {row_id}.")
}

/// Says that this channel has no thread, message or task of this id.
pub fn no_row_in_channel(noun: &str, row_id: u64) -> String {
    format!("There is no {noun} {row_id} in this channel.")
}

/// Says that this conversation has no message of this id.
pub fn no_message_in_conversation(message_id: u64) -> String {
    format!("There is no message {message_id} in this conversation.")
}

/// Says that nobody is registered under this identity.
pub fn no_user(identity_hex: &str) -> String {
    format!("There is no user {identity_hex}.")
}

/// Says that a name is kept from everybody.
pub fn username_reserved(username: &str) -> String {
    format!("The username {username} is reserved.")
}

/// Says that a name is somebody else's.
pub fn username_taken(username: &str) -> String {
    format!("The username {username} is taken.")
}

/// Says whose events with this prefix (dot included) are.
pub fn module_event(prefix: &str) -> String {
    format!("Events named {prefix}* are made by the system.")
}

/// Says why an agent has to wait.
pub fn agents_in_a_row(streak_max: u32) -> String {
    format!(
        "Agents have sent {streak_max} messages here in a row; \
         a person's message or 10 quiet minutes will reset this."
    )
}

/// Text of the Join message.
pub fn joined(username: &str) -> String {
    format!("{username} joined")
}

/// Text of the Leave message of who goes by themselves.
pub fn left(username: &str) -> String {
    format!("{username} left")
}

/// Text of the Leave message of who was removed or banned.
pub fn was_removed(username: &str) -> String {
    format!("{username} was removed")
}

/// Text of the System message about a pin.
pub fn pinned(username: &str) -> String {
    format!("{username} pinned a message")
}

/// Text of the System message about a new owner.
pub fn is_now_the_owner(username: &str) -> String {
    format!("{username} is now the owner")
}

/// Title of the notification `removed`.
pub fn you_were_removed(server_name: &str) -> String {
    format!("You were removed from {server_name}")
}

/// Title of the notification `role`.
pub fn your_role_is_now(server_name: &str, role: MemberRole) -> String {
    format!("Your role in {server_name} is now {}", ROLE_NAMES[role as usize])
}

/// Title of the notification `mute` when a mute begins.
pub fn you_were_muted(server_name: &str) -> String {
    format!("You were muted in {server_name}")
}

/// Title of the notification `mute` when a mute was lifted.
pub fn you_can_speak_again(server_name: &str) -> String {
    format!("You can speak again in {server_name}")
}
