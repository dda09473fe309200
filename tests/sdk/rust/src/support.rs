//! Connections for scenarios, and waiting that ends.

use crate::bindings::{CreateServer, Message, MessageType, Outcome, RegisterUser, SendMessage};
use crate::runtime::{DbConnection, ReducerEventContext, SubscriptionHandle};
use spacetimedb_sdk::{Compression, DbContext, Identity, Table};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const PATIENCE: Duration = Duration::from_secs(30);

/// One connection and who it is.
pub struct Client {
    pub connection: DbConnection,
    pub identity: Identity,
    pub token: String,
    pub ended: Receiver<()>,
}

pub fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

/// A name that nothing else has.
pub fn fresh(stem: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    format!("{stem}-{:x}", now.as_nanos() % (1 << 60))
}

/// Wait for what a callback sends.
pub fn next<T>(of: &Receiver<T>, what: &str) -> T {
    of.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{what} did not come"))
}

/// Wait until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Connect, as whoever the token says; without one the host makes an identity.
pub fn connect(token: Option<String>, compression: Compression) -> Client {
    let (greet, greeted) = channel();
    let (end, ended) = channel();
    let connection = DbConnection::builder()
        .with_uri(setting("SPACES_HOST"))
        .with_database_name(setting("SPACES_DATABASE"))
        .with_token(token)
        .with_compression(compression)
        .on_connect(move |_, identity, token| greet.send((identity, token.to_owned())).expect("somebody waits"))
        .on_connect_error(|_, error| panic!("not connected: {error}"))
        .on_disconnect(move |_, _| end.send(()).unwrap_or(()))
        .build()
        .expect("a connection");
    connection.run_threaded();
    let (identity, token) = next(&greeted, "the greeting");
    Client { connection, identity, token, ended }
}

/// Connect as somebody who is registered.
pub fn person() -> Client {
    let client = connect(None, Compression::None);
    let arguments = RegisterUser { username: fresh("rust"), display_name: None, is_agent: false };
    ok(|then| client.connection.reducers.register_user(arguments, then));
    client
}

type Then = Box<dyn FnOnce(&ReducerEventContext, Outcome) + Send>;

/// Make a call and wait for its end.
pub fn outcome<E: std::fmt::Debug>(call: impl FnOnce(Then) -> Result<(), E>) -> Outcome {
    let (tell, told): (Sender<Outcome>, _) = channel();
    call(Box::new(move |_, outcome| tell.send(outcome).expect("somebody waits"))).expect("a call that was sent");
    next(&told, "the end of a call")
}

pub fn ok<E: std::fmt::Debug>(call: impl FnOnce(Then) -> Result<(), E>) {
    outcome(call).expect("a call that ran").expect("a call that was not refused");
}

pub fn refused<E: std::fmt::Debug>(call: impl FnOnce(Then) -> Result<(), E>) -> String {
    outcome(call).expect("a call that ran").expect_err("a refusal")
}

/// Subscribe and wait until the rows are there; the host's words if it refuses.
pub fn subscribe<const N: usize>(client: &Client, queries: [String; N]) -> Result<SubscriptionHandle, String> {
    let (tell, told) = channel();
    let refuse = tell.clone();
    let handle = client
        .connection
        .subscription_builder()
        .on_applied(move |_| tell.send(Ok(())).unwrap_or(()))
        .on_error(move |_, error| refuse.send(Err(error.to_string())).unwrap_or(()))
        .subscribe(queries);
    next(&told, "the subscription").map(|()| handle)
}

/// Make a server and return its id and that of its channel general.
pub fn server(owner: &Client) -> (u64, u64) {
    let name = fresh("server");
    let arguments = CreateServer { name: name.clone(), description: None, icon_url: None };
    ok(|then| owner.connection.reducers.create_server(arguments, then));
    let all = subscribe(owner, ["SELECT * FROM server".into(), "SELECT * FROM channel".into()]);
    all.expect("a subscription");
    let server = owner.connection.db.server().iter().find(|row| row.name == name).expect("the server");
    let channel = owner.connection.db.channel().iter().find(|row| row.server_id == server.id).expect("its channel");
    (server.id, channel.id)
}

pub fn text(channel_id: u64, content: &str) -> SendMessage {
    SendMessage {
        channel_id,
        content: content.into(),
        message_type: MessageType::Text,
        thread_id: None,
        reply_to_id: None,
        client_key: None,
        meta: None,
    }
}

pub fn messages_of(channel_id: u64) -> String {
    format!("SELECT * FROM message WHERE channel_id = {channel_id}")
}

pub fn message_named(client: &Client, content: &str) -> Option<Message> {
    client.connection.db.message().iter().find(|row| row.content == content)
}
