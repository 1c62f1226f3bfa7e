//! The steps of the checkout workflow that belong to orders. Each of them is idempotent on the order's id.
//!
//! ```text
//! reserve stock ─► authorize payment ─► confirm order ─► capture payment
//! ```
//!
//! | failure | what follows |
//! | --- | --- |
//! | too little stock | cancel order |
//! | the payment is declined, which is final | release stock ─► cancel order |
//! | the provider is unavailable before the sale | defer checkout: the order stays pending and its stock reserved |
//! | the provider is unavailable after the sale | the sale stands: a consumer of `OrderConfirmed` captures the amount |
//! | a refused capture; anything else | end order ─► void payment ─► release stock ─► cancel order (has no effect) |
//! | a compensation fails after all retries | park order |
//!
//! An order may have two executions at the same time. After a fault, its log decides (end order) whether anything is
//! undone: what the other execution has sold stays sold, and keeps its payment and its stock.

mod cancel_order;
mod confirm_order;
mod defer_checkout;
mod park_order;

pub use cancel_order::{cancel_order, ending};
pub use confirm_order::confirm_order;
pub use defer_checkout::defer_checkout;
pub use park_order::park_order;

use contracts::Cause;
use kernel::Timestamp;
use serde::Deserialize;

use crate::{domain::Actor, store::AuditContext};

/// Why a step failed, as `Catch` adds it to the input of the workflow.
#[derive(Debug, Deserialize)]
pub struct Failure {
    /// The name of the error: a refusal of one of our functions, or an error of Step Functions or Lambda.
    #[serde(rename = "Error", default)]
    pub error: String,
    /// The error's text.
    #[serde(rename = "Cause", default)]
    pub cause: String,
}

/// Returns the audit context of a workflow step that runs now.
fn audit_context(cause: Cause) -> AuditContext {
    AuditContext { actor: Actor::system("checkout"), reason: None, now: Timestamp::now(), cause }
}
