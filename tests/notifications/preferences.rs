//! Notification preferences: channels for each event, a phone number, and devices for push notifications.

use serde_json::{Value, json};
use testkit::{
    Person, Shop, endpoint_of, eventually, is_endpoint, is_uninstalled, items_with, new_device_token, new_phone_number,
    pushes_to, texts_to,
};
use uuid::Uuid;

use crate::{
    notifications::notifications::{fails, shipped},
    orders::order_lifecycle::{placed, step},
};

const PREFERENCES: &str = "/notifications/preferences";

/// Registers a device with this token.
async fn device(person: &Person, token: &str) -> Value {
    person.post("/notifications/devices", &json!({ "token": token, "name": "Phone" })).await.expect(201)
}

async fn devices(person: &Person) -> Vec<Value> {
    person.get(PREFERENCES).await.expect(200)["devices"].as_array().expect("a list").clone()
}

async fn is_pushed(token: &str, title: &str) -> Value {
    eventually(&format!("a push message with the title {title}"), || async {
        let pushes = pushes_to(token).await;
        let has_title = |push: &&Value| push["GCM"].as_str().is_some_and(|google| google.contains(title));
        pushes.iter().find(has_title).cloned().ok_or_else(|| format!("{pushes:?}"))
    })
    .await
}

async fn are_pushed(token: &str, count: usize) {
    eventually(&format!("{count} push messages to a device"), || async {
        match pushes_to(token).await.len() {
            pushed if pushed == count => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
}

#[tokio::test]
async fn by_default_customers_receive_mails_and_push_messages_but_no_text_messages() {
    let preferences = Person::customer().await.get(PREFERENCES).await.expect(200);
    assert_eq!((&preferences["phone_number"], &preferences["devices"]), (&json!(null), &json!([])));
    let events = preferences["events"].as_object().expect("an object");
    assert_eq!(events.len(), 8);
    for (event, channels) in events {
        let mail = !event.starts_with("payment_");
        let expected = json!({ "email": mail, "sms": false, "push": event != "user_registered" });
        assert_eq!(channels, &expected, "{event}");
    }
}

#[tokio::test]
async fn a_change_is_stored_and_does_not_affect_other_preferences() {
    let carol = Person::customer().await;
    let number = new_phone_number();
    let masked = format!("{}*****{}", &number[..3], &number[number.len() - 2..]);
    let change = json!({ "phone_number": number, "events": { "order_shipped": { "sms": true }, "orderPlaced": { "email": false } } });
    let changed = carol.put(PREFERENCES, &change).await.expect(200);
    assert_eq!(changed["phone_number"], masked.as_str());
    assert_eq!(changed["events"]["order_shipped"], json!({ "email": true, "sms": true, "push": true }));
    assert_eq!(changed["events"]["order_placed"]["email"], false);
    let again = carol.put(PREFERENCES, &json!({ "events": { "order_shipped": { "email": false } } })).await.expect(200);
    assert_eq!(again["events"]["order_shipped"], json!({ "email": false, "sms": true, "push": true }));
    assert_eq!(again["phone_number"], masked.as_str(), "absent fields do not change");
    assert_eq!(carol.get(PREFERENCES).await.expect(200), again);
    let without = carol.put(PREFERENCES, &json!({ "phone_number": null })).await.expect(200);
    assert_eq!(without["phone_number"], json!(null));
    assert_eq!(without["events"], again["events"]);
}

#[tokio::test]
async fn wrong_fields_are_reported() {
    let carol = Person::customer().await;
    let wrong = [
        (json!({ "phone_number": "0151 123" }), "phone_number"),
        (json!({ "events": { "order_lost": { "email": true } } }), "events.order_lost"),
        (json!({ "events": { "order_shipped": { "fax": true } } }), "events.order_shipped.fax"),
        (json!({ "events": { "order_shipped": { "sms": "yes" } } }), "events.order_shipped.sms"),
        (json!({ "events": [] }), "events"),
        (json!({ "language": "en" }), "language"),
    ];
    for (body, field) in wrong {
        assert_eq!(carol.put(PREFERENCES, &body).await.wrong_fields(), [field], "{body}");
    }
    for (body, field) in [
        (json!({ "name": "Phone" }), "token"),
        (json!({ "token": "short", "name": "Phone" }), "token"),
        (json!({ "token": new_device_token() }), "name"),
    ] {
        assert_eq!(carol.post("/notifications/devices", &body).await.wrong_fields(), [field], "{body}");
    }
}

#[tokio::test]
async fn disabled_mails_are_not_sent_and_enabled_text_messages_are() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(3).await, Person::customer().await, Person::admin().await);
    let number = new_phone_number();
    let change = json!({ "phone_number": number, "events": {
        "order_placed": { "email": false },
        "order_shipped": { "email": false, "sms": true },
        "payment_processed": { "email": true },
    } });
    carol.put(PREFERENCES, &change).await.expect(200);

    let order = carol.check_out(&mug, 1, "pm_card_visa").await;
    carol.outcome(&order).await;
    carol.mail_about(&order, "We received your payment").await;
    carol.mail_about(&order, "is confirmed").await;
    step(&admin, &order, "processing").await;
    step(&admin, &order, "shipped").await;
    let notification = carol.is_notified(Some(&order), "OrderShipped", "sms", "sent").await;
    assert_eq!(notification["recipient"], format!("{}*****{}", &number[..3], &number[number.len() - 2..]));
    let texts = texts_to(&number).await;
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(texts[0].contains("is on its way") && texts[0].contains(order["id"].as_str().unwrap()), "{texts:?}");
    // A mail about the placement would have been sent before all of these.
    assert_eq!(carol.mails_with(order["id"].as_str().unwrap()).await.len(), 2);
    let listed = carol.notifications_about(&order).await;
    assert!(listed.iter().all(|notification| notification["type"] != "OrderPlaced"), "{listed:?}");
}

#[tokio::test]
async fn devices_receive_push_messages_until_they_are_removed() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(9).await, Person::customer().await);
    let (phone, tablet) = (new_device_token(), new_device_token());
    let first = device(&carol, &phone).await;
    assert_eq!(first["token"], format!("****{}", &phone[phone.len() - 4..]));
    assert_eq!(device(&carol, &phone).await, first, "the same token is the same device");
    let second = device(&carol, &tablet).await;
    assert_eq!(devices(&carol).await, [first.clone(), second.clone()]);

    let order = placed(&carol, &mug).await;
    for token in [&phone, &tablet] {
        let push = is_pushed(token, "We received your order").await;
        assert!(push["APNS"].as_str().unwrap().contains(order["id"].as_str().unwrap()), "{push}");
        assert!(push["default"].as_str().unwrap().contains("12.50 USD"), "{push}");
    }
    carol.is_notified(Some(&order), "OrderPlaced", "push", "sent").await;

    // One device is deleted by the customer, the other when a push message to it fails.
    let path = format!("/notifications/devices/{}", first["id"].as_str().unwrap());
    assert_eq!(Person::customer().await.delete(&path).await.expect(404)["code"], "not_found");
    assert_eq!(carol.delete(&path).await.status, 204);
    assert_eq!(carol.delete(&path).await.expect(404)["code"], "not_found");
    is_uninstalled(&tablet).await;
    let order = placed(&carol, &mug).await;
    carol.is_notified(Some(&order), "OrderPlaced", "push", "failed").await;
    eventually("the device to be removed", || async {
        let left = devices(&carol).await;
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    assert_eq!(pushes_to(&phone).await.len(), 1);
    assert_eq!(pushes_to(&tablet).await.len(), 1);
    // The app is installed again.
    device(&carol, &tablet).await;
    placed(&carol, &mug).await;
    are_pushed(&tablet, 2).await;
    // The app is uninstalled and installed again before anything is pushed: it has the same endpoint, which SNS has
    // disabled in between.
    is_uninstalled(&tablet).await;
    device(&carol, &tablet).await;
    placed(&carol, &mug).await;
    are_pushed(&tablet, 3).await;
    assert_eq!(devices(&carol).await.len(), 1);
}

#[tokio::test]
async fn a_device_belongs_to_its_last_user_and_nobody_has_more_than_ten() {
    let shop = Shop::open().await;
    let (mug, carol, dave) = (shop.product(5).await, Person::customer().await, Person::customer().await);
    let token = new_device_token();
    let registered = device(&carol, &token).await;
    assert_eq!(device(&dave, &token).await["id"], registered["id"]);
    assert!(devices(&carol).await.is_empty(), "the device belongs to dave now");
    let (carols, daves) = (placed(&carol, &mug).await, placed(&dave, &mug).await);
    dave.is_notified(Some(&daves), "OrderPlaced", "push", "sent").await;
    carol.is_notified(Some(&carols), "OrderPlaced", "email", "sent").await;
    let pushes = pushes_to(&token).await;
    assert!(pushes.len() == 1 && pushes[0].to_string().contains(daves["id"].as_str().unwrap()), "{pushes:?}");

    for _ in 1..10 {
        device(&dave, &new_device_token()).await;
    }
    let body = json!({ "token": new_device_token(), "name": "One more" });
    assert_eq!(dave.post("/notifications/devices", &body).await.expect(409)["code"], "too_many_devices");
    device(&dave, &token).await;
}

/// An event that is delivered late, such as one from a dead-letter queue, is only sent to devices that were registered
/// when it happened.
#[tokio::test]
async fn a_device_receives_no_events_from_before_its_registration() {
    let (carol, token) = (Person::customer().await, new_device_token());
    carol.is_notified(None, "UserRegistered", "email", "sent").await;
    device(&carol, &token).await;
    let order = json!({ "id": Uuid::new_v4() });
    let mut event = shipped(&order["id"], &json!(carol.id));
    event["timestamp"] = json!("2026-01-01T00:00:00.000Z");
    assert!(!fails(&event, 1).await);
    carol.mail_about(&order, "is on its way").await;
    assert!(pushes_to(&token).await.is_empty());
}

/// The contact of a user is erased with the account.
#[tokio::test]
async fn a_deleted_account_has_no_number_no_device_and_no_list() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(5).await, Person::customer().await);
    let (number, token) = (new_phone_number(), new_device_token());
    let name = format!("Phone {}", Uuid::new_v4().simple());
    let full_name = format!("Carol {}", Uuid::new_v4().simple());
    carol.put("/users/profile", &json!({ "full_name": full_name })).await.expect(200);
    carol.put(PREFERENCES, &json!({ "phone_number": number })).await.expect(200);
    let device = carol.post("/notifications/devices", &json!({ "token": token, "name": name })).await.expect(201);
    let endpoint = endpoint_of(&name).await;
    assert!(is_endpoint(&endpoint).await);
    let order = placed(&carol, &mug).await;
    let notification = carol.is_notified(Some(&order), "OrderPlaced", "push", "sent").await;

    carol.delete(&format!("/users/{}", carol.id)).await;
    let (device_id, notification_id) = (device["id"].as_str().unwrap(), notification["id"].as_str().unwrap());
    // The username is the local part of the address.
    let username = carol.email.split('@').next().unwrap();
    let of_device = format!("DEVICE#{device_id}");
    for personal in [number.as_str(), &token, &name, &of_device, notification_id, &carol.email, username, &full_name] {
        eventually(&format!("no trace of {personal}"), || async {
            let found = items_with("NotificationsTable", personal).await;
            if found.is_empty() { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
    }
    // SNS has deleted the token with the endpoint.
    eventually("the endpoint to be deleted", || async {
        if is_endpoint(&endpoint).await { Err(endpoint.clone()) } else { Ok(()) }
    })
    .await;
    let dave = Person::customer().await;
    self::device(&dave, &token).await;
    assert_eq!(devices(&dave).await.len(), 1);
}
