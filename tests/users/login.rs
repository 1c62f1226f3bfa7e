//! Login, refresh and logout, and the pauses after failed logins.

use std::time::Instant;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Answer, PASSWORD, Person, eventually};

#[tokio::test]
async fn login_by_e_mail_address_or_username_is_case_insensitive() {
    let registration = Person::registration();
    let anonymous = Person::anonymous();
    let account = anonymous.post("/auth/register", &registration).await.expect(201);
    let (email, username) = (registration["email"].as_str().unwrap(), registration["username"].as_str().unwrap());
    for login in [
        json!({ "email": email, "password": PASSWORD }),
        json!({ "email": email.to_uppercase(), "password": PASSWORD }),
        json!({ "username": username, "password": PASSWORD }),
        json!({ "username": username.to_uppercase(), "password": PASSWORD }),
    ] {
        let response = anonymous.post("/auth/login", &login).await.expect(200);
        assert_eq!(response["user"], account, "{login}");
        assert_eq!(response["token_type"], "Bearer");
        assert_eq!(
            (response["expires_in"].as_i64(), response["refresh_expires_in"].as_i64()),
            (Some(900), Some(2_592_000))
        );
        assert!(!response.to_string().contains("argon2") && !response.to_string().contains(PASSWORD), "{login}");
    }
}

#[tokio::test]
async fn each_refresh_returns_new_tokens_of_the_same_session() {
    let carol = Person::customer().await;
    let mut current = carol.clone();
    for _ in 0..3 {
        let next = current.refreshed().await;
        assert_ne!(next.token(), current.token());
        assert_eq!(next.claims().sid, carol.claims().sid);
        next.get("/users/profile").await.expect(200);
        current = next;
    }
}

/// A second use of a token ends the session for everybody who has one of its tokens, because the thief cannot be
/// distinguished from the owner.
#[tokio::test]
async fn a_second_use_of_a_refresh_token_ends_the_session() {
    let carol = Person::customer().await;
    let later = carol.refreshed().await;
    let elsewhere = Person::anonymous().log_in(&carol.email, PASSWORD).await;
    assert_eq!(carol.refresh().await.expect(401)["code"], "invalid_refresh_token");
    assert_eq!(later.refresh().await.expect(401)["code"], "invalid_refresh_token");
    carol.is_locked_out().await;
    later.is_locked_out().await;
    elsewhere.get("/users/profile").await.expect(200);
    elsewhere.refresh().await.expect(200);
}

#[tokio::test]
async fn at_most_one_of_many_concurrent_uses_of_a_refresh_token_succeeds() {
    let carol = Person::customer().await;
    let responses = join_all((0..8).map(|_| carol.refresh())).await;
    let succeeded = responses.iter().filter(|response| response.status == 200).count();
    assert!(succeeded <= 1, "{succeeded} of 8 succeeded");
    assert!(responses.iter().all(|response| response.status == 200 || response.status == 401));
    carol.is_locked_out().await;
}

fn id_bytes(id: &str) -> Vec<u8> {
    id.parse::<uuid::Uuid>().unwrap().as_bytes().to_vec()
}

#[tokio::test]
async fn other_texts_than_refresh_tokens_are_rejected() {
    let anonymous = Person::anonymous();
    let carol = Person::customer().await;
    // The ids of a session are no secret. A forged token with these ids must not end the session.
    let forged = [id_bytes(&carol.id), id_bytes(&carol.claims().sid.to_string()), [7; 48].to_vec()].concat();
    let forged = format!("wbr_{}", BASE64_URL_SAFE_NO_PAD.encode(forged));
    for text in ["", "wbr_", "wbr_AAAA", "nonsense", carol.token(), &forged] {
        let response = anonymous.post("/auth/refresh", &json!({ "refresh_token": text })).await;
        assert_eq!(response.headers["www-authenticate"], "Bearer");
        assert_eq!(response.expect(401)["code"], "invalid_refresh_token");
    }
    carol.refresh().await.expect(200);
    assert_eq!(anonymous.post("/auth/refresh", &json!({})).await.wrong_fields(), ["refresh_token"]);
    assert_eq!(anonymous.post("/auth/refresh", &json!({ "refresh_token": 7 })).await.wrong_fields(), ["refresh_token"]);
}

#[tokio::test]
async fn a_logout_invalidates_both_tokens_and_no_other_session() {
    let carol = Person::customer().await;
    let elsewhere = Person::anonymous().log_in(&carol.email, PASSWORD).await;
    let response = carol.post("/auth/logout", &json!({})).await;
    assert_eq!((response.status.as_u16(), &response.body), (204, &Value::Null));
    carol.refresh().await.expect(401);
    carol.is_locked_out().await;
    elsewhere.get("/users/profile").await.expect(200);
}

/// The first pause after failed logins. The next one is twice as long.
const PAUSE_SECONDS: u64 = 5;

/// Tries a login during a pause of `pause` seconds after a failure that was sent at `sent`. The login is rejected for
/// the rest of the pause. Returns the response, or `None` if this machine was slower than the pause.
async fn try_during_pause(thief: &Person, login: &Value, sent: Instant, pause: u64) -> Option<Answer> {
    let response = thief.post("/auth/login", login).await;
    let elapsed = sent.elapsed().as_secs();
    if response.status != 429 {
        assert!(elapsed + 1 >= pause, "{} {elapsed} s after a failure", response.status);
        return None;
    }
    let wait: u64 = response.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(
        (1..=pause).contains(&wait) && elapsed + wait + 1 >= pause,
        "has to wait {wait} s more, {elapsed} s after a failure"
    );
    assert_eq!(response.body["code"], "too_many_failures");
    Some(response)
}

/// Repeats an attempt that a slow machine may not finish within a pause.
async fn until_in_time<T>(attempt: impl AsyncFn() -> Option<T>) -> T {
    for _ in 0..10 {
        if let Some(done) = attempt().await {
            return done;
        }
    }
    panic!("no request was sent within a pause of {PAUSE_SECONDS} s")
}

/// After five wrong passwords, each attempt has to wait. Failures are counted for each account and address, so other
/// people and the owner at another address are not affected.
#[tokio::test]
async fn attempts_after_wrong_passwords_have_to_wait_and_nobody_else_is_locked_out() {
    let dave = Person::customer().await;
    until_in_time(async || wrong_passwords(&Person::customer().await, &dave).await).await;
}

async fn wrong_passwords(carol: &Person, dave: &Person) -> Option<()> {
    let thief = Person::anonymous_at(66);
    let guess = json!({ "email": carol.email, "password": "a wrong password" });
    let mut sent = Instant::now();
    for _ in 0..5 {
        sent = Instant::now();
        assert_eq!(thief.post("/auth/login", &guess).await.expect(401)["code"], "wrong_credentials");
    }
    let right = json!({ "email": carol.email, "password": PASSWORD });
    for login in [&guess, &right] {
        try_during_pause(&thief, login, sent, PAUSE_SECONDS).await?;
    }
    thief.log_in(&dave.email, PASSWORD).await;
    Person::anonymous_at(67).log_in(&carol.email, PASSWORD).await;
    carol.get("/users/profile").await.expect(200);

    // One more wrong password doubles the pause. The correct password after that resets the count.
    let after_pause = async |login: &Value, status: u16| {
        let (sent, response) = eventually("the pause to end", || async {
            let sent = Instant::now();
            let response = thief.post("/auth/login", login).await;
            if response.status == 429 { Err(response.body.to_string()) } else { Ok((sent, response)) }
        })
        .await;
        response.expect(status);
        sent
    };
    let sent = after_pause(&guess, 401).await;
    try_during_pause(&thief, &right, sent, 2 * PAUSE_SECONDS).await?;
    after_pause(&right, 200).await;
    for _ in 0..4 {
        thief.post("/auth/login", &guess).await.expect(401);
    }
    Some(())
}

#[tokio::test]
async fn an_unknown_login_gets_the_responses_and_pauses_of_a_known_one() {
    let unknown_email = || format!("nobody-{}@example.com", uuid::Uuid::new_v4().simple());
    let known = until_in_time(async || six_guesses(&Person::customer().await.email).await).await;
    let unknown = until_in_time(async || six_guesses(&unknown_email()).await).await;
    assert_eq!(known, unknown);
    assert_eq!(known.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [401, 401, 401, 401, 401, 429]);
}

/// Returns the statuses and bodies of the responses to five wrong passwords and to one more during the pause after
/// them.
async fn six_guesses(email: &str) -> Option<Vec<(u16, Value)>> {
    let anonymous = Person::anonymous_at(68);
    let guess = json!({ "email": email, "password": "a wrong password" });
    let (mut responses, mut sent) = (Vec::new(), Instant::now());
    for _ in 0..5 {
        sent = Instant::now();
        responses.push(anonymous.post("/auth/login", &guess).await);
    }
    responses.push(try_during_pause(&anonymous, &guess, sent, PAUSE_SECONDS).await?);
    let comparable = |mut response: Answer| {
        response.body["correlation_id"] = Value::Null;
        (response.status.as_u16(), response.body)
    };
    Some(responses.into_iter().map(comparable).collect())
}
