//! Live updates over WebSocket: of a customer's orders and of the analytics, as they happen, and afterwards what was
//! missed.

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

/// Waits until the shop has nothing written down of a connection or of whoever has it.
async fn is_forgotten(text: &str) {
    eventually("the connection to be forgotten", || async {
        let left = items_with("AnalyticsTable", text).await;
        // The newest messages stay for who comes back, and what was counted for good.
        let stays = |item: &String| ["FEED#", "LOG#"].iter().any(|key| item.contains(key));
        let left: Vec<_> = left.into_iter().filter(|item| !stays(item)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
}

#[tokio::test]
async fn an_order_is_published_as_it_goes_on_to_its_owner_alone() {
    let shop = Shop::open().await;
    let mug = shop.product(5).await;
    let (carol, dave) = (Person::customer().await, Person::customer().await);
    let (mut here, mut there) = (Socket::connect(&carol).await, Socket::connect(&carol).await);
    let mut dave_listens = Socket::connect(&dave).await;
    let (begun, missed) = here.subscribe("orders", None).await;
    assert!(missed.is_empty(), "{missed:?}");
    assert_eq!(there.subscribe("orders", None).await.0, begun);
    dave_listens.subscribe("orders", None).await;

    let order = carol.check_out(&mug, 2, "pm_card_visa").await;
    let told = here.until(is_paid(&order)).await;
    let told: Vec<_> =
        told.iter().map(|message| (sequence(message), message["event_type"].as_str().unwrap())).collect();
    assert_eq!(told, [(begun + 1, "OrderPlaced"), (begun + 2, "CheckoutStarted"), (begun + 3, "OrderConfirmed")]);
    let same = there.until(is_paid(&order)).await;
    let last = same.last().unwrap();
    let names: Vec<&String> = last.as_object().unwrap().keys().collect();
    assert_eq!(names, ["event_type", "sequence", "status", "subject", "subject_sequence", "time", "topic", "type"]);
    assert_eq!(
        (&last["type"], &last["topic"], &last["subject_sequence"]),
        (&json!("event"), &json!("orders"), &json!(3))
    );
    assert_eq!(same.iter().map(sequence).collect::<Vec<_>>(), [begun + 1, begun + 2, begun + 3]);
    assert_eq!(carol.order(&order).await["status"], "paid");
    assert_eq!(dave_listens.so_far().await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_declined_order_ends_cancelled() {
    let shop = Shop::open().await;
    let mug = shop.product(5).await;
    let carol = Person::customer().await;
    let mut socket = Socket::connect(&carol).await;
    socket.subscribe("orders", None).await;
    let order = carol.check_out(&mug, 1, "pm_card_chargeDeclined").await;
    let told = socket.until(|message| message["status"] == "cancelled").await;
    assert!(told.iter().all(|message| message["subject"] == order["id"] && message["status"] != "paid"), "{told:?}");
}

#[tokio::test]
async fn a_client_that_comes_back_receives_exactly_what_it_missed() {
    let shop = Shop::open().await;
    let mug = shop.product(5).await;
    let carol = Person::customer().await;
    let (mut away, mut stays) = (Socket::connect(&carol).await, Socket::connect(&carol).await);
    away.subscribe("orders", None).await;
    stays.subscribe("orders", None).await;
    let first = carol.check_out(&mug, 1, "pm_card_visa").await;
    let seen = sequence(away.until(is_paid(&first)).await.last().unwrap());
    stays.until(is_paid(&first)).await;
    away.close().await;

    let second = carol.check_out(&mug, 1, "pm_card_visa").await;
    let meanwhile = stays.until(is_paid(&second)).await;
    let mut back = Socket::connect(&carol).await;
    let (newest, missed) = back.subscribe("orders", Some(seen)).await;
    assert_eq!(missed, meanwhile);
    assert_eq!(newest, seen + 3);
    // Who has seen all of it is told nothing.
    assert_eq!(back.subscribe("orders", Some(newest)).await, (newest, Vec::new()));
}

#[tokio::test]
async fn messages_that_are_not_kept_any_more_are_announced_as_a_gap() {
    let carol = Person::customer().await;
    let mut socket = Socket::connect(&carol).await;
    let (begun, _) = socket.subscribe("orders", None).await;
    for _ in 0..2 {
        send_now("PublishOrderUpdatesQueue", &processing(&carol)).await;
    }
    // Two functions may tell them, and the second be faster.
    let mut told = [socket.next().await, socket.next().await];
    told.sort_by_key(sequence);
    // Of an earlier feed of hers, of which nothing is left; and a number that nobody gave out.
    for (last, from) in [(begun - 5, begun - 4), (begun + 1_000, 1)] {
        let (newest, mut missed) = socket.subscribe("orders", Some(last)).await;
        assert_eq!(missed.remove(0), json!({ "type": "gap", "topic": "orders", "from": from, "to": begun }));
        assert_eq!((newest, &missed[..]), (begun + 2, &told[..]));
    }
}

/// Connections come and go while messages flow: in the end each has been told of all, from the gap or from the flow.
#[tokio::test]
async fn nothing_falls_between_a_subscription_and_what_happens_meanwhile() {
    const EVENTS: u64 = 30;
    let carol = Person::customer().await;
    let mut first = Socket::connect(&carol).await;
    let (begun, _) = first.subscribe("orders", None).await;
    let flow = async {
        for _ in 0..EVENTS / 5 {
            join_all((0..5).map(|_| async { send_now("PublishOrderUpdatesQueue", &processing(&carol)).await })).await;
        }
    };
    let newcomers = join_all((0..8).map(|_| async {
        let mut socket = Socket::connect(&carol).await;
        let (_, mut told) = socket.subscribe("orders", Some(begun)).await;
        assert!(told.iter().all(|message| message["type"] == "event"), "{told:?}");
        let mut by_sequence = BTreeMap::new();
        while by_sequence.len() < EVENTS as usize {
            let message = match told.pop() {
                Some(message) => message,
                None => socket.next().await,
            };
            // The same sequence is always the same message.
            assert!(by_sequence.insert(sequence(&message), message.clone()).is_none_or(|before| before == message));
        }
        by_sequence
    }));
    let ((), newcomers) = futures::join!(flow, newcomers);
    let all: Vec<u64> = (begun + 1..=begun + EVENTS).collect();
    for told in &newcomers {
        assert_eq!(told.keys().copied().collect::<Vec<_>>(), all);
        assert_eq!(told, &newcomers[0]);
    }
}

#[tokio::test]
async fn an_event_that_comes_three_times_is_published_once() {
    let carol = Person::customer().await;
    let mut socket = Socket::connect(&carol).await;
    let (begun, _) = socket.subscribe("orders", None).await;
    let event = processing(&carol);
    for _ in 0..3 {
        send_now("PublishOrderUpdatesQueue", &event).await;
    }
    let after = processing(&carol);
    drained("PublishOrderUpdatesQueue").await;
    send_now("PublishOrderUpdatesQueue", &after).await;
    let told = socket.until(|message| message["subject"] == after["subject"]).await;
    let subjects: Vec<_> = told.iter().map(|message| (sequence(message), &message["subject"])).collect();
    assert_eq!(subjects, [(begun + 1, &event["subject"]), (begun + 2, &after["subject"])]);
}

#[tokio::test]
async fn a_handshake_without_a_good_token_is_refused() {
    let (carol, gone) = (Person::customer().await, Person::customer().await);
    let claims = carol.claims();
    let expired = genuine_token(&tokens::Claims { exp: claims.iat - 1, ..claims.clone() }).await;
    gone.post("/auth/logout", &json!({})).await.expect(204);
    let bad = [
        String::new(),
        "nonsense".to_owned(),
        expired,
        forged_token(&claims, "ES256").await,
        forged_token(&claims, "none").await,
        gone.token().to_owned(),
    ];
    assert_eq!(Socket::handshake(None, "").await.err(), Some(403));
    for token in bad {
        assert_eq!(Socket::handshake(Some(&format!("Bearer {token}")), "").await.err(), Some(403), "{token}");
        assert_eq!(Socket::handshake(None, &format!("?access_token={token}")).await.err(), Some(403), "{token}");
    }
    let basic = format!("Basic {}", carol.token());
    assert_eq!(Socket::handshake(Some(&basic), "").await.err(), Some(403));

    // A browser has no header for it.
    let mut socket = Socket::handshake(None, &format!("?access_token={}", carol.token())).await.unwrap();
    socket.subscribe("orders", None).await;
    assert_eq!(socket.so_far().await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_a_customer_may_not_follow_or_cannot_be_done_is_refused_and_the_connection_goes_on() {
    let (carol, dave) = (Person::customer().await, Person::customer().await);
    let mut socket = Socket::connect(&carol).await;
    let refused = socket.ask(&json!({ "action": "subscribe", "topic": "analytics" })).await;
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
        let refused = socket.ask(&message).await;
        assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("validation_failed")), "{message}");
        let fields: Vec<_> = refused["errors"].as_array().unwrap().iter().map(|error| &error["field"]).collect();
        assert_eq!(fields, [field], "{message}");
        assert!(refused["detail"].is_string() && refused["correlation_id"].is_string());
    }
    for text in ["", "{", "action", "\u{fffd}"] {
        socket.say_text(text).await;
        let refused = socket.next().await;
        assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("malformed_json")), "{text:?}");
    }
    let follows: Vec<_> =
        items_with("AnalyticsTable", &carol.id).await.into_iter().filter(|item| item.contains("FOLLOWERS#")).collect();
    assert!(follows.is_empty(), "{follows:?}");
    assert_eq!(socket.ask(&json!({ "action": "ping" })).await, json!({ "type": "pong" }));
}

#[tokio::test]
async fn a_client_that_unsubscribes_or_leaves_receives_nothing_more() {
    let carol = Person::customer().await;
    let (mut stays, mut leaves) = (Socket::connect(&carol).await, Socket::connect(&carol).await);
    stays.subscribe("orders", None).await;
    leaves.subscribe("orders", None).await;
    let answer = leaves.ask(&json!({ "action": "unsubscribe", "topic": "orders" })).await;
    assert_eq!(answer, json!({ "type": "unsubscribed", "topic": "orders" }));
    let event = processing(&carol);
    send_now("PublishOrderUpdatesQueue", &event).await;
    stays.until(|message| message["subject"] == event["subject"]).await;
    assert_eq!(leaves.so_far().await, Vec::<Value>::new());
    stays.close().await;
    leaves.close().await;
    is_forgotten(&carol.id).await;
}

#[tokio::test]
async fn at_most_ten_connections_follow_one_users_orders() {
    let carol = Person::customer().await;
    let mut sockets = join_all((0..11).map(|_| Socket::connect(&carol))).await;
    for socket in &mut sockets[..10] {
        socket.subscribe("orders", None).await;
    }
    let subscribe = json!({ "action": "subscribe", "topic": "orders" });
    let refused = sockets[10].ask(&subscribe).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("too_many_connections")));
    // Again is not one more; and whoever leaves makes room.
    sockets[0].subscribe("orders", None).await;
    sockets[0].ask(&json!({ "action": "unsubscribe", "topic": "orders" })).await;
    sockets[10].subscribe("orders", None).await;
}

/// Its follower is left, and the connection is gone, as if API Gateway had never said so.
#[tokio::test]
async fn a_connection_that_went_without_a_word_is_forgotten() {
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
    is_forgotten(&ghost).await;

    // And one whose cable is cut.
    drop(socket);
    is_forgotten(&carol.id).await;
}

/// How long a token is valid that a test lets expire: far longer than it takes to open three connections.
const TOKEN_SECONDS: i64 = 30;

#[tokio::test]
async fn a_connection_is_not_good_for_longer_than_its_token() {
    let carol = Person::customer().await;
    let soon = tokens::Claims { exp: now() + TOKEN_SECONDS, ..carol.claims() };
    let brief = carol.with_token(&genuine_token(&soon).await);
    let (mut follows, mut asks, mut stays) =
        (Socket::connect(&brief).await, Socket::connect(&brief).await, Socket::connect(&carol).await);
    follows.subscribe("orders", None).await;
    let (begun, _) = stays.subscribe("orders", None).await;
    eventually("the token to end", || async { if now() > soon.exp { Ok(()) } else { Err("good".to_owned()) } }).await;
    let event = processing(&carol);
    send_now("PublishOrderUpdatesQueue", &event).await;
    let told = stays.until(|message| sequence(message) == begun + 1).await;
    assert_eq!(told.last().unwrap()["subject"], event["subject"]);
    assert_eq!(follows.ends().await, Vec::<Value>::new());

    let refused = asks.ask(&json!({ "action": "subscribe", "topic": "orders" })).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("token_expired")));
    assert_eq!(asks.ends().await, Vec::<Value>::new());
    // The same as who comes back with a fresh token.
    let (_, missed) = Socket::connect(&carol).await.subscribe("orders", Some(begun)).await;
    assert_eq!(missed, told);
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

#[tokio::test]
async fn an_administrator_follows_the_shop() {
    let admin = Person::admin().await;
    let mut socket = Socket::connect(&admin).await;
    let (begun, _) = socket.subscribe("analytics", None).await;
    let subject = Person::customer().await.id;
    let tells = |message: &Value| message["events"].to_string().contains(&subject);
    let told = socket.until(tells).await;
    let last = told.last().unwrap();
    assert_eq!((&last["type"], &last["topic"]), (&json!("events"), &json!("analytics")));
    assert!(sequence(last) > begun && last["today"]["day"].is_string(), "{last}");
    let event = last["events"].as_array().unwrap().iter().find(|event| event["subject"] == subject.as_str()).unwrap();
    let expected = json!({
        "event_type": "UserRegistered", "source": "users", "subject": subject, "sequence": 1, "time": event["time"],
    });
    assert_eq!(event, &expected);
    assert!(event["time"].is_string() && last["today"]["registered"].as_u64() > Some(0), "{last}");

    // Who was away for it is told the same.
    let mut back = Socket::connect(&admin).await;
    let (_, missed) = back.subscribe("analytics", Some(sequence(last) - 1)).await;
    assert!(missed.contains(last), "{missed:?}");
    // An administrator's own orders are theirs alone, too.
    let (_, own) = back.subscribe("orders", None).await;
    let of_orders: Vec<&Value> = own.iter().filter(|message| message["topic"] == "orders").collect();
    assert_eq!(of_orders, Vec::<&Value>::new());
}

#[tokio::test]
async fn who_is_deleted_or_may_do_less_is_not_connected_any_longer() {
    let admin = Person::admin().await;
    let carol = Person::customer().await;
    let path = format!("/users/{}", carol.id);
    let mut before = Socket::connect(&carol).await;
    before.subscribe("orders", None).await;
    admin.put(&format!("{path}/role"), &json!({ "role": "admin" })).await.expect(200);
    let promoted = Person::anonymous().log_in(&carol.email, PASSWORD).await;
    // The promotion ends the connection of before; once its message is deleted, it ends none that is opened later.
    before.ends().await;
    drained("EndConnectionsQueue").await;
    let mut socket = Socket::connect(&promoted).await;
    socket.subscribe("analytics", None).await;
    admin.put(&format!("{path}/role"), &json!({ "role": "customer" })).await.expect(200);
    socket.ends().await;
    is_forgotten(&carol.id).await;

    let mut socket = Socket::connect(&promoted).await;
    assert_eq!(socket.ask(&json!({ "action": "subscribe", "topic": "analytics" })).await["code"], "forbidden");
    socket.subscribe("orders", None).await;
    admin.delete(&path).await.expect(204);
    socket.ends().await;
    is_forgotten(&carol.id).await;
}
