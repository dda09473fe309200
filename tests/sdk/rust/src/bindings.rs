//! The tables and reducers of Spaces that the scenarios use, as the SDK wants them declared.

use crate::in_module;
use crate::runtime::{EventContext, Events, ReducerEventContext, RemoteModule, RemoteReducers, RemoteTables, Rows};
use spacetimedb_sdk::__codegen::{self as sdk, __lib, __sats, __ws};
use spacetimedb_sdk::{Identity, Timestamp};
use std::marker::PhantomData;

macro_rules! structs {
    ($($name:ident { $($field:ident : $type:ty),* $(,)? })*) => {
        $(#[derive(__lib::ser::Serialize, __lib::de::Deserialize, Clone, PartialEq, Debug)]
        #[sats(crate = __lib)]
        pub struct $name { $(pub $field: $type),* }
        in_module!($name);)*
    };
}

macro_rules! enums {
    ($($name:ident { $($variant:ident),* $(,)? })*) => {
        $(#[derive(__lib::ser::Serialize, __lib::de::Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
        #[sats(crate = __lib)]
        #[allow(dead_code, reason = "every variant has its tag")]
        pub enum $name { $($variant),* }
        in_module!($name);)*
    };
}

enums! {
    ChannelType { Text, Voice, Announcement, AgentLog }
    MessageType { Text, System, AgentEvent, Join, Leave }
}

structs! {
    UserProfile {
        identity: Identity,
        username: String,
        display_name: Option<String>,
        avatar_url: Option<String>,
        bio: Option<String>,
        is_agent: bool,
        created_at: Timestamp,
    }
    Server {
        id: u64,
        name: String,
        description: Option<String>,
        icon_url: Option<String>,
        owner: Identity,
        created_at: Timestamp,
        invite_only: bool,
    }
    Channel {
        id: u64,
        server_id: u64,
        name: String,
        topic: Option<String>,
        channel_type: ChannelType,
        position: u32,
        created_at: Timestamp,
        agent_streak_max: u32,
    }
    Message {
        id: u64,
        channel_id: u64,
        thread_id: Option<u64>,
        sender: Identity,
        content: String,
        message_type: MessageType,
        created_at: Timestamp,
        edited_at: Option<Timestamp>,
        reply_to_id: Option<u64>,
        server_id: u64,
        seq: u64,
        meta: Option<String>,
    }
    TypingIndicator { id: u64, channel_id: u64, identity: Identity, server_id: u64 }
}

macro_rules! tables {
    (rows { $($name:ident : $row:ident by $key:ident : $key_type:ty),* $(,)? }
     events { $($event:ident : $event_row:ident),* $(,)? }) => {
        pub const TABLE_NAMES: &[&str] = &[$(stringify!($name),)* $(stringify!($event)),*];

        pub fn register_tables(cache: &mut sdk::ClientCache<RemoteModule>) {
            $(cache
                .get_or_make_table::<$row>(stringify!($name))
                .add_unique_constraint::<$key_type>(stringify!($key), |row| &row.$key);)*
            $(cache.get_or_make_table::<$event_row>(stringify!($event));)*
        }

        #[derive(Default, Debug)]
        pub struct DbUpdate {
            $($name: sdk::TableUpdate<$row>,)*
            $($event: sdk::TableUpdate<$event_row>,)*
        }

        in_module!(DbUpdate);

        impl TryFrom<__ws::v2::TransactionUpdate> for DbUpdate {
            type Error = sdk::Error;

            fn try_from(raw: __ws::v2::TransactionUpdate) -> Result<Self, sdk::Error> {
                let mut update = DbUpdate::default();
                for table in sdk::transaction_update_iter_table_updates(raw) {
                    match &table.table_name[..] {
                        $(stringify!($name) => update.$name.append(sdk::TableUpdate::parse_table_update(table)?),)*
                        $(stringify!($event) => update.$event.append(sdk::TableUpdate::parse_table_update(table)?),)*
                        unknown => return Err(unknown_table(unknown)),
                    }
                }
                Ok(update)
            }
        }

        impl sdk::DbUpdate for DbUpdate {
            fn apply_to_client_cache(&self, cache: &mut sdk::ClientCache<RemoteModule>) -> AppliedDiff<'_> {
                AppliedDiff {
                    $($name: cache
                        .apply_diff_to_table::<$row>(stringify!($name), &self.$name)
                        .with_updates_by_pk(|row| &row.$key),)*
                    $($event: self.$event.into_event_diff(),)*
                }
            }
            fn parse_initial_rows(raw: __ws::v2::QueryRows) -> sdk::Result<Self> {
                let mut update = DbUpdate::default();
                for table in raw.tables {
                    match &table.table[..] {
                        $(stringify!($name) => update.$name.append(sdk::parse_row_list_as_inserts(table.rows)?),)*
                        unknown => return Err(unknown_table(unknown)),
                    }
                }
                Ok(update)
            }
            fn parse_unsubscribe_rows(raw: __ws::v2::QueryRows) -> sdk::Result<Self> {
                let mut update = DbUpdate::default();
                for table in raw.tables {
                    match &table.table[..] {
                        $(stringify!($name) => update.$name.append(sdk::parse_row_list_as_deletes(table.rows)?),)*
                        unknown => return Err(unknown_table(unknown)),
                    }
                }
                Ok(update)
            }
        }

        pub struct AppliedDiff<'r> {
            $($name: sdk::TableAppliedDiff<'r, $row>,)*
            $($event: sdk::TableAppliedDiff<'r, $event_row>,)*
        }

        in_module!(AppliedDiff<'_>);

        impl<'r> sdk::AppliedDiff<'r> for AppliedDiff<'r> {
            fn invoke_row_callbacks(&self, context: &EventContext, callbacks: &mut sdk::DbCallbacks<RemoteModule>) {
                $(callbacks.invoke_table_row_callbacks::<$row>(stringify!($name), &self.$name, context);)*
                $(callbacks.invoke_table_row_callbacks::<$event_row>(stringify!($event), &self.$event, context);)*
            }
        }

        impl RemoteTables {
            $(pub fn $name(&self) -> Rows<'_, $row> {
                Rows { imp: self.imp.get_table::<$row>(stringify!($name)), ctx: PhantomData }
            })*
            $(pub fn $event(&self) -> Events<'_, $event_row> {
                Events(Rows { imp: self.imp.get_table::<$event_row>(stringify!($event)), ctx: PhantomData })
            })*
        }

        $(impl Rows<'_, $row> {
            /// The cached row with this primary key.
            #[allow(dead_code, reason = "every table has it")]
            pub fn find(&self, key: &$key_type) -> Option<$row> {
                self.imp.get_unique_constraint::<$key_type>(stringify!($key)).find(key)
            }
        })*
    };
}

tables! {
    rows {
        user_profile: UserProfile by identity: Identity,
        server: Server by id: u64,
        channel: Channel by id: u64,
        message: Message by id: u64,
    }
    events { typing_indicator: TypingIndicator }
}

fn unknown_table(name: &str) -> sdk::Error {
    sdk::InternalError::unknown_name("table", name, "DatabaseUpdate").into()
}

/// What a call ends with: refused is `Ok(Err(text))`, failed inside `Err`.
pub type Outcome = Result<Result<(), String>, sdk::InternalError>;

macro_rules! reducers {
    ($($name:ident / $variant:ident { $($field:ident : $type:ty),* $(,)? })*) => {
        #[derive(Clone, PartialEq, Debug)]
        pub enum Reducer { $($variant($variant)),* }

        in_module!(Reducer);
        structs! { $($variant { $($field: $type),* })* }

        impl sdk::Reducer for Reducer {
            fn reducer_name(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($name)),* }
            }
            fn args_bsatn(&self) -> Result<Vec<u8>, __sats::bsatn::EncodeError> {
                match self { $(Self::$variant(arguments) => __sats::bsatn::to_vec(arguments)),* }
            }
        }

        $(impl From<$variant> for Reducer {
            fn from(arguments: $variant) -> Self {
                Self::$variant(arguments)
            }
        })*

        impl RemoteReducers {
            $(pub fn $name(
                &self,
                arguments: $variant,
                then: impl FnOnce(&ReducerEventContext, Outcome) + Send + 'static,
            ) -> sdk::Result<()> {
                self.imp.invoke_reducer_with_callback(arguments, then)
            })*
        }
    };
}

reducers! {
    register_user / RegisterUser { username: String, display_name: Option<String>, is_agent: bool }
    create_server / CreateServer { name: String, description: Option<String>, icon_url: Option<String> }
    join_server / JoinServer { server_id: u64 }
    leave_server / LeaveServer { server_id: u64 }
    send_message / SendMessage {
        channel_id: u64,
        content: String,
        message_type: MessageType,
        thread_id: Option<u64>,
        reply_to_id: Option<u64>,
        client_key: Option<String>,
        meta: Option<String>,
    }
    edit_message / EditMessage { message_id: u64, content: String }
    delete_message / DeleteMessage { message_id: u64 }
    start_typing / StartTyping { channel_id: u64 }
}
