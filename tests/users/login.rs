//! Login, refresh and logout, and the pauses after wrong passwords.

use std::time::Instant;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::future::join_all;
use serde_json::{Value, json};
use testkit::{Answer, PASSWORD, Person, eventually};

#[tokio::test]
async fn by_e_mail_or_username_in_any_case_of_letters() {
    let registration = Person::registration();
    let anonymous = Person::anonymous();
    let made = anonymous.post("/auth/register", &registration).await.expect(201);
    let (email, username) = (registration["email"].as_str().unwrap(), registration["username"].as_str().unwrap());
    for login in [
        json!({ "email": email, "password": PASSWORD }),
        json!({ "email": email.to_uppercase(), "password": PASSWORD }),
        json!({ "username": username, "password": PASSWORD }),
        json!({ "username": username.to_uppercase(), "password": PASSWORD }),
    ] {
        let answer = anonymous.post("/auth/login", &login).await.expect(200);
        assert_eq!(answer["user"], made, "{login}");
        assert_eq!(answer["token_type"], "Bearer");
        assert_eq!(
            (answer["expires_in"].as_i64(), answer["refresh_expires_in"].as_i64()),
            (Some(900), Some(2_592_000))
        );
        assert!(!answer.to_string().contains("argon2") && !answer.to_string().contains(PASSWORD), "{login}");
    }
}

#[tokio::test]
async fn each_refresh_gives_new_tokens_and_the_session_goes_on() {
    let carol = Person::customer().await;
    let mut now = carol.clone();
    for _ in 0..3 {
        let next = now.refreshed().await;
        assert_ne!(next.token(), now.token());
        assert_eq!(next.claims().sid, carol.claims().sid);
        next.get("/users/profile").await.expect(200);
        now = next;
    }
}

/// Whoever uses a token a second time ends the session for everybody who has one of its family: the thief cannot be
/// told from the owner.
#[tokio::test]
async fn a_refresh_token_used_twice_ends_its_whole_family() {
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
async fn of_many_uses_of_one_refresh_token_at_once_at_most_one_succeeds() {
    let carol = Person::customer().await;
    let answers = join_all((0..8).map(|_| carol.refresh())).await;
    let succeeded = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(succeeded <= 1, "{succeeded} of 8");
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 401));
    carol.is_locked_out().await;
}

fn parsed(id: &str) -> Vec<u8> {
    id.parse::<uuid::Uuid>().unwrap().as_bytes().to_vec()
}

#[tokio::test]
async fn what_is_not_a_refresh_token_is_refused() {
    let anonymous = Person::anonymous();
    let carol = Person::customer().await;
    // Whoever knows the ids of a session, which are no secret, cannot end it with a token that they made up.
    let made_up = [parsed(&carol.id), parsed(&carol.claims().sid.to_string()), [7; 48].to_vec()].concat();
    let made_up = format!("wbr_{}", BASE64_URL_SAFE_NO_PAD.encode(made_up));
    for text in ["", "wbr_", "wbr_AAAA", "nonsense", carol.token(), &made_up] {
        let answer = anonymous.post("/auth/refresh", &json!({ "refresh_token": text })).await;
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert_eq!(answer.expect(401)["code"], "invalid_refresh_token");
    }
    carol.refresh().await.expect(200);
    assert_eq!(anonymous.post("/auth/refresh", &json!({})).await.wrong_fields(), ["refresh_token"]);
    assert_eq!(anonymous.post("/auth/refresh", &json!({ "refresh_token": 7 })).await.wrong_fields(), ["refresh_token"]);
}

#[tokio::test]
async fn after_the_logout_both_tokens_are_refused_and_other_sessions_go_on() {
    let carol = Person::customer().await;
    let elsewhere = Person::anonymous().log_in(&carol.email, PASSWORD).await;
    let answer = carol.post("/auth/logout", &json!({})).await;
    assert_eq!((answer.status.as_u16(), &answer.body), (204, &Value::Null));
    carol.refresh().await.expect(401);
    carol.is_locked_out().await;
    elsewhere.get("/users/profile").await.expect(200);
}

/// The first pause after wrong passwords, in seconds; the next one is twice as long.
const PAUSE: u64 = 5;

/// Tries a login within a pause of `pause` seconds after a failure that was sent at `sent`: it is refused for what is
/// left of the pause. The answer, or nothing when this machine was slower than the pause.
async fn within_pause(thief: &Person, login: &Value, sent: Instant, pause: u64) -> Option<Answer> {
    let answer = thief.post("/auth/login", login).await;
    let elapsed = sent.elapsed().as_secs();
    if answer.status != 429 {
        assert!(elapsed + 1 >= pause, "{} {elapsed} s after a failure", answer.status);
        return None;
    }
    let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=pause).contains(&wait) && elapsed + wait + 1 >= pause, "{wait} s more, {elapsed} s after a failure");
    assert_eq!(answer.body["code"], "too_many_failures");
    Some(answer)
}

/// Tries again what a slow machine may not do within a pause.
async fn in_time<T>(attempt: impl AsyncFn() -> Option<T>) -> T {
    for _ in 0..10 {
        if let Some(done) = attempt().await {
            return done;
        }
    }
    panic!("no request came within a pause of {PAUSE} s")
}

/// Five wrong passwords have no consequence, then each attempt has to wait. Failures are counted by account and
/// address: other people, and the owner elsewhere, notice nothing.
#[tokio::test]
async fn wrong_passwords_are_slowed_down_and_lock_nobody_else_out() {
    let dave = Person::customer().await;
    in_time(async || wrong_passwords(&Person::customer().await, &dave).await).await;
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
        within_pause(&thief, login, sent, PAUSE).await?;
    }
    thief.log_in(&dave.email, PASSWORD).await;
    Person::anonymous_at(67).log_in(&carol.email, PASSWORD).await;
    carol.get("/users/profile").await.expect(200);

    // One more wrong password doubles the pause; the right one, after it, resets the count.
    let after_pause = async |login: &Value, status: u16| {
        let (sent, answer) = eventually("the pause to end", || async {
            let sent = Instant::now();
            let answer = thief.post("/auth/login", login).await;
            if answer.status == 429 { Err(answer.body.to_string()) } else { Ok((sent, answer)) }
        })
        .await;
        answer.expect(status);
        sent
    };
    let sent = after_pause(&guess, 401).await;
    within_pause(&thief, &right, sent, 2 * PAUSE).await?;
    after_pause(&right, 200).await;
    for _ in 0..4 {
        thief.post("/auth/login", &guess).await.expect(401);
    }
    Some(())
}

#[tokio::test]
async fn an_unknown_login_is_answered_and_slowed_down_as_a_known_one() {
    let nobody = || format!("nobody-{}@example.com", uuid::Uuid::new_v4().simple());
    let known = in_time(async || six_guesses(&Person::customer().await.email).await).await;
    let unknown = in_time(async || six_guesses(&nobody()).await).await;
    assert_eq!(known, unknown);
    assert_eq!(known.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [401, 401, 401, 401, 401, 429]);
}

/// The statuses and bodies of the answers to five wrong passwords and one within the pause after them.
async fn six_guesses(email: &str) -> Option<Vec<(u16, Value)>> {
    let anonymous = Person::anonymous_at(68);
    let guess = json!({ "email": email, "password": "a wrong password" });
    let (mut answers, mut sent) = (Vec::new(), Instant::now());
    for _ in 0..5 {
        sent = Instant::now();
        answers.push(anonymous.post("/auth/login", &guess).await);
    }
    answers.push(within_pause(&anonymous, &guess, sent, PAUSE).await?);
    let comparable = |mut answer: Answer| {
        answer.body["correlation_id"] = Value::Null;
        (answer.status.as_u16(), answer.body)
    };
    Some(answers.into_iter().map(comparable).collect())
}
