//! Webhooks of the payment provider, which are Stripe events signed with the webhook secret of the stack.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use crate::{Answer, Stack, items_with, secret};

/// Sends webhooks.
#[derive(Debug)]
pub struct Webhook {
    secret: String,
}

impl Webhook {
    /// Reads the webhook secret of the stack.
    pub async fn open() -> Self {
        let secret = secret(&Stack::get().secrets["ProviderSecret"]).await;
        Self { secret: secret["webhook_secret"].as_str().expect("a secret").to_owned() }
    }

    /// Delivers a new event about `object`.
    pub async fn deliver(&self, kind: &str, object: &Value) -> Answer {
        let body = event(kind, object).to_string();
        self.send(&body, Some(&self.signature(&body, seconds()))).await
    }

    /// Returns the signature header of `body` at `time`.
    pub fn signature(&self, body: &str, time: u64) -> String {
        let mut signed = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("any key");
        signed.update(format!("{time}.{body}").as_bytes());
        let hex: String = signed.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={time},v1={hex}")
    }

    /// Sends a body, with or without a signature.
    pub async fn send(&self, body: &str, signature: Option<&str>) -> Answer {
        let url = format!("{}/payments/webhook", Stack::get().api_url);
        let mut request = reqwest::Client::new().post(url).header("content-type", "application/json; charset=utf-8");
        if let Some(signature) = signature {
            request = request.header("stripe-signature", signature);
        }
        let response = request.body(body.to_owned()).send().await.expect("a response");
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.json().await.unwrap_or_default() }
    }
}

/// Returns a Stripe event about `object`.
pub fn event(kind: &str, object: &Value) -> Value {
    let id = format!("evt_{}", Uuid::new_v4().simple());
    json!({ "id": id, "object": "event", "type": kind, "created": seconds(), "data": { "object": object } })
}

/// Returns the PaymentIntent of an order, from Stripe if the stack uses it.
///
/// # Panics
/// If Stripe has none.
pub async fn intent_of(order: &Value) -> Value {
    if Stack::get().stripe_url.is_some() {
        return found_intent(order).await.expect("an intent");
    }
    let minor = order["total_amount"].as_str().expect("an amount").replace('.', "");
    json!({
        "id": format!("sim_{}", order["id"].as_str().expect("an id")),
        "object": "payment_intent",
        "status": "requires_capture",
        "amount": minor.parse::<i64>().expect("digits"),
        "currency": order["currency"].as_str().expect("a currency").to_lowercase(),
        "payment_method": "pm_card_visa",
        "metadata": { "order_id": order["id"], "user_id": order["user_id"] },
    })
}

async fn found_intent(order: &Value) -> Option<Value> {
    let all = stripe("GET", "/v1/payment_intents?limit=100000", &[]).await;
    let mut intents = all["data"].as_array().expect("a list").iter();
    intents.find(|intent| intent["metadata"]["order_id"] == order["id"]).cloned()
}

/// Returns whether the provider has authorized the payment of an order, even if the shop has not recorded it.
pub async fn is_authorized_at_provider(order: &Value) -> bool {
    if Stack::get().stripe_url.is_some() {
        return found_intent(order).await.is_some_and(|intent| intent["status"] == "requires_capture");
    }
    let ledger_key = format!("SIMULATOR#{}", order["id"].as_str().expect("an id"));
    !items_with("PaymentsTable", &ledger_key).await.is_empty()
}

/// Calls the API of the stack's Stripe, as the owner does in the dashboard.
pub async fn stripe(method: &str, path: &str, form: &[(&str, &str)]) -> Value {
    let url = format!("{}{path}", Stack::get().stripe_url.as_deref().expect("a stack with Stripe"));
    let method = method.parse().expect("a method");
    let request = reqwest::Client::new().request(method, url).bearer_auth("sk_test_dashboard").form(form);
    let response = request.send().await.expect("a response");
    let status = response.status();
    let body: Value = response.json().await.expect("JSON");
    assert!(status.is_success(), "{body}");
    body
}

/// Returns the current time in seconds since 1970, as signatures have it.
pub fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}
