//! Stripe's API over HTTP: sends requests that are safe to retry, and distinguishes temporary errors from refusals.

use std::time::Duration;

use aws_config::SdkConfig;
use kernel::Chain;
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::objects::{ErrorBody, StripeError};
use crate::{
    PaymentsError,
    provider::secret::{Keys, Secret},
};

/// The version of the API that the objects here follow, whatever the default version of the account is.
const API_VERSION: &str = "2024-06-20";

/// How often a failed request is retried.
const RETRIES: u32 = 2;

/// The maximum wait before the first retry. It doubles for the next one.
const BACKOFF: Duration = Duration::from_millis(100);

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long any request may take. The time limits of the callers are shorter.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);

pub(super) struct Client {
    http: reqwest::Client,
    url: String,
    pub(super) secret: Secret,
}

/// The idempotency key of a POST request.
#[derive(Debug, Clone)]
pub(super) enum Key {
    /// A key that never changes, for requests that only the key prevents from taking effect twice.
    Fixed(String),
    /// A key that changes after a server error, because Stripe replays the error for the same key. It is for requests
    /// that the state of the changed object, too, prevents from taking effect twice.
    Rotating(String),
}

/// A response with any status.
pub(super) struct Response {
    status: StatusCode,
    /// Whether Stripe returned the stored response to an earlier request with the same key.
    pub(super) is_replayed: bool,
    request_id: String,
    body: Vec<u8>,
}

/// The outcome of a request that Stripe has processed.
pub(super) enum Outcome<T> {
    Object(T),
    Error(StripeError),
}

type Form<'a> = [(&'a str, String)];

impl Client {
    pub(super) fn new(config: &SdkConfig, url: String, secret_arn: String) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, url, secret: Secret::new(config, secret_arn) })
    }

    /// Reads an object that must exist.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &Form<'_>) -> Result<T, PaymentsError> {
        let response = self.send(&|_| self.http.get(self.url_of(path)).query(query), None).await?;
        match response.outcome()? {
            Outcome::Object(found) => Ok(found),
            Outcome::Error(error) => {
                let reason = error.reason();
                tracing::error!(
                    path,
                    reason,
                    "Stripe does not have an object that it must have; check that the API key is of the same account"
                );
                Err(PaymentsError::Unavailable(format!("Stripe does not return {path}: {reason}")))
            }
        }
    }

    /// Sends a POST request, which takes effect once for each `key`.
    pub(super) async fn post(&self, path: &str, form: &Form<'_>, key: Key) -> Result<Response, PaymentsError> {
        let request =
            |key: &str| self.http.request(Method::POST, self.url_of(path)).header("idempotency-key", key).form(form);
        self.send(&request, Some(key)).await
    }

    fn url_of(&self, path: &str) -> String {
        format!("{}/v1/{path}", self.url)
    }

    /// Sends a request, retries it if it fails, and returns the last response.
    async fn send(
        &self,
        request: &(dyn Fn(&str) -> RequestBuilder + Sync),
        key: Option<Key>,
    ) -> Result<Response, PaymentsError> {
        let mut keys = self.secret.keys().await?;
        let mut text = key.as_ref().map_or("", Key::text).to_owned();
        let mut retries = 0;
        loop {
            let sent = self.send_once(request, &text, &keys).await;
            let may_pass = match &sent {
                Ok(response) if response.status == StatusCode::UNAUTHORIZED => match self.secret.newer(&keys).await? {
                    Some(newer) => {
                        keys = newer;
                        continue;
                    }
                    None => {
                        tracing::error!(
                            stripe_request_id = response.request_id,
                            "Stripe does not accept the API key; store a valid one in the provider's secret"
                        );
                        false
                    }
                },
                Ok(response) => response.is_fault() && !(response.is_replayed && matches!(key, Some(Key::Fixed(_)))),
                Err(_) => true,
            };
            if !may_pass || retries == RETRIES {
                return sent;
            }
            if let (Ok(response), Some(Key::Rotating(first))) = (&sent, &key)
                && response.status.is_server_error()
            {
                text = format!("{first}-{}", Uuid::new_v4());
            }
            tokio::time::sleep(BACKOFF.saturating_mul(1 << retries).mul_f64(rand::random())).await;
            retries += 1;
        }
    }

    async fn send_once(
        &self,
        request: &(dyn Fn(&str) -> RequestBuilder + Sync),
        key: &str,
        keys: &Keys,
    ) -> Result<Response, PaymentsError> {
        let request = request(key).bearer_auth(keys.api_key.expose()).header("stripe-version", API_VERSION);
        let read = async {
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, response.bytes().await?.to_vec()))
        };
        let (status, headers, body) = read.await.map_err(|error| {
            let reason = Chain(error.without_url()).to_string();
            tracing::warn!(reason, "Stripe could not be reached");
            PaymentsError::Unavailable(reason)
        })?;
        let response = Response {
            status,
            is_replayed: text(&headers, "idempotent-replayed") == "true",
            request_id: text(&headers, "request-id").to_owned(),
            body,
        };
        let StripeError { kind, code, decline_code } = response.error();
        let (status, stripe_request_id) = (status.as_u16(), &response.request_id);
        match status {
            200..300 => {}
            402 => tracing::info!(stripe_request_id, code, decline_code, "Stripe declined the payment"),
            _ => tracing::warn!(status, stripe_request_id, kind, code, "Stripe returned an error"),
        }
        Ok(response)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

impl Key {
    fn text(&self) -> &str {
        match self {
            Self::Fixed(text) | Self::Rotating(text) => text,
        }
    }
}

impl Response {
    /// Returns the object or the refusal.
    ///
    /// # Errors
    /// If the response is a fault, or cannot be parsed.
    pub(super) fn outcome<T: DeserializeOwned>(&self) -> Result<Outcome<T>, PaymentsError> {
        let unavailable = || {
            let (status, id) = (self.status.as_u16(), &self.request_id);
            PaymentsError::Unavailable(format!("{status} {} (request {id} of Stripe)", self.error().reason()))
        };
        if self.status.is_success() {
            return serde_json::from_slice(&self.body).map(Outcome::Object).map_err(|error| {
                tracing::error!(%error, stripe_request_id = self.request_id, "Stripe's response could not be parsed");
                unavailable()
            });
        }
        match self.status {
            _ if self.is_fault() => Err(unavailable()),
            StatusCode::BAD_REQUEST | StatusCode::PAYMENT_REQUIRED | StatusCode::NOT_FOUND => {
                Ok(Outcome::Error(self.error()))
            }
            _ => Err(unavailable()),
        }
    }

    /// Returns whether Stripe failed, and replays the failure for this request.
    pub(super) fn is_lost(&self) -> bool {
        self.status.is_server_error() && self.is_replayed
    }

    /// Returns whether the response leaves the effect of the request open, so that it has to be retried.
    fn is_fault(&self) -> bool {
        self.status.is_server_error()
            || matches!(self.status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS)
            || self.error().code.as_deref() == Some("lock_timeout")
            // A bug here: the same key for two different requests.
            || self.error().kind == "idempotency_error"
    }

    fn error(&self) -> StripeError {
        if self.status.is_success() {
            return StripeError::default();
        }
        serde_json::from_slice::<ErrorBody>(&self.body).unwrap_or_default().error
    }
}
