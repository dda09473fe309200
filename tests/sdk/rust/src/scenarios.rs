//! What people do with the SDK, each as a promise that is kept or panics.

use crate::bindings::{DeleteMessage, EditMessage, JoinServer, LeaveServer, Reducer, RegisterUser, StartTyping};
use crate::support::{
    connect, fresh, message_named, messages_of, next, ok, outcome, person, refused, server, subscribe, text, until,
};
use spacetimedb_sdk::{
    credentials, Compression, DbContext, Event, EventTable, Status, SubscriptionHandle, Table, TableWithPrimaryKey,
};
use std::sync::mpsc::channel;

pub const ALL: &[(&str, fn())] = &[
    ("calls_end_with_their_outcome", calls_end_with_their_outcome),
    ("own_calls_fire_callbacks_with_their_event", own_calls_fire_callbacks_with_their_event),
    ("others_are_told_of_inserts_updates_and_deletes", others_are_told_of_inserts_updates_and_deletes),
    ("event_tables_only_fire", event_tables_only_fire),
    ("bad_queries_are_refused_in_words", bad_queries_are_refused_in_words),
    ("unsubscribing_takes_the_rows_away", unsubscribing_takes_the_rows_away),
    ("rights_come_and_go_with_membership", rights_come_and_go_with_membership),
    ("a_saved_token_brings_the_identity_back", a_saved_token_brings_the_identity_back),
    ("compressed_payloads_are_asked_for", compressed_payloads_are_asked_for),
    ("all_tables_of_the_bindings", all_tables_of_the_bindings),
];

fn register(name: &str) -> RegisterUser {
    RegisterUser { username: name.into(), display_name: None, is_agent: false }
}

fn calls_end_with_their_outcome() {
    let client = connect(None, Compression::None);
    let reducers = &client.connection.reducers;
    let name = fresh("rust");

    let early = refused(|then| reducers.join_server(JoinServer { server_id: 1 }, then));
    assert_eq!(early, "Register first: call register_user.");
    assert_eq!(refused(|then| reducers.register_user(register(""), then)), "The username cannot be empty.");
    assert!(matches!(outcome(|then| reducers.register_user(register(&name), then)), Ok(Ok(()))));
    assert_eq!(refused(|then| reducers.join_server(JoinServer { server_id: 0 }, then)), "There is no server 0.");
}

fn own_calls_fire_callbacks_with_their_event() {
    let owner = person();
    let (_, general) = server(&owner);
    subscribe(&owner, [messages_of(general)]).expect("a subscription");
    let (tell, told) = channel();
    owner.connection.db.message().on_insert(move |context, row| {
        let by = match &context.event {
            Event::Reducer(event) => (event.reducer.clone(), event.status.clone(), event.timestamp),
            other => panic!("caused by {other:?}"),
        };
        tell.send((by, row.clone())).unwrap_or(());
    });
    ok(|then| owner.connection.reducers.send_message(text(general, "hello"), then));

    let ((reducer, status, timestamp), row) = next(&told, "the message");
    assert_eq!(reducer, Reducer::SendMessage(text(general, "hello")));
    assert!(matches!(status, Status::Committed));
    assert_eq!((row.content.as_str(), row.sender, row.created_at), ("hello", owner.identity, timestamp));
    assert_eq!(owner.connection.db.message().find(&row.id), Some(row));
}

fn others_are_told_of_inserts_updates_and_deletes() {
    let (owner, member) = (person(), person());
    let (server_id, general) = server(&owner);
    ok(|then| member.connection.reducers.join_server(JoinServer { server_id }, then));
    subscribe(&member, [messages_of(general)]).expect("a subscription");
    subscribe(&owner, [messages_of(general)]).expect("a subscription");
    let (tell, told) = channel();
    let (inserted, updated, deleted) = (tell.clone(), tell.clone(), tell);
    let table = member.connection.db.message();
    table.on_insert(move |context, row| {
        assert!(matches!(context.event, Event::Transaction), "caused by {:?}", context.event);
        inserted.send(("insert", String::new(), row.content.clone())).unwrap_or(());
    });
    table.on_update(move |_, old, new| {
        updated.send(("update", old.content.clone(), new.content.clone())).unwrap_or(());
    });
    table.on_delete(move |_, row| deleted.send(("delete", row.content.clone(), String::new())).unwrap_or(()));

    ok(|then| owner.connection.reducers.send_message(text(general, "first"), then));
    let message_id = message_named(&owner, "first").expect("the own message").id;
    let edit = EditMessage { message_id, content: "second".into() };
    ok(|then| owner.connection.reducers.edit_message(edit, then));
    ok(|then| owner.connection.reducers.delete_message(DeleteMessage { message_id }, then));
    assert_eq!(next(&told, "the insert"), ("insert", String::new(), "first".into()));
    assert_eq!(next(&told, "the update"), ("update", "first".into(), "second".into()));
    assert_eq!(next(&told, "the delete"), ("delete", "second".into(), String::new()));
}

fn event_tables_only_fire() {
    let (owner, member) = (person(), person());
    let (server_id, general) = server(&owner);
    ok(|then| member.connection.reducers.join_server(JoinServer { server_id }, then));
    subscribe(&member, ["SELECT * FROM typing_indicator".into()]).expect("a subscription");
    let (tell, told) = channel();
    member.connection.db.typing_indicator().on_insert(move |_, row| tell.send(row.clone()).unwrap_or(()));
    ok(|then| owner.connection.reducers.start_typing(StartTyping { channel_id: general }, then));

    let typed = next(&told, "the event");
    assert_eq!((typed.channel_id, typed.identity, typed.server_id), (general, owner.identity, server_id));
    assert_eq!(member.connection.db.typing_indicator().count(), 0);
}

fn bad_queries_are_refused_in_words() {
    let client = person();
    let refusal = subscribe(&client, ["SELECT * FROM nope".into()]).err().expect("a refusal");
    assert!(refusal.contains("no such table: `nope`"), "{refusal}");
    let private = subscribe(&client, ["SELECT * FROM deployment".into()]).err().expect("a refusal");
    assert!(private.contains("it may be marked private"), "{private}");

    subscribe(&client, ["SELECT * FROM server WHERE id = 1".into()]).expect("the connection lives on");
    assert_eq!(client.connection.db.server().count(), 1);
}

fn unsubscribing_takes_the_rows_away() {
    let client = person();
    let kept = subscribe(&client, ["SELECT * FROM server WHERE id = 1".into()]).expect("a subscription");
    let ended = subscribe(&client, ["SELECT * FROM user_profile".into()]).expect("a subscription");
    assert!(client.connection.db.user_profile().count() >= 2);
    let (tell, told) = channel();
    ended.clone().unsubscribe_then(Box::new(move |_| tell.send(()).unwrap_or(()))).expect("an unsubscription");
    next(&told, "the end of the subscription");

    assert!(ended.is_ended() && kept.is_active());
    assert_eq!((client.connection.db.user_profile().count(), client.connection.db.server().count()), (0, 1));
}

fn rights_come_and_go_with_membership() {
    let (owner, member) = (person(), person());
    let (server_id, general) = server(&owner);
    ok(|then| owner.connection.reducers.send_message(text(general, "before"), then));
    subscribe(&member, [messages_of(general)]).expect("a subscription");
    assert_eq!(member.connection.db.message().count(), 0);
    ok(|then| member.connection.reducers.join_server(JoinServer { server_id }, then));
    assert!(message_named(&member, "before").is_some(), "joining brings the rows");
    ok(|then| member.connection.reducers.leave_server(LeaveServer { server_id }, then));
    assert_eq!(member.connection.db.message().count(), 0);
}

fn a_saved_token_brings_the_identity_back() {
    let first = person();
    let file = || credentials::File::new("spaces-sdk-test");
    file().save(first.token.as_str()).expect("a saved token");
    let (_, general) = server(&first);
    first.connection.disconnect().expect("a disconnection");
    next(&first.ended, "the end of the connection");

    let again = connect(file().load().expect("a readable file"), Compression::None);
    assert_eq!((again.identity, &again.token), (first.identity, &first.token));
    ok(|then| again.connection.reducers.send_message(text(general, "back"), then));
    subscribe(&again, [messages_of(general)]).expect("a subscription");
    assert!(message_named(&again, "back").is_some());
}

fn compressed_payloads_are_asked_for() {
    for compression in [Compression::Gzip, Compression::Brotli] {
        let client = connect(None, compression);
        subscribe(&client, ["SELECT * FROM user_profile".into()]).expect("a subscription");
        assert!(client.connection.db.user_profile().count() >= 2);
    }
}

fn all_tables_of_the_bindings() {
    let owner = person();
    let (_, general) = server(&owner);
    let everything = connect(Some(owner.token.clone()), Compression::None);
    everything.connection.subscription_builder().on_applied(|_| ()).subscribe_to_all_tables();
    until("the rows of all tables", || everything.connection.db.channel().find(&general).is_some());
    assert!(everything.connection.db.user_profile().find(&owner.identity).is_some());
}
