//! Conversion of events of an older version to the current one when they are read.
//!
//! A log is never rewritten, and a queue may have messages that were sent before a deployment. An event type with a new
//! version keeps its name, and gets a new golden sample beside the old one and an [`Upcaster`] from the previous
//! version. Consumers know only the current version.

use serde_json::{Map, Value};

/// The conversion from one version of an event type to the next.
#[derive(Debug, Clone, Copy)]
pub struct Upcaster {
    /// The event type.
    pub event_type: &'static str,
    /// The version that it converts from.
    pub from: &'static str,
    /// The version that it converts to.
    pub to: &'static str,
    /// Changes the `data` of the event.
    pub change: fn(&mut Map<String, Value>),
}

/// The first version of every event type.
const FIRST: &str = "1.0";

/// Returns the version in which new events of this type are written.
pub(crate) fn current_version(upcasters: &[Upcaster], event_type: &str) -> &'static str {
    let mut version = FIRST;
    while let Some(upcaster) = upcaster_from(upcasters, event_type, version) {
        version = upcaster.to;
    }
    version
}

/// Returns whether an event of this version has to be converted.
pub(crate) fn is_outdated(upcasters: &[Upcaster], event_type: &str, version: &str) -> bool {
    upcaster_from(upcasters, event_type, version).is_some()
}

/// Converts an envelope step by step to the current version of its type.
pub(crate) fn upcast(upcasters: &[Upcaster], envelope: &mut Value) {
    let text = |envelope: &Value, name: &str| envelope[name].as_str().unwrap_or_default().to_owned();
    let event_type = text(envelope, "event_type");
    while let Some(upcaster) = upcaster_from(upcasters, &event_type, &text(envelope, "version")) {
        // Data that is not an object stays as it is and fails to deserialize later.
        envelope["data"].as_object_mut().map(upcaster.change);
        envelope["version"] = upcaster.to.into();
    }
}

fn upcaster_from<'a>(upcasters: &'a [Upcaster], event_type: &str, version: &str) -> Option<&'a Upcaster> {
    upcasters.iter().find(|upcaster| upcaster.event_type == event_type && upcaster.from == version)
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;
    use crate::{Cause, Envelope, Event};

    /// Version 1.0 was `{"to": "Mars"}`, version 2.0 added `from`, and version 3.0 has both in a list.
    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Teleported {
        stops: Vec<String>,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
    pub struct Landed {
        place: String,
    }

    crate::events!(
        /// The events of a context that does not exist.
        TravelEvent from "travel" {
            /// A type with three versions.
            Teleported,
            /// A type with one version.
            Landed,
        }
        upcast by &[
            Upcaster { event_type: "Teleported", from: "2.0", to: "3.0", change: |data| {
                let stops = ["from", "to"].map(|name| data.remove(name).unwrap_or_default());
                data.insert("stops".to_owned(), json!(stops));
            } },
            Upcaster { event_type: "Teleported", from: "1.0", to: "2.0", change: |data| {
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
    fn a_stored_event_of_any_version_is_read_as_the_current_version() {
        let expected: TravelEvent = Teleported { stops: vec!["Earth".to_owned(), "Mars".to_owned()] }.into();
        for (version, data) in [
            ("1.0", json!({ "to": "Mars" })),
            ("2.0", json!({ "from": "Earth", "to": "Mars" })),
            ("3.0", json!({ "stops": ["Earth", "Mars"] })),
        ] {
            let envelope = read(&stored("Teleported", version, data));
            assert_eq!((&envelope.event, envelope.version.as_str()), (&expected, "3.0"));
            assert_eq!(envelope.sequence, 7, "the other fields of the envelope stay as they were");
        }
        assert_eq!(read(&stored("Landed", "1.0", json!({ "place": "Mars" }))).version, "1.0");
    }

    #[test]
    fn a_new_event_is_written_in_the_current_version() {
        let version = |event: TravelEvent| Envelope::new(event, "ship", 1, Timestamp::now(), &Cause::own()).version;
        assert_eq!(version(Teleported { stops: vec![] }.into()), "3.0");
        assert_eq!(version(Landed { place: "Mars".to_owned() }.into()), "1.0");
    }

    #[test]
    fn an_event_that_cannot_be_converted_is_an_error() {
        assert!(Envelope::<TravelEvent>::read(&stored("Teleported", "3.0", json!({ "to": "Mars" }))).is_err());
        assert!(Envelope::<TravelEvent>::read(&stored("Teleported", "1.0", json!("Mars"))).is_err());
        assert_eq!(TravelEvent::TYPES, ["Teleported", "Landed"]);
    }
}
