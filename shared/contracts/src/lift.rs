//! Events that were written in an older shape, lifted to the present one when they are read.
//!
//! A log is never rewritten, and a queue may hold what was sent before a deployment. A type that grows keeps its name, gets a new golden
//! sample beside the old one, and a [`Lift`] from the version before; a reader knows the newest shape alone.

use serde_json::{Map, Value};

/// One step from a version of an event type to the next.
#[derive(Debug, Clone, Copy)]
pub struct Lift {
    /// Which type.
    pub event_type: &'static str,
    /// The version it is lifted from.
    pub from: &'static str,
    /// The version it has then.
    pub to: &'static str,
    /// What that makes of its `data`.
    pub change: fn(&mut Map<String, Value>),
}

/// The version of a type that has never grown.
const FIRST: &str = "1.0";

/// The version in which an event of this type is written today.
pub(crate) fn present(lifts: &[Lift], event_type: &str) -> &'static str {
    let mut version = FIRST;
    while let Some(lift) = step(lifts, event_type, version) {
        version = lift.to;
    }
    version
}

/// Whether there is anything to lift.
pub(crate) fn is_old(lifts: &[Lift], event_type: &str, version: &str) -> bool {
    step(lifts, event_type, version).is_some()
}

/// Brings an envelope, step by step, to the present version of its type.
pub(crate) fn lift(lifts: &[Lift], envelope: &mut Value) {
    let text = |envelope: &Value, name: &str| envelope[name].as_str().unwrap_or_default().to_owned();
    let event_type = text(envelope, "event_type");
    while let Some(lift) = step(lifts, &event_type, &text(envelope, "version")) {
        // What is no object cannot be lifted, and will not be read.
        envelope["data"].as_object_mut().map(lift.change);
        envelope["version"] = lift.to.into();
    }
}

fn step<'a>(lifts: &'a [Lift], event_type: &str, version: &str) -> Option<&'a Lift> {
    lifts.iter().find(|lift| lift.event_type == event_type && lift.from == version)
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;
    use crate::{Cause, Envelope, Event};

    /// At first it said `{"to": "Mars"}`; then where from, too; then both as a list.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Teleported {
        stops: Vec<String>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Landed {
        place: String,
    }

    crate::events!(
        /// Of a context that does not exist.
        TravelEvent from "travel" {
            /// It has grown twice.
            Teleported,
            /// It has never grown.
            Landed,
        }
        lifted by &[
            Lift { event_type: "Teleported", from: "2.0", to: "3.0", change: |data| {
                let stops = ["from", "to"].map(|name| data.remove(name).unwrap_or_default());
                data.insert("stops".to_owned(), json!(stops));
            } },
            Lift { event_type: "Teleported", from: "1.0", to: "2.0", change: |data| {
                data.insert("from".to_owned(), "Earth".into());
            } },
        ]
    );

    fn stored(event_type: &str, version: &str, data: Value) -> String {
        let landed = Landed { place: "Mars".to_owned() }.into();
        let envelope = Envelope::<TravelEvent>::new(landed, "ship", 7, Timestamp::now(), &Cause::own());
        let mut stored = serde_json::to_value(&envelope).expect("JSON");
        (stored["event_type"], stored["version"], stored["data"]) = (event_type.into(), version.into(), data);
        stored.to_string()
    }

    fn read(stored: &str) -> Envelope<TravelEvent> {
        Envelope::read(stored).expect("an envelope").expect("a known type")
    }

    #[test]
    fn a_stored_event_of_any_version_is_read_as_one_of_the_present() {
        let whole: TravelEvent = Teleported { stops: vec!["Earth".to_owned(), "Mars".to_owned()] }.into();
        for (version, data) in [
            ("1.0", json!({ "to": "Mars" })),
            ("2.0", json!({ "from": "Earth", "to": "Mars" })),
            ("3.0", json!({ "stops": ["Earth", "Mars"] })),
        ] {
            let envelope = read(&stored("Teleported", version, data));
            assert_eq!((&envelope.event, envelope.version.as_str()), (&whole, "3.0"));
            assert_eq!(envelope.sequence, 7, "the rest of the envelope is what it was");
        }
        assert_eq!(read(&stored("Landed", "1.0", json!({ "place": "Mars" }))).version, "1.0");
    }

    #[test]
    fn a_new_event_is_written_in_the_present_version() {
        let version = |event: TravelEvent| Envelope::new(event, "ship", 1, Timestamp::now(), &Cause::own()).version;
        assert_eq!(version(Teleported { stops: vec![] }.into()), "3.0");
        assert_eq!(version(Landed { place: "Mars".to_owned() }.into()), "1.0");
    }

    #[test]
    fn what_cannot_be_lifted_is_an_error() {
        assert!(Envelope::<TravelEvent>::read(&stored("Teleported", "3.0", json!({ "to": "Mars" }))).is_err());
        assert!(Envelope::<TravelEvent>::read(&stored("Teleported", "1.0", json!("Mars"))).is_err());
        assert_eq!(TravelEvent::TYPES, ["Teleported", "Landed"]);
    }
}
