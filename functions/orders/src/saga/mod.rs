//! The steps of the checkout workflow that are orders'. Each is idempotent on the order id.
//!
//! ```text
//! reserve stock ─► authorize payment ─► confirm order ─► capture payment
//!      │                  │                  │                 │
//!      ▼                  ▼                  ▼                 ▼
//! cancel order ◄── release stock ◄────────────────────── void payment
//!      │ a compensation that fails, after all its retries
//!      ▼
//! park order
//! ```

mod cancel_order;
mod confirm_order;
mod park_order;

pub use cancel_order::cancel_order;
pub use confirm_order::confirm_order;
pub use park_order::park_order;

use contracts::Cause;
use kernel::Timestamp;
use serde::Deserialize;

use crate::{domain::Actor, store::Act};

/// Why the workflow left its path, as a `Catch` puts it into its input.
#[derive(Debug, Deserialize)]
pub struct Failure {
    /// The error's name: a refusal of ours, or one of Step Functions or Lambda.
    #[serde(rename = "Error", default)]
    pub error: String,
    /// Its text.
    #[serde(rename = "Cause", default)]
    pub cause: String,
}

/// A step of the workflow, taken now.
fn act(cause: Cause) -> Act {
    Act { by: Actor::system("checkout"), reason: None, now: Timestamp::now(), cause }
}
