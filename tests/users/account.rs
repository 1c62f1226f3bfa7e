//! Accounts: customers change and delete their own, and administrators manage all.

use std::collections::HashSet;

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{AUTHORIZER_CACHE, EventRecorder, PASSWORD, Person, Shop, eventually, eventually_within};
use uuid::Uuid;

fn new_email() -> String {
    format!("new-{}@example.com", Uuid::new_v4().simple())
}

#[tokio::test]
async fn a_profile_is_read_and_changed() {
    let carol = Person::customer().await;
    let profile = carol.get("/users/profile").await.expect(200);
    assert_eq!((profile["id"].as_str(), profile["role"].as_str()), (Some(carol.id.as_str()), Some("customer")));
    assert_eq!(carol.get(&format!("/users/{}", carol.id)).await.expect(200), profile);

    let names = json!({ "full_name": "Carol Ann", "username": format!("C.{}", &carol.id[24..]) });
    let renamed = carol.put("/users/profile", &names).await.expect(200);
    assert_eq!(renamed["full_name"], "Carol Ann");
    assert_eq!(renamed["username"], format!("c.{}", &carol.id[24..]));
    assert_eq!(renamed["email"], profile["email"]);
    assert_eq!(carol.get("/users/profile").await.expect(200), renamed);
    assert_eq!(carol.put("/users/profile", &json!({})).await.expect(200), renamed, "no field was given");
    let same = json!({ "email": carol.email, "full_name": "Carol Ann" });
    assert_eq!(
        carol.put("/users/profile", &same).await.expect(200),
        renamed,
        "nothing changes, so no password is required"
    );
}

#[tokio::test]
async fn a_new_address_requires_the_password_and_frees_the_old_one() {
    let carol = Person::customer().await;
    let (old, new) = (carol.email.clone(), new_email());
    let change = |password: Option<&str>| json!({ "email": new, "current_password": password });
    assert_eq!(carol.put("/users/profile", &change(None)).await.wrong_fields(), ["current_password"]);
    let wrong = carol.put("/users/profile", &change(Some("a wrong password"))).await;
    assert_eq!(wrong.wrong_fields(), ["current_password"]);
    assert_eq!(carol.get("/users/profile").await.expect(200)["email"], old);

    carol.put("/users/profile", &change(Some(PASSWORD))).await.expect(200);
    let login = |email: &str| json!({ "email": email, "password": PASSWORD });
    Person::anonymous().post("/auth/login", &login(&old)).await.expect(401);
    Person::anonymous().post("/auth/login", &login(&new)).await.expect(200);
    // Another account can have the old address.
    let mut registration = Person::registration();
    registration["email"] = json!(old);
    Person::anonymous().post("/auth/register", &registration).await.expect(201);
}

#[tokio::test]
async fn guesses_of_the_current_password_have_to_wait_too() {
    let carol = Person::customer().await;
    let change = json!({ "email": new_email(), "current_password": "a wrong password" });
    let mut failures = 0;
    // On a slow machine, a pause may end before the next attempt, but each pause is longer than the one before.
    let limited = loop {
        let response = carol.put("/users/profile", &change).await;
        if response.status == 429 {
            break response;
        }
        response.expect(422);
        failures += 1;
        assert!(failures < 12, "no attempt had to wait");
    };
    assert!(failures >= 5, "an attempt had to wait after {failures} failures");
    assert_eq!(limited.expect(429)["code"], "too_many_failures");
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let carol = Person::customer().await;
    let elsewhere = Person::anonymous().log_in(&carol.email, PASSWORD).await;
    let change = json!({ "password": "another long password", "current_password": PASSWORD });
    carol.put("/users/profile", &change).await.expect(200);
    elsewhere.refresh().await.expect(401);
    elsewhere.is_locked_out().await;
    carol.refreshed().await.get("/users/profile").await.expect(200);
    let login = |password: &str| json!({ "email": carol.email, "password": password });
    Person::anonymous().post("/auth/login", &login(PASSWORD)).await.expect(401);
    Person::anonymous().post("/auth/login", &login("another long password")).await.expect(200);
}

#[tokio::test]
async fn wrong_fields_of_an_account_are_reported() {
    let anonymous = Person::anonymous();
    let with = |field: &str, value: Value| {
        let mut registration = Person::registration();
        registration[field] = value;
        registration
    };
    let long = "x".repeat(129);
    let name = Person::registration()["username"].as_str().unwrap().to_owned();
    let mut own_name = with("password", json!(name));
    own_name["username"] = json!(name);
    let cases = [
        (with("role", json!("admin")), vec!["role"]),
        (with("email", json!("carol")), vec!["email"]),
        (with("email", json!(null)), vec!["email"]),
        (with("username", json!("a b")), vec!["username"]),
        (with("username", json!("ab")), vec!["username"]),
        (with("full_name", json!("")), vec!["full_name"]),
        (with("password", json!("1234567")), vec!["password"]),
        (with("password", json!(long)), vec!["password"]),
        (with("password", json!("Password")), vec!["password"]),
        (with("password", json!("1q2w3e4r")), vec!["password"]),
        (own_name, vec!["password"]),
        (json!({}), vec!["email", "username", "password"]),
        (json!({ "id": Uuid::new_v4(), "password": 1, "email": "x@example.com" }), vec!["id", "password", "username"]),
    ];
    for (body, fields) in cases {
        assert_eq!(anonymous.post("/auth/register", &body).await.wrong_fields(), fields, "{body}");
    }
    let carol = Person::customer().await;
    for (body, fields) in [
        (json!({ "role": "admin" }), vec!["role"]),
        (json!({ "email": "carol", "username": "" }), vec!["email", "username"]),
        (json!({ "password": "short", "current_password": PASSWORD }), vec!["password"]),
        (json!({ "password": carol.email, "current_password": PASSWORD }), vec!["password"]),
    ] {
        assert_eq!(carol.put("/users/profile", &body).await.wrong_fields(), fields, "{body}");
    }
}

/// A hundred people register one address at once. There is one account and one event, and the rejected requests leave
/// no trace.
#[tokio::test]
async fn of_a_hundred_registrations_of_one_address_one_is_made() {
    let mut recorder = EventRecorder::start().await;
    let email = new_email();
    let registrations = (0..100).map(|_| {
        let mut registration = Person::registration();
        registration["email"] = json!(email);
        registration
    });
    let registrations: Vec<Value> = registrations.collect();
    let anonymous = Person::anonymous();
    let responses = join_all(registrations.iter().map(|body| anonymous.post("/auth/register", body))).await;
    let mut created = Vec::new();
    for response in responses {
        match response.status.as_u16() {
            201 => created.push(response.body),
            _ => assert_eq!(response.expect(409)["code"], "email_taken"),
        }
    }
    let [account] = created.as_slice() else { panic!("{} accounts", created.len()) };
    let again =
        json!({ "email": email, "username": "somebody-else", "password": "another password", "full_name": "Eve" });
    anonymous.post("/auth/register", &again).await.expect(409);
    let carol = anonymous.log_in(&email, PASSWORD).await;
    assert_eq!(&carol.get("/users/profile").await.expect(200), account);

    // The username of a rejected registration is still free, and no event was published for it.
    let rejected = registrations.iter().find(|body| body["username"] != account["username"]).unwrap();
    let mut free = Person::registration();
    free["username"] = rejected["username"].clone();
    let last = anonymous.post("/auth/register", &free).await.expect(201);
    let events = recorder.record_until(|events| events.iter().any(|event| event["subject"] == last["id"])).await;
    let has_email = |event: &&Value| event["data"]["email"] == email.as_str();
    assert_eq!(events.iter().filter(has_email).count(), 1);
    recorder.stop().await;
}

/// Eight accounts change to the same new address at once. One gets it, and each account still has exactly one address.
#[tokio::test]
async fn one_of_many_accounts_gets_a_new_address() {
    let people = Person::customers(8).await;
    let email = new_email();
    let change = json!({ "email": email, "current_password": PASSWORD });
    let responses = join_all(people.iter().map(|person| person.put("/users/profile", &change))).await;
    let winners: Vec<usize> = (0..8).filter(|index| responses[*index].status == 200).collect();
    assert_eq!(winners.len(), 1);
    for (index, person) in people.iter().enumerate() {
        let current = person.get("/users/profile").await.expect(200)["email"].as_str().unwrap().to_owned();
        let expected = if winners.contains(&index) { &email } else { &person.email };
        assert_eq!(&current, expected);
        Person::anonymous().log_in(expected, PASSWORD).await;
    }
}

#[tokio::test]
async fn two_registrations_with_one_idempotency_key_create_one_account() {
    let anonymous = Person::anonymous();
    let body = Person::registration();
    let key = Uuid::new_v4().to_string();
    let register = async |body: &Value| {
        let request = anonymous.request(Method::POST, "/auth/register").header("idempotency-key", &key).json(body);
        anonymous.send(request).await
    };
    let first = register(&body).await;
    let second = register(&body).await;
    assert_eq!(first.headers["location"], second.headers["location"]);
    assert_eq!(first.expect(201), second.expect(201));
    let mut other = body.clone();
    other["full_name"] = json!("Eve");
    assert_eq!(register(&other).await.expect(422)["code"], "idempotency_key_reused");
    let mut other = body.clone();
    other["password"] = json!("another long password");
    assert_eq!(register(&other).await.expect(422)["code"], "idempotency_key_reused");
    // Another anonymous caller may use the same key.
    register(&Person::registration()).await.expect(201);
}

#[tokio::test]
async fn an_administrator_creates_finds_changes_and_promotes_accounts() {
    let admin = Person::admin().await;
    let mut body = Person::registration();
    body["role"] = json!("admin");
    let response = admin.post("/users", &body).await;
    let location = response.headers["location"].to_str().unwrap().to_owned();
    let created = response.expect(201);
    assert_eq!(location, format!("/api/v1/users/{}", created["id"].as_str().unwrap()));
    assert_eq!(created["role"], "admin");
    assert_eq!(admin.post("/users", &Person::registration()).await.wrong_fields(), ["role"]);
    let new = Person::anonymous().log_in(body["email"].as_str().unwrap(), PASSWORD).await;
    new.get("/users/stats").await.expect(200);

    let path = format!("/users/{}", new.id);
    assert_eq!(admin.put(&path, &json!({ "full_name": "Nadia" })).await.expect(200)["full_name"], "Nadia");
    // An administrator confirms the change with their own password.
    let email = new_email();
    let change = |password: &str| json!({ "email": email, "current_password": password });
    assert_eq!(admin.put(&path, &change(PASSWORD)).await.wrong_fields(), ["current_password"]);
    admin.put(&path, &change(&testkit::Stack::get().admin.password)).await.expect(200);

    // A new role takes effect at once, whatever role the token has.
    assert_eq!(
        admin.put(&format!("{path}/role"), &json!({ "role": "customer" })).await.expect(200)["role"],
        "customer"
    );
    eventually_within("the role to take effect", AUTHORIZER_CACHE, || async {
        let status = new.get("/users/stats").await.status.as_u16();
        if status == 403 { Ok(()) } else { Err(status.to_string()) }
    })
    .await;
    for role in [json!("owner"), json!(null), json!(1)] {
        assert_eq!(admin.put(&format!("{path}/role"), &json!({ "role": role })).await.wrong_fields(), ["role"]);
    }
    let own = format!("/users/{}/role", admin.id);
    assert_eq!(admin.put(&own, &json!({ "role": "customer" })).await.expect(409)["code"], "own_role");
    assert_eq!(admin.delete(&format!("/users/{}", admin.id)).await.expect(409)["code"], "own_account");
    admin.put(&format!("/users/{}/role", Uuid::new_v4()), &json!({ "role": "admin" })).await.expect(404);
}

#[tokio::test]
async fn the_list_of_users_is_complete_and_newest_first() {
    let admin = Person::admin().await;
    let mut created = HashSet::new();
    for _ in 0..5 {
        created.insert(Person::customer().await.id);
    }
    eventually("five new users at the front of the list", || async {
        let (mut seen, mut order) = (HashSet::new(), Vec::new());
        let mut path = "/users?limit=3".to_owned();
        while seen.intersection(&created).count() < created.len() {
            let page = admin.get(&path).await.expect(200);
            for user in page["items"].as_array().unwrap() {
                order.push(user["id"].as_str().unwrap().to_owned());
                assert!(seen.insert(user["id"].as_str().unwrap().to_owned()), "{user} is listed twice");
            }
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/users?limit=3&cursor={cursor}"),
                None => return Err("the list ended before all five".to_owned()),
            }
        }
        assert!(order.is_sorted_by(|a, b| a > b), "{order:?}");
        Ok(())
    })
    .await;
    assert_eq!(admin.get("/users?cursor=forged").await.expect(400)["code"], "invalid_cursor");
    assert_eq!(admin.get("/users?limit=0").await.wrong_fields(), ["limit"]);
}

#[tokio::test]
async fn a_deleted_account_leaves_its_orders_and_nothing_personal() {
    let shop = Shop::open().await;
    let mug = shop.product(5).await;
    let (carol, admin) = (Person::customer().await, Person::admin().await);
    let order = carol.check_out(&mug, 1, "pm_card_visa").await;
    carol.outcome(&order).await;
    let full_name = format!("Carol {}", Uuid::new_v4().simple());
    carol.put("/users/profile", &json!({ "full_name": full_name })).await.expect(200);
    let elsewhere = Person::anonymous().log_in(&carol.email, PASSWORD).await;
    let mut recorder = EventRecorder::start().await;

    let path = format!("/users/{}", carol.id);
    let deleted = carol.delete(&path).await;
    let correlation = deleted.headers["x-correlation-id"].to_str().unwrap().to_owned();
    assert_eq!(deleted.status, 204);
    let events = recorder.events_of(&correlation, 1).await;
    assert_eq!(
        (&events[0]["event_type"], &events[0]["data"]),
        (&json!("UserDeleted"), &json!({ "user_id": carol.id }))
    );
    recorder.stop().await;

    carol.is_locked_out().await;
    elsewhere.is_locked_out().await;
    elsewhere.refresh().await.expect(401);
    Person::anonymous().post("/auth/login", &json!({ "email": carol.email, "password": PASSWORD })).await.expect(401);
    admin.get(&path).await.expect(404);
    assert_eq!(admin.delete(&path).await.expect(404)["code"], "not_found");
    // The orders remain.
    assert_eq!(admin.get(&format!("/orders/{}", order["id"].as_str().unwrap())).await.expect(200)["user_id"], carol.id);
    let orders = admin.get(&format!("/users/{}/orders", carol.id)).await.expect(200);
    assert_eq!(orders["items"].as_array().map(Vec::len), Some(1));
    // Nobody can order for the user any more, once orders has received the event.
    let for_carol = json!({ "user_id": carol.id, "product_id": mug.id, "quantity": 1 });
    eventually("orders to delete its replica of the user", || async {
        let response = admin.post("/orders", &for_carol).await;
        if response.status == 422 { Ok(()) } else { Err(response.body.to_string()) }
    })
    .await;
    // The username is the local part of the address. The full name is unique.
    for personal in [carol.email.split('@').next().unwrap(), &full_name] {
        for table in ["UsersTable", "OrdersTable", "InventoryTable", "PaymentsTable"] {
            let name = format!("no trace of {personal} in {table}");
            eventually(&name, || async {
                let found = testkit::items_with(table, personal).await;
                if found.is_empty() { Ok(()) } else { Err(format!("{found:?}")) }
            })
            .await;
        }
    }
    // The address is free.
    let mut registration = Person::registration();
    registration["email"] = json!(carol.email);
    Person::anonymous().post("/auth/register", &registration).await.expect(201);
}

#[tokio::test]
async fn the_user_and_administrators_can_read_the_orders_of_a_user() {
    let shop = Shop::open().await;
    let mug = shop.product(5).await;
    let (carol, dave, admin) = (Person::customer().await, Person::customer().await, Person::admin().await);
    let order = carol.post("/orders", &json!({ "product_id": mug.id, "quantity": 1 })).await.expect(201);
    let path = format!("/users/{}/orders", carol.id);
    for reader in [&carol, &admin] {
        assert_eq!(reader.get(&path).await.expect(200)["items"][0]["id"], order["id"]);
    }
    dave.get(&path).await.expect(404);
}

#[tokio::test]
async fn the_counters_of_users_add_up() {
    let admin = Person::admin().await;
    let before = admin.get("/users/stats").await.expect(200);
    let carol = Person::customer().await;
    carol.delete(&format!("/users/{}", carol.id)).await;
    let after = admin.get("/users/stats").await.expect(200);
    let number = |stats: &Value, name: &str| stats[name].as_i64().unwrap();
    assert!(number(&after, "registered") > number(&before, "registered"));
    assert!(number(&after, "deleted") > number(&before, "deleted"));
    assert_eq!(number(&after, "total"), number(&after, "customers") + number(&after, "admins"));
    assert_eq!(number(&after, "total"), number(&after, "registered") - number(&after, "deleted"));
}
