//! What Stripe says, as far as it is looked at.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A payment of ours, as Stripe has it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) status: IntentStatus,
    /// In minor units.
    pub(crate) amount: i64,
    /// What was taken of it; older versions of the API do not say.
    #[serde(default)]
    pub(crate) amount_received: Option<i64>,
    /// In lower case.
    pub(crate) currency: String,
    #[serde(default)]
    pub(crate) payment_method: Option<String>,
    #[serde(default)]
    pub(crate) last_payment_error: Option<StripeError>,
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Where an intent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IntentStatus {
    RequiresPaymentMethod,
    RequiresConfirmation,
    RequiresAction,
    Processing,
    RequiresCapture,
    Succeeded,
    Canceled,
    #[serde(other)]
    Unknown,
}

/// Money going back.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct StripeRefund {
    pub(crate) id: String,
    pub(crate) status: RefundStatus,
    pub(crate) amount: i64,
    #[serde(default)]
    pub(crate) payment_intent: Option<String>,
    #[serde(default)]
    pub(crate) failure_reason: Option<String>,
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundStatus {
    Pending,
    Succeeded,
    Failed,
    Canceled,
    #[serde(other)]
    Unknown,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<T>,
    #[serde(default)]
    pub(crate) has_more: bool,
}

/// Why Stripe did not do it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct StripeError {
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) code: Option<String>,
    #[serde(default)]
    pub(crate) decline_code: Option<String>,
}

impl StripeError {
    /// Whether a card's bank said no.
    pub(crate) fn is_decline(&self) -> bool {
        self.kind == "card_error"
    }

    /// Whether the request names what is not there.
    pub(crate) fn is_missing(&self) -> bool {
        self.code.as_deref() == Some("resource_missing")
    }

    /// Its word for why.
    pub(crate) fn reason(&self) -> String {
        let words = [&self.decline_code, &self.code].into_iter().flatten();
        words.map(String::as_str).find(|word| !word.is_empty()).unwrap_or(&self.kind).to_owned()
    }
}

/// The body of an answer that is not a 2xx.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorBody {
    #[serde(default)]
    pub(crate) error: StripeError,
}
