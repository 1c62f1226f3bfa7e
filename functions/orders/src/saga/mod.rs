//! The steps of the checkout workflow that are orders'. Each is idempotent on the order id.
//!
//! ```text
//! reserve stock ──► authorize payment ──► confirm order ──► capture payment ──► done
//!   │      │         │      │      │            │            │           │
//!   │      │         │      │      └ no answer  │            └ refused   └ no answer
//!   │      └ fault   │      └ fault    │        └ fault, cancelled  │         │
//!   │          └─────│──────────┴──────│──────────┬─────────────────┘         │
//!   │ out of stock   │ declined        ▼          ▼                           ▼
//!   │                │           defer checkout   end order ── sold ──► the sale stands
//!   │                │                            │ ended
//!   │                ▼                            ▼
//!   └─► cancel order ◄── release stock ◄──── void payment
//! ```
//!
//! An order may have two executions at once. Whatever fails, its log decides first whether there is anything to undo: money and stock of
//! an order that the other one has sold stay where they are. A declined payment is declined for both, so its stock may go back before.
//! What a compensation cannot do, after all its retries, parks the order (`park_order`).

mod cancel_order;
mod confirm_order;
mod defer_checkout;
mod park_order;

pub use cancel_order::cancel_order;
pub use confirm_order::confirm_order;
pub use defer_checkout::defer_checkout;
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
