//! Who may read which rows (contract.md section 5): one rule a table, as a real host was seen to enforce them.

use spacetimedb::{client_visibility_filter, Filter};

#[client_visibility_filter]
const USER_BLOCK: Filter = Filter::Sql(
    "SELECT * FROM user_block WHERE identity = :sender",
);

#[client_visibility_filter]
const SERVER_INVITE: Filter = Filter::Sql(
    "SELECT * FROM server_invite WHERE creator = :sender",
);

#[client_visibility_filter]
const SERVER_MUTE: Filter = Filter::Sql(
    "SELECT t.* FROM server_mute t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);

#[client_visibility_filter]
const SERVER_BAN: Filter = Filter::Sql(
    "SELECT t.* FROM server_ban t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);

#[client_visibility_filter]
const AUDIT_ENTRY: Filter = Filter::Sql(
    "SELECT t.* FROM audit_entry t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);

#[client_visibility_filter]
const CHANNEL: Filter = Filter::Sql(
    "SELECT t.* FROM channel t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);

#[client_visibility_filter]
const CHANNEL_HEAD: Filter = Filter::Sql(
    "SELECT t.* FROM channel_head t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);

#[client_visibility_filter]
const THREAD: Filter = Filter::Sql(
    "SELECT t.* FROM thread t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);

#[client_visibility_filter]
const CHANNEL_PIN: Filter = Filter::Sql(
    "SELECT t.* FROM channel_pin t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);

#[client_visibility_filter]
const CHANNEL_READ_STATE: Filter = Filter::Sql(
    "SELECT * FROM channel_read_state WHERE identity = :sender",
);

#[client_visibility_filter]
const TYPING_INDICATOR: Filter = Filter::Sql(
    "SELECT t.* FROM typing_indicator t JOIN server_member m ON t.server_id = m.server_id \
     WHERE t.channel_id > 0 AND m.identity = :sender",
);

#[client_visibility_filter]
const MESSAGE: Filter = Filter::Sql(
    "SELECT t.* FROM message t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);

#[client_visibility_filter]
const MESSAGE_EDIT: Filter = Filter::Sql(
    "SELECT t.* FROM message_edit t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);

#[client_visibility_filter]
const REACTION: Filter = Filter::Sql(
    "SELECT t.* FROM reaction t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);

#[client_visibility_filter]
const DIRECT_CONVERSATION: Filter = Filter::Sql(
    "SELECT * FROM direct_conversation WHERE participant_a = :sender OR participant_b = :sender",
);

#[client_visibility_filter]
const DIRECT_MESSAGE: Filter = Filter::Sql(
    "SELECT * FROM direct_message WHERE sender = :sender OR recipient = :sender",
);

#[client_visibility_filter]
const INBOX_ITEM: Filter = Filter::Sql(
    "SELECT * FROM inbox_item WHERE identity = :sender",
);

#[client_visibility_filter]
const SYSTEM_NOTIFICATION: Filter = Filter::Sql(
    "SELECT * FROM system_notification WHERE target = :sender",
);

#[client_visibility_filter]
const IDEMPOTENCY_KEY: Filter = Filter::Sql(
    "SELECT * FROM idempotency_key WHERE sender = :sender",
);

#[client_visibility_filter]
const TASK: Filter = Filter::Sql(
    "SELECT t.* FROM task t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);

#[client_visibility_filter]
const TASK_TEXT: Filter = Filter::Sql(
    "SELECT t.* FROM task_text t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);

#[client_visibility_filter]
const VOTE: Filter = Filter::Sql(
    "SELECT t.* FROM vote t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);

#[client_visibility_filter]
const BALLOT: Filter = Filter::Sql(
    "SELECT * FROM ballot WHERE voter = :sender",
);

#[client_visibility_filter]
const KNOWLEDGE: Filter = Filter::Sql(
    "SELECT t.* FROM knowledge t JOIN server_member m ON t.server_id = m.server_id WHERE m.identity = :sender",
);
