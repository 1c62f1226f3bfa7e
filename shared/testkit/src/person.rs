//! A client of the API: a customer, an administrator, or an anonymous caller.

use std::net::IpAddr;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::{StreamExt, stream};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use tokens::Claims;
use uuid::Uuid;

use crate::{AUTHORIZER_CACHE, Stack, eventually_within};

/// A person who calls the API.
#[derive(Debug, Clone)]
pub struct Person {
    /// The id of the account. It is empty for an anonymous caller.
    pub id: String,
    /// The e-mail address.
    pub email: String,
    token: Option<String>,
    refresh_token: Option<String>,
    http: reqwest::Client,
}

/// The password of every customer in the tests.
pub const PASSWORD: &str = "a long password";

/// A response of the API.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON body, or null if there is none.
    pub body: Value,
}

impl Answer {
    /// Returns the body, and checks the status.
    ///
    /// # Panics
    /// If the status is not `status`.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self.body
    }

    /// Returns the names of the invalid fields in a response 422.
    ///
    /// # Panics
    /// If the status is not 422.
    pub fn wrong_fields(self) -> Vec<String> {
        let body = self.expect(422);
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["field"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Person {
    /// Creates an anonymous caller.
    pub fn anonymous() -> Self {
        Self { id: String::new(), email: String::new(), token: None, refresh_token: None, http: reqwest::Client::new() }
    }

    /// Creates an anonymous caller with the loopback address `127.0.0.<last>`.
    ///
    /// # Panics
    /// If the client cannot use this address.
    pub fn anonymous_at(last: u8) -> Self {
        let http = reqwest::Client::builder().local_address(IpAddr::from([127, 0, 0, last])).build();
        Self { http: http.expect("a client"), ..Self::anonymous() }
    }

    /// Registers a new customer and logs in.
    pub async fn customer() -> Self {
        let anonymous = Self::anonymous();
        let body = Self::registration();
        anonymous.post("/auth/register", &body).await.expect(201);
        anonymous.log_in(body["email"].as_str().expect("an address"), PASSWORD).await
    }

    /// Registers new customers, one after the other, because hashing their passwords is what takes the time.
    pub async fn customers(count: usize) -> Vec<Self> {
        stream::iter(0..count).then(|_| Self::customer()).collect().await
    }

    /// Returns the body of the registration of a new customer.
    pub fn registration() -> Value {
        let name = format!("c-{}", &Uuid::new_v4().simple().to_string()[..16]);
        json!({ "email": format!("{name}@example.com"), "username": name, "password": PASSWORD, "full_name": "Carol" })
    }

    /// Logs in as the administrator.
    pub async fn admin() -> Self {
        let admin = &Stack::get().admin;
        Self::anonymous().log_in(&admin.email, &admin.password).await
    }

    /// Logs in, and returns the person with the new session.
    pub async fn log_in(&self, email: &str, password: &str) -> Self {
        let body = self.post("/auth/login", &json!({ "email": email, "password": password })).await.expect(200);
        self.with_session(&body)
    }

    /// Returns the person with the session in `login`, which is the body of a login response.
    ///
    /// # Panics
    /// If it is not a login response.
    pub fn with_session(&self, login: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            id: text(&login["user"]["id"]),
            email: text(&login["user"]["email"]),
            token: Some(text(&login["access_token"])),
            refresh_token: Some(text(&login["refresh_token"])),
            http: self.http.clone(),
        }
    }

    /// Refreshes the session, and returns the person with the new tokens.
    pub async fn refreshed(&self) -> Self {
        let tokens = self.refresh().await.expect(200);
        let text = |name: &str| Some(tokens[name].as_str().expect("a text").to_owned());
        Self { token: text("access_token"), refresh_token: text("refresh_token"), ..self.clone() }
    }

    /// Uses the refresh token.
    pub async fn refresh(&self) -> Answer {
        self.post("/auth/refresh", &json!({ "refresh_token": self.refresh_token })).await
    }

    /// Waits until the access token is rejected. API Gateway caches the decision of the authorizer for some seconds.
    pub async fn is_locked_out(&self) {
        eventually_within("the access token to be rejected", AUTHORIZER_CACHE, || async {
            let status = self.get("/users/profile").await.status.as_u16();
            if status == 401 { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    }

    /// Returns the person with another access token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// Returns the person with a client that does not follow redirects.
    ///
    /// # Panics
    /// If the client cannot be created.
    pub fn without_redirects(&self) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        Self { http: http.expect("an HTTP client"), ..self.clone() }
    }

    /// Returns the access token.
    ///
    /// # Panics
    /// If there is none.
    pub fn token(&self) -> &str {
        self.token.as_deref().expect("a token")
    }

    /// Returns the claims of the access token.
    ///
    /// # Panics
    /// If there is none.
    pub fn claims(&self) -> Claims {
        let payload = self.token().split('.').nth(1).expect("three parts");
        let json = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64");
        serde_json::from_slice(&json).expect("claims")
    }

    /// Sends a `GET` request.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a `POST` request.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Sends a `PUT` request.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::PUT, path).json(body)).await
    }

    /// Sends a `DELETE` request.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path)).await
    }

    /// Creates a request, which a test can extend.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.request_at(method, &format!("/api/v1{path}"))
    }

    /// Creates a request to a path that need not begin with `/api/v1`.
    pub fn request_at(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", Stack::get().root_url()));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.expect("the API responds");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("a JSON body") };
        Answer { status, headers, body }
    }

    /// Returns all received mails whose subject or text contains `words`.
    pub async fn mails_with(&self, words: &str) -> Vec<Value> {
        let inbox = &Stack::get().inbox_url;
        let list: Vec<Value> = self.fetch(&format!("{inbox}/api/messages?to={}", self.email)).await;
        let mut found = Vec::new();
        for mail in list {
            let id = mail["id"].as_str().expect("an id");
            let whole: Value = self.fetch(&format!("{inbox}/api/messages/{id}")).await;
            let contains_words = |part: &str| whole[part].as_str().is_some_and(|text| text.contains(words));
            if contains_words("subject") || contains_words("text") {
                found.push(whole);
            }
        }
        found
    }

    async fn fetch<T: serde::de::DeserializeOwned>(&self, url: &str) -> T {
        let response = self.http.get(url).send().await.expect("the inbox responds");
        response.json().await.expect("JSON")
    }
}
