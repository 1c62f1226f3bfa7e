//! Live updates over WebSocket, of a customer's orders and of analytics, and the updates that a client missed.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{
    PASSWORD, Person, Shop, Socket, Stack, drained, eventually, forged_token, genuine_token, items_with, processing,
    send_now,
};
use uuid::Uuid;

fn sequence(message: &Value) -> u64 {
    message["sequence"].as_u64().unwrap_or_else(|| panic!("no sequence: {message}"))
}

fn is_paid(order: &Value) -> impl Fn(&Value) -> bool {
    let id = order["id"].clone();
    move |message| message["subject"] == id && message["status"] == "paid"
}

/// Waits until no item of a connection contains `text`.
async fn no_connection_is_left(text: &str) {
    eventually("the connection to be removed", || async {
        let left = items_with("AnalyticsTable", text).await;
        // The feed stays for clients that reconnect, and the log stays for good.
        let stays = |item: &String| ["FEED#", "LOG#"].iter().any(|key| item.contains(key));
        let left: Vec<_> = left.into_iter().filter(|item| !stays(item)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
}

#[tokio::test]
async fn events_of_an_order_are_published_to_its_owner_only() {
    let shop = Shop::open().await;
    let mug = shop.product(5).await;
    let (carol, dave) = (Person::customer().await, Person::customer().await);
    let (mut here, mut there) = (Socket::connect(&carol).await, Socket::connect(&carol).await);
    let mut daves = Socket::connect(&dave).await;
    let (start, missed) = here.subscribe("orders", None).await;
    assert!(missed.is_empty(), "{missed:?}");
    assert_eq!(there.subscribe("orders", None).await.0, start);
    daves.subscribe("orders", None).await;

    let order = carol.check_out(&mug, 2, "pm_card_visa").await;
    let messages = here.until(is_paid(&order)).await;
    let messages: Vec<_> =
        messages.iter().map(|message| (sequence(message), message["event_type"].as_str().unwrap())).collect();
    assert_eq!(messages, [(start + 1, "OrderPlaced"), (start + 2, "CheckoutStarted"), (start + 3, "OrderConfirmed")]);
    let same = there.until(is_paid(&order)).await;
    let last = same.last().unwrap();
    let names: Vec<&String> = last.as_object().unwrap().keys().collect();
    assert_eq!(names, ["event_type", "sequence", "status", "subject", "subject_sequence", "time", "topic", "type"]);
    assert_eq!(
        (&last["type"], &last["topic"], &last["subject_sequence"]),
        (&json!("event"), &json!("orders"), &json!(3))
    );
    assert_eq!(same.iter().map(sequence).collect::<Vec<_>>(), [start + 1, start + 2, start + 3]);
    assert_eq!(carol.order(&order).await["status"], "paid");
    assert_eq!(daves.received().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_declined_order_ends_cancelled() {
    let shop = Shop::open().await;
    let mug = shop.product(5).await;
    let carol = Person::customer().await;
    let mut socket = Socket::connect(&carol).await;
    socket.subscribe("orders", None).await;
    let order = carol.check_out(&mug, 1, "pm_card_chargeDeclined").await;
    let messages = socket.until(|message| message["status"] == "cancelled").await;
    let is_expected = |message: &Value| message["subject"] == order["id"] && message["status"] != "paid";
    assert!(messages.iter().all(is_expected), "{messages:?}");
}

#[tokio::test]
async fn a_client_that_reconnects_receives_exactly_what_it_missed() {
    let shop = Shop::open().await;
    let mug = shop.product(5).await;
    let carol = Person::customer().await;
    let (mut leaves, mut stays) = (Socket::connect(&carol).await, Socket::connect(&carol).await);
    leaves.subscribe("orders", None).await;
    stays.subscribe("orders", None).await;
    let first = carol.check_out(&mug, 1, "pm_card_visa").await;
    let received = sequence(leaves.until(is_paid(&first)).await.last().unwrap());
    stays.until(is_paid(&first)).await;
    leaves.close().await;

    let second = carol.check_out(&mug, 1, "pm_card_visa").await;
    let meanwhile = stays.until(is_paid(&second)).await;
    let mut back = Socket::connect(&carol).await;
    let (newest, missed) = back.subscribe("orders", Some(received)).await;
    assert_eq!(missed, meanwhile);
    assert_eq!(newest, received + 3);
    // A client that missed nothing receives nothing.
    assert_eq!(back.subscribe("orders", Some(newest)).await, (newest, Vec::new()));
}

#[tokio::test]
async fn messages_that_are_no_longer_stored_are_reported_as_a_gap() {
    let carol = Person::customer().await;
    let mut socket = Socket::connect(&carol).await;
    let (start, _) = socket.subscribe("orders", None).await;
    for _ in 0..2 {
        send_now("PublishOrderUpdatesQueue", &processing(&carol)).await;
    }
    // Two functions may publish them, and the second one may be faster.
    let mut messages = [socket.next().await, socket.next().await];
    messages.sort_by_key(sequence);
    // A sequence of an earlier feed, which is gone, and one that was never used.
    for (last, from) in [(start - 5, start - 4), (start + 1_000, 1)] {
        let (newest, mut missed) = socket.subscribe("orders", Some(last)).await;
        assert_eq!(missed.remove(0), json!({ "type": "gap", "topic": "orders", "from": from, "to": start }));
        assert_eq!((newest, &missed[..]), (start + 2, &messages[..]));
    }
}

/// Clients connect while events are published. In the end each has all messages, as missed ones or as live updates.
#[tokio::test]
async fn no_message_is_lost_between_subscription_and_live_updates() {
    const EVENTS: u64 = 30;
    let carol = Person::customer().await;
    let mut first = Socket::connect(&carol).await;
    let (start, _) = first.subscribe("orders", None).await;
    let events = async {
        for _ in 0..EVENTS / 5 {
            join_all((0..5).map(|_| async { send_now("PublishOrderUpdatesQueue", &processing(&carol)).await })).await;
        }
    };
    let clients = join_all((0..8).map(|_| async {
        let mut socket = Socket::connect(&carol).await;
        let (_, mut missed) = socket.subscribe("orders", Some(start)).await;
        assert!(missed.iter().all(|message| message["type"] == "event"), "{missed:?}");
        let mut by_sequence = BTreeMap::new();
        while by_sequence.len() < EVENTS as usize {
            let message = match missed.pop() {
                Some(message) => message,
                None => socket.next().await,
            };
            // The same sequence is always the same message.
            assert!(by_sequence.insert(sequence(&message), message.clone()).is_none_or(|before| before == message));
        }
        by_sequence
    }));
    let ((), clients) = futures::join!(events, clients);
    let all: Vec<u64> = (start + 1..=start + EVENTS).collect();
    for received in &clients {
        assert_eq!(received.keys().copied().collect::<Vec<_>>(), all);
        assert_eq!(received, &clients[0]);
    }
}

#[tokio::test]
async fn an_event_that_is_delivered_three_times_is_published_once() {
    let carol = Person::customer().await;
    let mut socket = Socket::connect(&carol).await;
    let (start, _) = socket.subscribe("orders", None).await;
    let event = processing(&carol);
    for _ in 0..3 {
        send_now("PublishOrderUpdatesQueue", &event).await;
    }
    let after = processing(&carol);
    drained("PublishOrderUpdatesQueue").await;
    send_now("PublishOrderUpdatesQueue", &after).await;
    let messages = socket.until(|message| message["subject"] == after["subject"]).await;
    let subjects: Vec<_> = messages.iter().map(|message| (sequence(message), &message["subject"])).collect();
    assert_eq!(subjects, [(start + 1, &event["subject"]), (start + 2, &after["subject"])]);
}

#[tokio::test]
async fn a_handshake_without_a_valid_token_is_refused() {
    let (carol, gone) = (Person::customer().await, Person::customer().await);
    let claims = carol.claims();
    let expired = genuine_token(&tokens::Claims { exp: claims.iat - 1, ..claims.clone() }).await;
    gone.post("/auth/logout", &json!({})).await.expect(204);
    let invalid = [
        String::new(),
        "nonsense".to_owned(),
        expired,
        forged_token(&claims, "ES256").await,
        forged_token(&claims, "none").await,
        gone.token().to_owned(),
    ];
    assert_eq!(Socket::handshake(None, "").await.err(), Some(403));
    for token in invalid {
        assert_eq!(Socket::handshake(Some(&format!("Bearer {token}")), "").await.err(), Some(403), "{token}");
        assert_eq!(Socket::handshake(None, &format!("?access_token={token}")).await.err(), Some(403), "{token}");
    }
    let basic = format!("Basic {}", carol.token());
    assert_eq!(Socket::handshake(Some(&basic), "").await.err(), Some(403));

    // A browser cannot send the header.
    let mut socket = Socket::handshake(None, &format!("?access_token={}", carol.token())).await.unwrap();
    socket.subscribe("orders", None).await;
    assert_eq!(socket.received().await, Vec::<Value>::new());
}

#[tokio::test]
async fn forbidden_topics_and_invalid_messages_are_refused_and_the_connection_stays_open() {
    let (carol, dave) = (Person::customer().await, Person::customer().await);
    let mut socket = Socket::connect(&carol).await;
    let refused = socket.request(&json!({ "action": "subscribe", "topic": "analytics" })).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("forbidden")));
    let wrong = [
        (json!({ "action": "subscribe", "topic": "orders", "user_id": dave.id }), "user_id"),
        (json!({ "action": "subscribe", "topic": "payments" }), "topic"),
        (json!({ "action": "subscribe" }), "topic"),
        (json!({ "action": "subscribe", "topic": "orders", "last_sequence": "41" }), "last_sequence"),
        (json!({ "action": "unsubscribe", "topic": "orders", "all": true }), "all"),
        (json!({ "action": "dance" }), "action"),
        (json!({ "topic": "orders" }), "action"),
        (json!([]), ""),
    ];
    for (message, field) in wrong {
        let refused = socket.request(&message).await;
        assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("validation_failed")), "{message}");
        let fields: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
        assert_eq!(fields, [field], "{message}");
        assert!(refused["detail"].is_string() && refused["correlation_id"].is_string());
    }
    for text in ["", "{", "action", "\u{fffd}"] {
        socket.send_text(text).await;
        let refused = socket.next().await;
        assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("malformed_json")), "{text:?}");
    }
    let follows: Vec<_> =
        items_with("AnalyticsTable", &carol.id).await.into_iter().filter(|item| item.contains("FOLLOWERS#")).collect();
    assert!(follows.is_empty(), "{follows:?}");
    assert_eq!(socket.request(&json!({ "action": "ping" })).await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn a_client_that_unsubscribes_or_leaves_receives_nothing_more() {
    let carol = Person::customer().await;
    let (mut stays, mut leaves) = (Socket::connect(&carol).await, Socket::connect(&carol).await);
    stays.subscribe("orders", None).await;
    leaves.subscribe("orders", None).await;
    let response = leaves.request(&json!({ "action": "unsubscribe", "topic": "orders" })).await;
    assert_eq!(response, json!({ "type": "unsubscribed", "topic": "orders" }));
    let event = processing(&carol);
    send_now("PublishOrderUpdatesQueue", &event).await;
    stays.until(|message| message["subject"] == event["subject"]).await;
    assert_eq!(leaves.received().await, Vec::<Value>::new());
    stays.close().await;
    leaves.close().await;
    no_connection_is_left(&carol.id).await;
}

#[tokio::test]
async fn at_most_ten_connections_follow_one_users_orders() {
    let carol = Person::customer().await;
    let mut sockets = join_all((0..11).map(|_| Socket::connect(&carol))).await;
    for socket in &mut sockets[..10] {
        socket.subscribe("orders", None).await;
    }
    let subscribe = json!({ "action": "subscribe", "topic": "orders" });
    let refused = sockets[10].request(&subscribe).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("too_many_connections")));
    // A repeated subscription does not count twice, and a connection that unsubscribes makes room.
    sockets[0].subscribe("orders", None).await;
    sockets[0].request(&json!({ "action": "unsubscribe", "topic": "orders" })).await;
    sockets[10].subscribe("orders", None).await;
}

/// The follower item is left, but the connection is gone, as if API Gateway had not called `$disconnect`.
#[tokio::test]
async fn a_connection_without_a_disconnect_is_removed() {
    let carol = Person::customer().await;
    let mut socket = Socket::connect(&carol).await;
    socket.subscribe("orders", None).await;
    let ghost = format!("ghost{}", Uuid::new_v4().simple());
    let dynamodb = aws_sdk_dynamodb::Client::new(&Stack::get().aws().await);
    let text = |text: &str| AttributeValue::S(text.to_owned());
    for (pk, sk) in [
        (format!("CONNECTION#{ghost}"), "CONNECTION"),
        (format!("CONNECTIONS#{}", carol.id), ghost.as_str()),
        (format!("FOLLOWERS#USER#{}", carol.id), ghost.as_str()),
    ] {
        let put = dynamodb
            .put_item()
            .table_name(&Stack::get().tables["AnalyticsTable"])
            .item("pk", text(&pk))
            .item("sk", text(sk))
            .item("connection_id", text(&ghost))
            .item("user_id", text(&carol.id))
            .item("role", text("customer"))
            .item("expires_at", AttributeValue::N(carol.claims().exp.to_string()));
        put.send().await.unwrap();
    }
    assert_eq!(items_with("AnalyticsTable", &ghost).await.len(), 3);
    let event = processing(&carol);
    send_now("PublishOrderUpdatesQueue", &event).await;
    socket.until(|message| message["subject"] == event["subject"]).await;
    no_connection_is_left(&ghost).await;

    // A client that is cut off.
    drop(socket);
    no_connection_is_left(&carol.id).await;
}

/// How long a token that expires during a test is valid: far longer than it takes to open three connections.
const TOKEN_SECONDS: i64 = 30;

#[tokio::test]
async fn a_connection_ends_with_its_token() {
    let carol = Person::customer().await;
    let soon = tokens::Claims { exp: now() + TOKEN_SECONDS, ..carol.claims() };
    let brief = carol.with_token(&genuine_token(&soon).await);
    let (mut follows, mut sends, mut stays) =
        (Socket::connect(&brief).await, Socket::connect(&brief).await, Socket::connect(&carol).await);
    follows.subscribe("orders", None).await;
    let (start, _) = stays.subscribe("orders", None).await;
    eventually("the token to expire", || async { if now() > soon.exp { Ok(()) } else { Err("valid".to_owned()) } })
        .await;
    let event = processing(&carol);
    send_now("PublishOrderUpdatesQueue", &event).await;
    let messages = stays.until(|message| sequence(message) == start + 1).await;
    assert_eq!(messages.last().unwrap()["subject"], event["subject"]);
    assert_eq!(follows.closed().await, Vec::<Value>::new());

    let refused = sends.request(&json!({ "action": "subscribe", "topic": "orders" })).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("token_expired")));
    assert_eq!(sends.closed().await, Vec::<Value>::new());
    // A client that reconnects with a new token receives the same.
    let (_, missed) = Socket::connect(&carol).await.subscribe("orders", Some(start)).await;
    assert_eq!(missed, messages);
}

fn now() -> i64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(elapsed.as_secs()).unwrap()
}

#[tokio::test]
async fn an_administrator_follows_analytics() {
    let admin = Person::admin().await;
    let mut socket = Socket::connect(&admin).await;
    let (start, _) = socket.subscribe("analytics", None).await;
    let subject = Person::customer().await.id;
    let has_event = |message: &Value| message["events"].to_string().contains(&subject);
    let messages = socket.until(has_event).await;
    let last = messages.last().unwrap();
    assert_eq!((&last["type"], &last["topic"]), (&json!("events"), &json!("analytics")));
    assert!(sequence(last) > start && last["today"]["day"].is_string(), "{last}");
    let event = last["events"].as_array().unwrap().iter().find(|event| event["subject"] == subject.as_str()).unwrap();
    let expected = json!({
        "event_type": "UserRegistered", "source": "users", "subject": subject, "sequence": 1, "time": event["time"],
    });
    assert_eq!(event, &expected);
    assert!(event["time"].is_string() && last["today"]["registered"].as_u64() > Some(0), "{last}");

    // A client that reconnects receives the same message.
    let mut back = Socket::connect(&admin).await;
    let (_, missed) = back.subscribe("analytics", Some(sequence(last) - 1)).await;
    assert!(missed.contains(last), "{missed:?}");
    // For an administrator, too, `orders` has only their own orders.
    let (_, own) = back.subscribe("orders", None).await;
    let of_orders: Vec<&Value> = own.iter().filter(|message| message["topic"] == "orders").collect();
    assert_eq!(of_orders, Vec::<&Value>::new());
}

#[tokio::test]
async fn connections_end_when_the_user_is_deleted_or_gets_another_role() {
    let admin = Person::admin().await;
    let carol = Person::customer().await;
    let path = format!("/users/{}", carol.id);
    let mut before = Socket::connect(&carol).await;
    before.subscribe("orders", None).await;
    admin.put(&format!("{path}/role"), &json!({ "role": "admin" })).await.expect(200);
    let promoted = Person::anonymous().log_in(&carol.email, PASSWORD).await;
    // The promotion ends this connection. Once its message is deleted from the queue, it ends no later connection.
    before.closed().await;
    drained("EndConnectionsQueue").await;
    let mut socket = Socket::connect(&promoted).await;
    socket.subscribe("analytics", None).await;
    admin.put(&format!("{path}/role"), &json!({ "role": "customer" })).await.expect(200);
    socket.closed().await;
    no_connection_is_left(&carol.id).await;

    let mut socket = Socket::connect(&promoted).await;
    assert_eq!(socket.request(&json!({ "action": "subscribe", "topic": "analytics" })).await["code"], "forbidden");
    socket.subscribe("orders", None).await;
    admin.delete(&path).await.expect(204);
    socket.closed().await;
    no_connection_is_left(&carol.id).await;
}
