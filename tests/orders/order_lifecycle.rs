//! An order from its placement to its delivery: its steps, its history and its past states.

use kernel::Timestamp;
use serde_json::{Value, json};
use testkit::{EventRecorder, Person, Shop, eventually, invoke, send_now};

/// Returns the path of an order, or of something below it.
pub fn path(order: &Value, below: &str) -> String {
    format!("/orders/{}{below}", order["id"].as_str().expect("an id"))
}

/// Moves an order one step forward.
pub async fn step(admin: &Person, order: &Value, status: &str) -> Value {
    admin.put(&path(order, "/status"), &json!({ "status": status })).await.expect(200)
}

/// Places an order of one piece, to be paid later.
pub async fn placed(carol: &Person, mug: &testkit::Product) -> Value {
    carol.post("/orders", &mug.order_line(1)).await.expect(201)
}

async fn paid(carol: &Person, mug: &testkit::Product) -> Value {
    let order = carol.check_out(mug, 1, "pm_card_visa").await;
    carol.outcome(&order).await
}

fn types(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|event| event["type"].as_str().expect("a type")).collect()
}

const LIFE: [&str; 6] =
    ["OrderPlaced", "CheckoutStarted", "OrderConfirmed", "OrderProcessing", "OrderShipped", "OrderDelivered"];

#[tokio::test]
async fn from_placement_to_delivery() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(3).await, Person::customer().await, Person::admin().await);
    let order = placed(&carol, &mug).await;
    // Read directly after the 201.
    assert_eq!(carol.order(&order).await["status"], "pending");
    let with_payment = |order: &Value| path(order, "?expand=payment,timeline");
    let expanded = carol.get(&with_payment(&order)).await.expect(200);
    assert!(expanded.get("payment").is_none(), "{expanded}");
    assert_eq!(types(&expanded["timeline"]), LIFE[..1]);

    let accepted = carol.post(&path(&order, "/payment"), &json!({ "payment_method": "pm_card_visa" })).await;
    assert!(accepted.headers["location"].to_str().unwrap().ends_with(order["id"].as_str().unwrap()));
    assert_eq!(accepted.expect(202)["status"], "pending");
    assert_eq!(carol.outcome(&order).await["status"], "paid");
    let payment = shop.payment_becomes(&order, "captured").await;
    eventually("the replica of the payment", || async {
        let found = carol.get(&with_payment(&order)).await.expect(200)["payment"].clone();
        let as_expected = json!({
            "id": payment["id"], "status": "processed", "amount": "12.50", "refunded_amount": "0.00", "currency": "USD",
            "updated_at": found["updated_at"],
        });
        if found == as_expected { Ok(()) } else { Err(found.to_string()) }
    })
    .await;

    step(&admin, &order, "processing").await;
    let body = json!({ "status": "shipped", "reason": "Parcel 42" });
    let shipped = admin.send(admin.request(reqwest::Method::PATCH, &path(&order, "/status")).json(&body)).await;
    assert_eq!(shipped.expect(200)["status"], "shipped");
    assert_eq!(step(&admin, &order, "delivered").await["status"], "delivered");
    assert_eq!(step(&admin, &order, "delivered").await["status"], "delivered", "repeating it has no effect");

    let events = carol.get(&path(&order, "/events")).await.expect(200);
    assert_eq!(types(&events["items"]), LIFE);
    let event = |index: usize| &events["items"][index];
    assert_eq!(event(0)["actor"], json!({ "kind": "user", "user_id": carol.id, "role": "customer" }));
    assert_eq!(event(2)["actor"], json!({ "kind": "system", "name": "checkout" }));
    assert_eq!(event(4)["actor"], json!({ "kind": "user", "user_id": admin.id, "role": "admin" }));
    assert_eq!((&event(4)["reason"], event(5).get("reason")), (&json!("Parcel 42"), None));
    assert_eq!(event(0)["data"]["total"], json!({ "amount": "12.50", "currency": "USD" }));
    assert_eq!((&event(5)["sequence"], &event(5)["data"]["order_id"]), (&json!(6), &order["id"]));
    assert_eq!(types(&carol.get(&with_payment(&order)).await.expect(200)["timeline"]), LIFE);
}

#[tokio::test]
async fn past_states_of_an_order() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(3).await, Person::customer().await, Person::admin().await);
    let order = paid(&carol, &mug).await;
    step(&admin, &order, "processing").await;
    step(&admin, &order, "shipped").await;
    let events = carol.get(&path(&order, "/events")).await.expect(200);
    let was = [
        ("OrderPlaced", "pending"),
        ("OrderConfirmed", "paid"),
        ("OrderProcessing", "processing"),
        ("OrderShipped", "shipped"),
    ];
    for (name, status) in was {
        let event = events["items"].as_array().unwrap().iter().find(|event| event["type"] == name).expect(name);
        let then = path(&order, &format!("?at={}", event["time"].as_str().unwrap()));
        for person in [&carol, &admin] {
            assert_eq!(person.get(&then).await.expect(200)["status"], status, "{event}");
        }
        assert_eq!(Person::customer().await.get(&then).await.expect(404)["code"], "not_found");
    }
    let now = carol.get(&path(&order, "?at=2999-01-01T00:00:00Z")).await.expect(200);
    assert_eq!(now, carol.order(&order).await);
    let placed: Timestamp = order["created_at"].as_str().unwrap().parse().unwrap();
    let before = Timestamp::from_millis(placed.as_millis() - 1);
    carol.get(&path(&order, &format!("?at={before}"))).await.expect(404);
    for wrong in ["yesterday", "", "2026-13-01T00:00:00Z", "1767323045"] {
        assert_eq!(carol.get(&path(&order, &format!("?at={wrong}"))).await.wrong_fields(), ["at"], "{wrong}");
    }
    let both = carol.get(&path(&order, "?at=2999-01-01T00:00:00Z&expand=payment")).await;
    assert_eq!(both.expect(422)["code"], "unsupported_filter");
}

#[tokio::test]
async fn steps_that_are_not_allowed() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(3).await, Person::customer().await, Person::admin().await);
    let order = placed(&carol, &mug).await;
    let refused = async |order: &Value, status: &str, allowed: Value| {
        let problem = admin.put(&path(order, "/status"), &json!({ "status": status })).await.expect(409);
        assert_eq!((&problem["code"], &problem["allowed"]), (&json!("step_not_allowed"), &allowed), "{status}");
    };
    for status in ["paid", "processing", "shipped", "delivered", "refunded"] {
        refused(&order, status, json!(["cancelled"])).await;
    }
    assert_eq!(step(&admin, &order, "pending").await["updated_at"], order["updated_at"]);

    let order = paid(&carol, &mug).await;
    assert_eq!(step(&admin, &order, "paid").await["updated_at"], order["updated_at"], "it is already paid");
    for status in ["pending", "shipped", "delivered", "refunded"] {
        refused(&order, status, json!(["processing", "cancelled"])).await;
    }
    step(&admin, &order, "processing").await;
    step(&admin, &order, "shipped").await;
    for status in ["paid", "processing", "cancelled"] {
        refused(&order, status, json!(["delivered"])).await;
    }
    assert_eq!(types(&carol.get(&path(&order, "/events")).await.expect(200)["items"]), LIFE[..5]);

    let wrong = json!({ "status": "lost", "reason": "", "by": "me" });
    assert_eq!(admin.put(&path(&order, "/status"), &wrong).await.wrong_fields(), ["by", "reason", "status"]);
    assert_eq!(admin.put(&path(&order, "/status"), &json!({})).await.wrong_fields(), ["status"]);
    let body = json!({ "status": "delivered" });
    carol.put(&path(&order, "/status"), &body).await.expect(403);
    admin.put("/orders/nonsense/status", &body).await.expect(404);
    admin.put(&format!("/orders/{}/status", uuid::Uuid::now_v7()), &body).await.expect(404);
}

#[tokio::test]
async fn an_order_is_paid_once() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(3).await, Person::customer().await);
    let order = placed(&carol, &mug).await;
    let pay = async |key: &str, body: Value| {
        let request = carol.request(reqwest::Method::POST, &path(&order, "/payment")).header("idempotency-key", key);
        carol.send(request.json(&body)).await
    };
    let dave = Person::customer().await;
    dave.post(&path(&order, "/payment"), &json!({})).await.expect(404);
    assert_eq!(pay("a", json!({ "payment_method": "4242 4242" })).await.wrong_fields(), ["payment_method"]);

    let first = pay("a", json!({})).await.expect(202);
    assert_eq!(pay("a", json!({})).await.expect(202), first, "the stored response, even if it is paid by now");
    let other = pay("a", json!({ "payment_method": "pm_card_slow" })).await.expect(422);
    assert_eq!(other["code"], "idempotency_key_reused");
    let twice = pay("b", json!({})).await.expect(409);
    let payment = shop.payment_becomes(&order, "captured").await;
    assert_eq!((&twice["code"], &twice["payment_id"]), (&json!("in_checkout"), &payment["id"]));
    assert_eq!(carol.outcome(&order).await["status"], "paid");
    let twice = pay("c", json!({})).await.expect(409);
    assert_eq!((&twice["code"], &twice["payment_id"]), (&json!("in_checkout"), &payment["id"]));
    shop.has_available(&mug, 2).await;

    let declined = carol.check_out(&mug, 1, "pm_card_chargeDeclined").await;
    assert_eq!(carol.outcome(&declined).await["status"], "cancelled");
    let ended = carol.post(&path(&declined, "/payment"), &json!({})).await.expect(409);
    assert_eq!((&ended["code"], &ended["allowed"]), (&json!("step_not_allowed"), &json!([])));
}

#[tokio::test]
async fn the_history_has_pages() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(3).await, Person::customer().await);
    let order = paid(&carol, &mug).await;
    let first = carol.get(&path(&order, "/events?limit=2")).await.expect(200);
    assert_eq!(types(&first["items"]), LIFE[..2]);
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let next = path(&order, &format!("/events?limit=2&cursor={cursor}"));
    let second = carol.get(&next).await.expect(200);
    assert_eq!((types(&second["items"]), &second["next_cursor"]), (LIFE[2..3].to_vec(), &Value::Null));

    let other = placed(&carol, &mug).await;
    for wrong in [path(&other, &format!("/events?cursor={cursor}")), path(&order, "/events?cursor=AAAA")] {
        assert_eq!(carol.get(&wrong).await.expect(400)["code"], "invalid_cursor");
    }
    assert_eq!(carol.get(&path(&order, "/events?limit=0")).await.wrong_fields(), ["limit"]);
    for wrong in ["items", "", "payment,"] {
        assert_eq!(carol.get(&path(&order, &format!("?expand={wrong}"))).await.wrong_fields(), ["expand"]);
    }
    let dave = Person::customer().await;
    for below in ["", "/events", "?expand=payment,timeline"] {
        dave.get(&path(&order, below)).await.expect(404);
    }
    dave.delete(&path(&order, "")).await.expect(404);
}

/// Other tests place orders at the same time, so only lower bounds and the sum over all statuses can be checked.
#[tokio::test]
async fn orders_are_counted() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(3).await, Person::customer().await, Person::admin().await);
    let stats = async || admin.get("/orders/stats").await.expect(200);
    let before = stats().await;
    let order = placed(&carol, &mug).await;
    paid(&carol, &mug).await;
    carol.delete(&path(&order, "")).await.expect(200);
    let count = |stats: &Value, name: &str| stats[name].as_i64().expect("a number");
    // An order of another test may have been counted in two statuses.
    eventually("two more orders", || async {
        let orders = count(&stats().await, "orders");
        if orders >= count(&before, "orders") + 2 { Ok(()) } else { Err(orders.to_string()) }
    })
    .await;
    let after = stats().await;
    let statuses = after["by_status"].as_array().expect("a list");
    assert_eq!(statuses.len(), 7);
    assert!(statuses.iter().all(|status| count(status, "orders") >= 0), "{after}");
    assert_eq!(statuses.iter().map(|status| count(status, "orders")).sum::<i64>(), count(&after, "orders"));
    let amount = |totals: &Value| -> i64 {
        let usd = totals.as_array().expect("a list").iter().find(|total| total["currency"] == "USD");
        usd.map_or(0, |total| total["amount"].as_str().unwrap().replace('.', "").parse().expect("an amount"))
    };
    assert_eq!(statuses.iter().map(|status| amount(&status["totals"])).sum::<i64>(), amount(&after["totals"]));
    assert!(amount(&after["totals"]) >= amount(&before["totals"]) + 2_500);
    carol.get("/orders/stats").await.expect(403);
    Person::anonymous().get("/orders/stats").await.expect(401);
}

/// Delivers the events of a refund in two parts, each of them twice and in the wrong order.
#[tokio::test]
async fn an_order_becomes_refunded_when_everything_is_refunded() {
    let shop = Shop::open().await;
    let (mug, carol, admin) = (shop.product(3).await, Person::customer().await, Person::admin().await);
    let mut recorder = EventRecorder::start().await;
    let order = paid(&carol, &mug).await;
    let is_its_payment =
        |event: &Value| event["event_type"] == "PaymentProcessed" && event["data"]["order_id"] == order["id"];
    let received = recorder.record_until(|events| events.iter().any(is_its_payment)).await;
    let processed = received.into_iter().find(is_its_payment).expect("the event PaymentProcessed");
    let refund = |amount: &str, sequence: u64| {
        let mut event = processed.clone();
        event["event_id"] = json!(uuid::Uuid::now_v7());
        event["event_type"] = "PaymentRefunded".into();
        event["sequence"] = sequence.into();
        event["data"]["amount"]["amount"] = amount.into();
        event
    };
    let parts = [refund("2.50", 2), refund("10.00", 3)];
    for status in ["processing", "shipped"] {
        step(&admin, &order, status).await;
    }
    let expanded = async || carol.get(&path(&order, "?expand=payment")).await.expect(200);
    let refunded = async |status: &str, amount: &str| {
        eventually(&format!("{amount} to be back"), || async {
            let found = expanded().await;
            let payment = &found["payment"];
            let as_expected = (&payment["status"], &payment["refunded_amount"]) == (&json!(status), &json!(amount));
            if as_expected { Ok(found) } else { Err(found.to_string()) }
        })
        .await
    };
    // Payments did not publish these events, so only orders may receive them.
    let deliver = async |event: &Value| send_now("OrdersReplicatePaymentQueue", event).await;
    deliver(&parts[1]).await;
    deliver(&parts[1]).await;
    assert_eq!(refunded("partly_refunded", "10.00").await["status"], "shipped");
    recorder.redeliver(&processed).await;
    deliver(&parts[0]).await;
    deliver(&parts[0]).await;
    recorder.drained().await;
    recorder.stop().await;
    assert_eq!(refunded("refunded", "12.50").await["status"], "shipped", "it is not delivered yet");
    assert_eq!(step(&admin, &order, "delivered").await["status"], "refunded", "it was refunded before its delivery");
    let events = carol.get(&path(&order, "/events")).await.expect(200);
    assert_eq!(types(&events["items"])[5..], ["OrderDelivered", "OrderRefunded"]);
    carol.delete(&path(&order, "")).await.expect(409);
}

/// Invokes the deployed command that rebuilds all read models.
#[tokio::test]
async fn read_models_are_rebuilt_while_the_shop_is_open() {
    let shop = Shop::open().await;
    let (mug, carol) = (shop.product(3).await, Person::customer().await);
    let order = paid(&carol, &mug).await;
    let mut input = json!({});
    loop {
        let done = invoke("RebuildOrders", &input).await.expect("a rebuild");
        if done["next"].is_null() {
            break;
        }
        input = json!({ "from": done["next"] });
    }
    assert_eq!(carol.order(&order).await, order);
    let own = carol.get("/orders").await.expect(200);
    assert_eq!(own["items"], json!([order]));
}
