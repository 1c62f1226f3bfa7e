//! The steps of the checkout workflow that are orders'. Each is idempotent on the order id.
//!
//! ```text
//! reserve stock ─► authorize payment ─► confirm order ─► capture payment
//! ```
//!
//! | what goes wrong | then |
//! | --- | --- |
//! | there is too little stock | cancel order |
//! | the payment is declined, which is final | release stock ─► cancel order |
//! | the provider is away, and nothing is sold | defer checkout: the order stays pending, with its stock |
//! | the provider is away, and the sale stands | nothing: who hears of the sale takes the money |
//! | a capture is refused; anything else | end order ─► void payment ─► release stock ─► cancel order, which has been done |
//! | an undo fails, after all its retries | park order |
//!
//! An order may have two executions at once. Its log decides first (end order) whether there is anything to undo: what the other one has
//! sold stays sold, with its money and its stock.

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
