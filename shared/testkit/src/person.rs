//! A person with a browser: what they send, and what comes back.

use std::net::IpAddr;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::{StreamExt, stream};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use tokens::Claims;
use uuid::Uuid;

use crate::{AUTHORIZER_CACHE, Stack, eventually_within};

/// Somebody who calls the API.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their account's id; empty for somebody without one.
    pub id: String,
    /// Where their mail arrives.
    pub email: String,
    token: Option<String>,
    refresh_token: Option<String>,
    http: reqwest::Client,
}

/// The password of every customer here.
pub const PASSWORD: &str = "a long password";

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON body; null if there was none.
    pub body: Value,
}

impl Answer {
    /// The body, if the status is `status`.
    ///
    /// # Panics
    /// When it is another.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// The names of the fields that a 422 complains of.
    ///
    /// # Panics
    /// When it is not a 422.
    pub fn wrong_fields(self) -> Vec<String> {
        let body = self.expect(422);
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Person {
    /// Somebody without an account, and without a token.
    pub fn anonymous() -> Self {
        Self { id: String::new(), email: String::new(), token: None, refresh_token: None, http: reqwest::Client::new() }
    }

    /// Somebody without an account who calls from another loopback address, `127.0.0.<last>`.
    ///
    /// # Panics
    /// When there is no such address.
    pub fn anonymous_at(last: u8) -> Self {
        let http = reqwest::Client::builder().local_address(IpAddr::from([127, 0, 0, last])).build();
        Self { http: http.expect("a client"), ..Self::anonymous() }
    }

    /// A new customer with an address of their own.
    pub async fn customer() -> Self {
        let anonymous = Self::anonymous();
        let body = Self::registration();
        anonymous.post("/auth/register", &body).await.expect(201);
        anonymous.log_in(body["email"].as_str().expect("an address"), PASSWORD).await
    }

    /// New customers, who register one after the other: it is the hash of a password that takes the time.
    pub async fn customers(count: usize) -> Vec<Self> {
        stream::iter(0..count).then(|_| Self::customer()).collect().await
    }

    /// What registers a new customer.
    pub fn registration() -> Value {
        let name = format!("c-{}", &Uuid::new_v4().simple().to_string()[..16]);
        json!({ "email": format!("{name}@example.com"), "username": name, "password": PASSWORD, "full_name": "Carol" })
    }

    /// Whoever runs the shop.
    pub async fn admin() -> Self {
        let admin = &Stack::get().admin;
        Self::anonymous().log_in(&admin.email, &admin.password).await
    }

    /// This person, logged in.
    pub async fn log_in(&self, email: &str, password: &str) -> Self {
        let body = self.post("/auth/login", &json!({ "email": email, "password": password })).await.expect(200);
        self.with_session(&body)
    }

    /// The person of whom `answer` to a login tells.
    ///
    /// # Panics
    /// When it is not one.
    pub fn with_session(&self, answer: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            id: text(&answer["user"]["id"]),
            email: text(&answer["user"]["email"]),
            token: Some(text(&answer["access_token"])),
            refresh_token: Some(text(&answer["refresh_token"])),
            http: self.http.clone(),
        }
    }

    /// This person after a refresh.
    pub async fn refreshed(&self) -> Self {
        let answer = self.refresh().await.expect(200);
        let text = |name: &str| Some(answer[name].as_str().expect("a text").to_owned());
        Self { token: text("access_token"), refresh_token: text("refresh_token"), ..self.clone() }
    }

    /// Uses this person's refresh token.
    pub async fn refresh(&self) -> Answer {
        self.post("/auth/refresh", &json!({ "refresh_token": self.refresh_token })).await
    }

    /// Waits until this person's access token is refused: the authorizer's answer of before may be kept for some
    /// seconds.
    pub async fn is_locked_out(&self) {
        eventually_within("the access token to be refused", AUTHORIZER_CACHE, || async {
            let status = self.get("/users/profile").await.status.as_u16();
            if status == 401 { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    }

    /// This person with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// This person, who looks at redirects and does not follow them.
    ///
    /// # Panics
    /// When there is no such client.
    pub fn who_stays(&self) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        Self { http: http.expect("an HTTP client"), ..self.clone() }
    }

    /// The access token of this person.
    ///
    /// # Panics
    /// When they have none.
    pub fn token(&self) -> &str {
        self.token.as_deref().expect("a token")
    }

    /// What this person's access token says.
    ///
    /// # Panics
    /// When they have none.
    pub fn claims(&self) -> Claims {
        let payload = self.token().split('.').nth(1).expect("three parts");
        let json = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64");
        serde_json::from_slice(&json).expect("claims")
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// `POST`.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// `PUT`.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// A request, to which a test adds what it needs.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.request_at(method, &format!("/api/v1{path}"))
    }

    /// A request to a path that need not begin with `/api/v1`.
    pub fn request_at(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", Stack::get().root_url()));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends it.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("the API answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("a JSON body") };
        Answer { status, headers, body }
    }

    /// All mails that arrived for this person whose text or subject contains `words`.
    pub async fn mails_with(&self, words: &str) -> Vec<Value> {
        let inbox = &Stack::get().inbox_url;
        let list: Vec<Value> = self.fetch(&format!("{inbox}/api/messages?to={}", self.email)).await;
        let mut found = Vec::new();
        for mail in list {
            let id = mail["id"].as_str().expect("an id");
            let whole: Value = self.fetch(&format!("{inbox}/api/messages/{id}")).await;
            let said = |part: &str| whole[part].as_str().is_some_and(|text| text.contains(words));
            if said("subject") || said("text") {
                found.push(whole);
            }
        }
        found
    }

    async fn fetch<T: serde::de::DeserializeOwned>(&self, url: &str) -> T {
        let response = self.http.get(url).send().await.expect("the inbox answers");
        response.json().await.expect("JSON")
    }
}
