//! What the SDK wants of every module's bindings and what no table or reducer changes: contexts, connection, handles.

use crate::bindings::{AppliedDiff, DbUpdate, Reducer};
use spacetimedb_sdk::__codegen as sdk;
use std::marker::PhantomData;

#[derive(Debug)]
pub struct RemoteModule;

pub type Imp = sdk::DbContextImpl<RemoteModule>;

impl sdk::SpacetimeModule for RemoteModule {
    type DbConnection = DbConnection;
    type EventContext = EventContext;
    type ReducerEventContext = ReducerEventContext;
    type ProcedureEventContext = ProcedureEventContext;
    type SubscriptionEventContext = SubscriptionEventContext;
    type ErrorContext = ErrorContext;
    type Reducer = Reducer;
    type DbView = RemoteTables;
    type Reducers = RemoteReducers;
    type Procedures = RemoteProcedures;
    type DbUpdate = DbUpdate;
    type AppliedDiff<'r> = AppliedDiff<'r>;
    type SubscriptionHandle = SubscriptionHandle;
    type QueryBuilder = sdk::QueryBuilder;

    fn register_tables(cache: &mut sdk::ClientCache<Self>) {
        crate::bindings::register_tables(cache);
    }

    const ALL_TABLE_NAMES: &'static [&'static str] = crate::bindings::TABLE_NAMES;
}

/// Marks types as this module's.
#[macro_export]
macro_rules! in_module {
    ($($name:ty),* $(,)?) => {
        $(impl spacetimedb_sdk::__codegen::InModule for $name {
            type Module = $crate::runtime::RemoteModule;
        })*
    };
}

macro_rules! views {
    ($($name:ident),*) => {
        $(pub struct $name {
            #[allow(dead_code, reason = "the module has no procedures")]
            pub(crate) imp: Imp,
        }
        in_module!($name);)*
    };
}
views!(RemoteTables, RemoteReducers, RemoteProcedures);

macro_rules! contexts {
    ($($name:ident { $($event:ident : $type:ty)? })*) => {
        $(#[allow(dead_code, reason = "what the SDK hands to callbacks, used or not")]
        pub struct $name {
            pub db: RemoteTables,
            pub reducers: RemoteReducers,
            procedures: RemoteProcedures,
            $(pub $event: $type,)?
            imp: Imp,
        }

        in_module!($name);

        impl sdk::DbContext for $name {
            type DbView = RemoteTables;
            type Reducers = RemoteReducers;
            type Procedures = RemoteProcedures;
            type SubscriptionBuilder = sdk::SubscriptionBuilder<RemoteModule>;

            fn db(&self) -> &RemoteTables {
                &self.db
            }
            fn reducers(&self) -> &RemoteReducers {
                &self.reducers
            }
            fn procedures(&self) -> &RemoteProcedures {
                &self.procedures
            }
            fn is_active(&self) -> bool {
                self.imp.is_active()
            }
            fn disconnect(&self) -> sdk::Result<()> {
                self.imp.disconnect()
            }
            fn subscription_builder(&self) -> Self::SubscriptionBuilder {
                sdk::SubscriptionBuilder::new(&self.imp)
            }
            fn try_identity(&self) -> Option<sdk::Identity> {
                self.imp.try_identity()
            }
            fn connection_id(&self) -> sdk::ConnectionId {
                self.imp.connection_id()
            }
            fn try_connection_id(&self) -> Option<sdk::ConnectionId> {
                self.imp.try_connection_id()
            }
        }

        $(impl sdk::AbstractEventContext for $name {
            type Event = $type;

            fn event(&self) -> &$type {
                &self.$event
            }
            fn new(imp: Imp, $event: $type) -> Self {
                Self {
                    db: RemoteTables { imp: imp.clone() },
                    reducers: RemoteReducers { imp: imp.clone() },
                    procedures: RemoteProcedures { imp: imp.clone() },
                    $event,
                    imp,
                }
            }
        })?)*
    };
}
contexts! {
    DbConnection {}
    EventContext { event: sdk::Event<Reducer> }
    ReducerEventContext { event: sdk::ReducerEvent<Reducer> }
    ProcedureEventContext { event: () }
    SubscriptionEventContext { event: () }
    ErrorContext { event: Option<sdk::Error> }
}

impl sdk::EventContext for EventContext {}
impl sdk::ReducerEventContext for ReducerEventContext {}
impl sdk::ProcedureEventContext for ProcedureEventContext {}
impl sdk::SubscriptionEventContext for SubscriptionEventContext {}
impl sdk::ErrorContext for ErrorContext {}

impl sdk::DbConnection for DbConnection {
    fn new(imp: Imp) -> Self {
        Self {
            db: RemoteTables { imp: imp.clone() },
            reducers: RemoteReducers { imp: imp.clone() },
            procedures: RemoteProcedures { imp: imp.clone() },
            imp,
        }
    }
}

impl DbConnection {
    pub fn builder() -> sdk::DbConnectionBuilder<RemoteModule> {
        sdk::DbConnectionBuilder::new()
    }
    pub fn run_threaded(&self) -> std::thread::JoinHandle<()> {
        self.imp.run_threaded()
    }
}

#[derive(Clone)]
pub struct SubscriptionHandle {
    imp: sdk::SubscriptionHandleImpl<RemoteModule>,
}

in_module!(SubscriptionHandle);

impl sdk::SubscriptionHandle for SubscriptionHandle {
    fn new(imp: sdk::SubscriptionHandleImpl<RemoteModule>) -> Self {
        Self { imp }
    }
    fn is_ended(&self) -> bool {
        self.imp.is_ended()
    }
    fn is_active(&self) -> bool {
        self.imp.is_active()
    }
    fn unsubscribe_then(self, on_end: sdk::OnEndedCallback<RemoteModule>) -> sdk::Result<()> {
        self.imp.unsubscribe_then(Some(on_end))
    }
    fn unsubscribe(self) -> sdk::Result<()> {
        self.imp.unsubscribe_then(None)
    }
}

/// A row of one of this module's tables.
pub trait Row: sdk::InModule<Module = RemoteModule> + Clone + Send + Sync + std::fmt::Debug + 'static {}
impl<R: sdk::InModule<Module = RemoteModule> + Clone + Send + Sync + std::fmt::Debug + 'static> Row for R {}

pub struct CallbackId(sdk::CallbackId);

/// One table of the cache, for all tables alike.
pub struct Rows<'ctx, R: Row> {
    pub(crate) imp: sdk::TableHandle<R>,
    pub(crate) ctx: PhantomData<&'ctx RemoteTables>,
}

/// An event table, whose rows only fire callbacks.
pub struct Events<'ctx, R: Row>(pub(crate) Rows<'ctx, R>);

impl<R: Row> sdk::Table for Rows<'_, R> {
    type Row = R;
    type EventContext = EventContext;
    type InsertCallbackId = CallbackId;
    type DeleteCallbackId = CallbackId;

    fn count(&self) -> u64 {
        self.imp.count()
    }
    fn iter(&self) -> impl Iterator<Item = R> + '_ {
        self.imp.iter()
    }
    fn on_insert(&self, callback: impl FnMut(&EventContext, &R) + Send + 'static) -> CallbackId {
        CallbackId(self.imp.on_insert(Box::new(callback)))
    }
    fn remove_on_insert(&self, callback: CallbackId) {
        self.imp.remove_on_insert(callback.0)
    }
    fn on_delete(&self, callback: impl FnMut(&EventContext, &R) + Send + 'static) -> CallbackId {
        CallbackId(self.imp.on_delete(Box::new(callback)))
    }
    fn remove_on_delete(&self, callback: CallbackId) {
        self.imp.remove_on_delete(callback.0)
    }
}

impl<R: Row> sdk::TableWithPrimaryKey for Rows<'_, R> {
    type UpdateCallbackId = CallbackId;

    fn on_update(&self, callback: impl FnMut(&EventContext, &R, &R) + Send + 'static) -> CallbackId {
        CallbackId(self.imp.on_update(Box::new(callback)))
    }
    fn remove_on_update(&self, callback: CallbackId) {
        self.imp.remove_on_update(callback.0)
    }
}

impl<R: Row> sdk::EventTable for Events<'_, R> {
    type Row = R;
    type EventContext = EventContext;
    type InsertCallbackId = CallbackId;

    fn count(&self) -> u64 {
        self.0.imp.count()
    }
    fn iter(&self) -> impl Iterator<Item = R> + '_ {
        self.0.imp.iter()
    }
    fn on_insert(&self, callback: impl FnMut(&EventContext, &R) + Send + 'static) -> CallbackId {
        CallbackId(self.0.imp.on_insert(Box::new(callback)))
    }
    fn remove_on_insert(&self, callback: CallbackId) {
        self.0.imp.remove_on_insert(callback.0)
    }
}
