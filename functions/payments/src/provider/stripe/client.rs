//! Stripe's API over HTTP: requests that can be sent twice, and which answers to them are answers.

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

/// The version of the API that this is written for; an account's own may be any.
const API_VERSION: &str = "2024-06-20";

/// How often a request that met a fault is sent again.
const RETRIES: u32 = 2;

/// How long the first of them waits at most; the next waits twice as long.
const BACKOFF: Duration = Duration::from_millis(100);

/// How long a connection may take, and the longest that any request may: whoever asks has a limit of their own below it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(8);

pub(super) struct Client {
    http: reqwest::Client,
    url: String,
    pub(super) secret: Secret,
}

/// What makes a POST the same as another.
#[derive(Debug, Clone)]
pub(super) enum Key {
    /// Nothing else keeps it from being done twice: the key is always this one.
    Only(String),
    /// The state of what is changed does, too. Stripe says again what it once said under a key, even that it failed: after a failure,
    /// the key is another.
    Guarded(String),
}

/// An answer, whatever it says.
pub(super) struct Reply {
    status: StatusCode,
    /// Stripe did not do anything, but says what it said before under the same key.
    pub(super) is_replayed: bool,
    request_id: String,
    body: Vec<u8>,
}

/// What Stripe says to a request that it understood.
pub(super) enum Said<T> {
    Is(T),
    Refuses(StripeError),
}

type Form<'a> = [(&'a str, String)];

impl Client {
    pub(super) fn new(config: &SdkConfig, url: String, secret_arn: String) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(LONGEST)
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        Ok(Self { http, url, secret: Secret::new(config, secret_arn) })
    }

    /// Reads something that has to be there.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, query: &Form<'_>) -> Result<T, PaymentsError> {
        let reply = self.send(&|_| self.http.get(self.url_of(path)).query(query), None).await?;
        match reply.said()? {
            Said::Is(found) => Ok(found),
            Said::Refuses(error) => {
                let reason = error.reason();
                tracing::error!(
                    path,
                    reason,
                    "what Stripe should have is not there: is this the key of the same account?"
                );
                Err(PaymentsError::Unavailable(format!("it will not show {path}: {reason}")))
            }
        }
    }

    /// Has something done, once per `key`.
    pub(super) async fn post(&self, path: &str, form: &Form<'_>, key: Key) -> Result<Reply, PaymentsError> {
        let request =
            |key: &str| self.http.request(Method::POST, self.url_of(path)).header("idempotency-key", key).form(form);
        self.send(&request, Some(key)).await
    }

    fn url_of(&self, path: &str) -> String {
        format!("{}/v1/{path}", self.url)
    }

    /// Sends a request, and again if that met a fault; the last answer.
    async fn send(
        &self,
        request: &(dyn Fn(&str) -> RequestBuilder + Sync),
        key: Option<Key>,
    ) -> Result<Reply, PaymentsError> {
        let mut keys = self.secret.keys().await?;
        let mut text = key.as_ref().map_or("", Key::text).to_owned();
        let mut retries = 0;
        loop {
            let sent = self.send_once(request, &text, &keys).await;
            let may_pass = match &sent {
                Ok(reply) if reply.status == StatusCode::UNAUTHORIZED => match self.secret.newer(&keys).await? {
                    Some(newer) => {
                        keys = newer;
                        continue;
                    }
                    None => {
                        tracing::error!(
                            stripe_request_id = reply.request_id,
                            "Stripe does not take the API key: put a good one into the provider's secret"
                        );
                        false
                    }
                },
                Ok(reply) => reply.is_fault() && !(reply.is_replayed && matches!(key, Some(Key::Only(_)))),
                Err(_) => true,
            };
            if !may_pass || retries == RETRIES {
                return sent;
            }
            if let (Ok(reply), Some(Key::Guarded(first))) = (&sent, &key)
                && reply.status.is_server_error()
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
    ) -> Result<Reply, PaymentsError> {
        let request = request(key).bearer_auth(keys.api_key.expose()).header("stripe-version", API_VERSION);
        let read = async {
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, response.bytes().await?.to_vec()))
        };
        let (status, headers, body) = read.await.map_err(|error| {
            let reason = Chain(error.without_url()).to_string();
            tracing::warn!(reason, "Stripe was not reached");
            PaymentsError::Unavailable(reason)
        })?;
        let reply = Reply {
            status,
            is_replayed: text(&headers, "idempotent-replayed") == "true",
            request_id: text(&headers, "request-id").to_owned(),
            body,
        };
        let StripeError { kind, code, decline_code } = reply.error();
        let (status, stripe_request_id) = (status.as_u16(), &reply.request_id);
        match status {
            200..300 => {}
            402 => tracing::info!(stripe_request_id, code, decline_code, "Stripe declines"),
            _ => tracing::warn!(status, stripe_request_id, kind, code, "Stripe did not do it"),
        }
        Ok(reply)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

impl Key {
    fn text(&self) -> &str {
        match self {
            Self::Only(text) | Self::Guarded(text) => text,
        }
    }
}

impl Reply {
    /// What is said, if this is an answer and not a fault.
    pub(super) fn said<T: DeserializeOwned>(&self) -> Result<Said<T>, PaymentsError> {
        let unavailable = || {
            let (status, id) = (self.status.as_u16(), &self.request_id);
            PaymentsError::Unavailable(format!("{status} {} (Stripe's request {id})", self.error().reason()))
        };
        if self.status.is_success() {
            return serde_json::from_slice(&self.body).map(Said::Is).map_err(|error| {
                tracing::error!(%error, stripe_request_id = self.request_id, "Stripe says what is not understood");
                unavailable()
            });
        }
        match self.status {
            _ if self.is_fault() => Err(unavailable()),
            StatusCode::BAD_REQUEST | StatusCode::PAYMENT_REQUIRED | StatusCode::NOT_FOUND => {
                Ok(Said::Refuses(self.error()))
            }
            _ => Err(unavailable()),
        }
    }

    /// Whether Stripe failed by itself, and will go on to do so for this very request.
    pub(super) fn is_lost(&self) -> bool {
        self.status.is_server_error() && self.is_replayed
    }

    /// Whether this says nothing of what was asked, and may pass.
    fn is_fault(&self) -> bool {
        self.status.is_server_error()
            || matches!(self.status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS)
            || self.error().code.as_deref() == Some("lock_timeout")
            // Our own mistake: the same key for two things.
            || self.error().kind == "idempotency_error"
    }

    fn error(&self) -> StripeError {
        if self.status.is_success() {
            return StripeError::default();
        }
        serde_json::from_slice::<ErrorBody>(&self.body).unwrap_or_default().error
    }
}
