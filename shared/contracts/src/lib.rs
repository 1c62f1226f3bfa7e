//! The events the contexts tell each other, and the envelope they travel in.
//!
//! An event is in the past tense and never changes: a new shape is a new version. A golden sample of each lies in
//! `events/contracts/`, and a test reads all of them.

mod catalog;
mod envelope;
mod inventory;
mod orders;
mod payments;
mod users;

pub use catalog::{CatalogEvent, ProductCreated};
pub use envelope::{Cause, Envelope, EnvelopeError, Event};
pub use inventory::{InventoryEvent, StockRejected, StockReleased, StockReserved};
pub use orders::{
    CancelReason, CheckoutStarted, OrderCancelled, OrderConfirmed, OrderDelivered, OrderEvent, OrderLine, OrderPlaced,
    OrderProcessing, OrderShipped, StockLine,
};
pub use payments::{PaymentEvent, PaymentFailed, PaymentProcessed, PaymentRefunded};
pub use users::{Role, UserEvent, UserRegistered};

/// Declares one context's events: the enum, its names on the wire, and a `From` for each.
macro_rules! events {
    ($(#[$doc:meta])* $name:ident from $source:literal { $($(#[$event_doc:meta])* $event:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "event_type", content = "data")]
        pub enum $name { $($(#[$event_doc])* $event($event)),+ }

        impl $crate::Event for $name {
            const SOURCE: &'static str = $source;
            const TYPES: &'static [&'static str] = &[$(stringify!($event)),+];

            fn event_type(&self) -> &'static str {
                match self { $(Self::$event(_) => stringify!($event)),+ }
            }
        }

        $(impl From<$event> for $name {
            fn from(event: $event) -> Self {
                Self::$event(event)
            }
        })+
    };
}
pub(crate) use events;
