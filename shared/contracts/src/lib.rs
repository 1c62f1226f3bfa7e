//! The events that the contexts publish, and their envelope.
//!
//! Events are named in the past tense. Their data never changes: other data needs a new version. `events/contracts/`
//! has a golden sample of each version, and a test reads all of them.

mod catalog;
mod described;
mod envelope;
mod inventory;
mod notifications;
mod orders;
mod payments;
mod upcaster;
mod users;

pub use catalog::{CatalogEvent, ProductArchived, ProductCreated, ProductUpdated};
pub use described::{Described, described};
pub use envelope::{Cause, Envelope, EnvelopeError, Event};
pub use inventory::{
    InventoryEvent, ReservationExpired, StockChanged, StockLevel, StockRanLow, StockRejected, StockReleased,
    StockReserved,
};
pub use notifications::{
    NotificationChannel, NotificationEvent, NotificationKind, NotificationSent, NotificationStatus,
};
pub use orders::{
    CancelReason, CheckoutStarted, OrderCancelled, OrderConfirmed, OrderDelivered, OrderEvent, OrderLine, OrderPlaced,
    OrderProcessing, OrderRefunded, OrderShipped, StockLine,
};
pub use payments::{PaymentEvent, PaymentFailed, PaymentProcessed, PaymentRefunded, PaymentRequested};
pub use upcaster::Upcaster;
pub use users::{Role, UserDeleted, UserEvent, UserField, UserRegistered, UserUpdated};

/// Declares the events of one context: the enum, the names of the types, a `From` for each, and the upcasters of older
/// versions.
macro_rules! events {
    (
        $(#[$doc:meta])* $name:ident from $source:literal { $($(#[doc = $about:literal])+ $event:ident),+ $(,)? }
        $(upcast by $upcasters:expr)?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "event_type", content = "data")]
        pub enum $name { $($(#[doc = $about])+ $event($event)),+ }

        impl $crate::Event for $name {
            const SOURCE: &'static str = $source;
            const TYPES: &'static [&'static str] = &[$(stringify!($event)),+];
            $(const UPCASTERS: &'static [$crate::Upcaster] = $upcasters;)?

            fn event_type(&self) -> &'static str {
                match self { $(Self::$event(_) => stringify!($event)),+ }
            }

            fn described() -> Vec<$crate::Described> {
                vec![$($crate::Described::new::<Self, $event>(stringify!($event), concat!($($about),+))),+]
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

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Reads a golden sample as an event of `E` and serializes it again.
    fn round_trip<E: Event>(sample: &str) -> Value {
        let envelope = Envelope::<E>::read(sample).expect("an envelope").expect("a known type");
        serde_json::to_value(&envelope).expect("JSON")
    }

    #[test]
    fn every_golden_sample_survives_a_round_trip() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/contracts");
        let mut seen = BTreeSet::new();
        for entry in fs::read_dir(folder).expect("the samples") {
            let path = entry.expect("a sample").path();
            let text = fs::read_to_string(&path).expect("text");
            let sample: Value = serde_json::from_str(&text).expect("JSON");
            let written = match sample["source"].as_str().expect("a source") {
                "users" => round_trip::<UserEvent>(&text),
                "catalog" => round_trip::<CatalogEvent>(&text),
                "inventory" => round_trip::<InventoryEvent>(&text),
                "orders" => round_trip::<OrderEvent>(&text),
                "payments" => round_trip::<PaymentEvent>(&text),
                "notifications" => round_trip::<NotificationEvent>(&text),
                other => panic!("no context is named {other}"),
            };
            // An older version is read as the current one; the current version stays as it is.
            let is_upcast = written["version"] != sample["version"];
            assert!(is_upcast || written == sample, "{}", path.display());
            let name = format!(
                "{}.v{}.json",
                sample["event_type"].as_str().expect("a type"),
                sample["version"].as_str().expect("a version")
            );
            assert_eq!(path.file_name().and_then(|name| name.to_str()), Some(name.as_str()));
            seen.insert(sample["event_type"].as_str().expect("a type").to_owned());
        }
        let types: BTreeSet<String> = described().iter().map(|event| event.event_type.to_owned()).collect();
        assert_eq!(seen, types, "every event type needs a golden sample");
    }

    #[test]
    fn an_unknown_type_is_ignored_and_a_broken_message_is_an_error() {
        let unknown = r#"{"event_type": "OrderTeleported", "data": {"to": "Mars"}}"#;
        assert!(matches!(Envelope::<OrderEvent>::read(unknown), Ok(None)));
        for broken in
            ["", "{}", "[]", r#"{"event_type": "OrderPlaced"}"#, r#"{"event_type": "OrderPlaced", "data": 7}"#]
        {
            assert!(Envelope::<OrderEvent>::read(broken).is_err(), "{broken}");
        }
    }

    const SAMPLE: &str = include_str!("../../../events/contracts/OrderPlaced.v1.0.json");

    fn any_value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,30}".prop_map(Value::from),
            Just(Value::Array(Vec::new())),
        ]
    }

    proptest! {
        #[test]
        fn the_error_of_an_invalid_message_does_not_quote_it(text in ".{0,200}") {
            let message = format!("secret{text}");
            let error = Envelope::<OrderEvent>::read(&message).expect_err("no envelope").to_string();
            prop_assert!(!error.contains("secret"), "{error}");
        }

        #[test]
        fn a_sample_with_a_changed_field_survives_a_round_trip_or_is_rejected(
            of_data in any::<bool>(), at in any::<prop::sample::Index>(), value in prop::option::of(any_value()),
        ) {
            let mut sample: Value = serde_json::from_str(SAMPLE).expect("JSON");
            let object = if of_data { &mut sample["data"] } else { &mut sample };
            let fields = object.as_object_mut().expect("an object");
            let name = fields.keys().nth(at.index(fields.len())).expect("a field").clone();
            match value {
                Some(value) => drop(fields.insert(name, value)),
                None => drop(fields.remove(&name)),
            }
            if let Ok(Some(envelope)) = Envelope::<OrderEvent>::read(&sample.to_string()) {
                let written = serde_json::to_string(&envelope).expect("JSON");
                prop_assert_eq!(Envelope::<OrderEvent>::read(&written).expect("an envelope"), Some(envelope));
            }
        }
    }
}
