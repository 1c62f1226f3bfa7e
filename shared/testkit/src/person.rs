//! A person with a browser: what they send, and what comes back.

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Stack;

/// Somebody who calls the API.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their account's id; empty for somebody without one.
    pub id: String,
    /// Where their mail arrives.
    pub email: String,
    token: Option<String>,
    http: reqwest::Client,
}

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
    /// Somebody without an account.
    pub fn stranger() -> Self {
        Self { id: String::new(), email: String::new(), token: None, http: reqwest::Client::new() }
    }

    /// A new customer with an address of their own.
    pub async fn customer() -> Self {
        let name = format!("c-{}", &Uuid::new_v4().simple().to_string()[..16]);
        let email = format!("{name}@example.com");
        let stranger = Self::stranger();
        let body = json!({ "email": email, "username": name, "password": "a long password", "full_name": "Carol" });
        stranger.post("/auth/register", &body).await.expect(201);
        stranger.log_in(&email, "a long password").await
    }

    /// Whoever runs the shop.
    pub async fn admin() -> Self {
        let admin = &Stack::get().admin;
        Self::stranger().log_in(&admin.email, &admin.password).await
    }

    /// This person, logged in.
    pub async fn log_in(&self, email: &str, password: &str) -> Self {
        let body = self.post("/auth/login", &json!({ "email": email, "password": password })).await.expect(200);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            id: text(&body["user"]["id"]),
            email: email.to_owned(),
            token: Some(text(&body["access_token"])),
            http: self.http.clone(),
        }
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
