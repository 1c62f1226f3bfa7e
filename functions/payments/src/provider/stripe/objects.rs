//! The objects of Stripe's API, with the fields that are used here.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A PaymentIntent.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) status: IntentStatus,
    /// In minor units.
    pub(crate) amount: i64,
    /// The captured amount in minor units, which older versions of the API do not return.
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

/// The status of a PaymentIntent.
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

/// A refund.
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

/// The status of a refund.
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

/// An error of Stripe's API.
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
    /// Returns whether the card was declined.
    pub(crate) fn is_decline(&self) -> bool {
        self.kind == "card_error"
    }

    /// Returns whether the request names an object that does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        self.code.as_deref() == Some("resource_missing")
    }

    /// Returns the most specific code for the error.
    pub(crate) fn reason(&self) -> String {
        let codes = [&self.decline_code, &self.code].into_iter().flatten();
        codes.map(String::as_str).find(|code| !code.is_empty()).unwrap_or(&self.kind).to_owned()
    }
}

/// The body of a response with an error.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ErrorBody {
    #[serde(default)]
    pub(crate) error: StripeError,
}
