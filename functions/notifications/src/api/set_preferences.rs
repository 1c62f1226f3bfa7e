use contracts::NotificationKind;
use lambda::{
    http::{self, Reply, Request},
    input::{Fields, Given},
    openapi::{Object, Operation},
};
use serde_json::json;

use super::answer::{PreferencesAnswer, example};
use crate::{
    Notifications, NotificationsError, Wishes,
    domain::{Choices, KINDS, PhoneNumber},
};

/// `PUT /notifications/preferences`: changes the channels and the number that are given.
pub async fn set_preferences(notifications: &Notifications, request: &Request) -> Reply {
    let user_id = request.caller()?.user_id;
    let wishes = request.body(read)?;
    http::ok(&PreferencesAnswer::from(&notifications.choose(user_id, &wishes).await?))
}

fn read(body: &Fields<'_>) -> Option<Wishes> {
    let phone_number = body.given::<PhoneNumber>("phone_number");
    let choices = body.object("events", |events| {
        // All of them are read before any is missed, so that every wrong one is named.
        let read: Vec<Option<Option<(NotificationKind, Choices)>>> = KINDS
            .iter()
            .map(|(kind, name)| Some(events.object(name, channels)?.map(|choices| (*kind, choices))))
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>()
    });
    let phone_number = match phone_number? {
        Given::Absent => None,
        Given::Null => Some(None),
        Given::Value(number) => Some(Some(number)),
    };
    Some(Wishes { phone_number, choices: choices?.into_iter().flatten().flatten().collect() })
}

fn channels(channels: &Fields<'_>) -> Option<Choices> {
    let (email, sms, push) = (channels.optional("email"), channels.optional("sms"), channels.optional("push"));
    Some(Choices { email: email?, sms: sms?, push: push? })
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let channels = || Object::new().optional::<bool>("email").optional::<bool>("sms").optional::<bool>("push");
    let events = KINDS.iter().fold(Object::new(), |events, (_, name)| events.object(name, channels()));
    Operation::new("PUT /api/v1/notifications/preferences", "setPreferences", "Choose how to be told of what")
        .describe("What is absent stays. Text messages need a phone number, push messages a device (`POST /api/v1/notifications/devices`).")
        .body(
            Object::new()
                .optional::<PhoneNumber>("phone_number")
                .about("Where text messages go, in the form of E.164; null takes it back.")
                .object("events", events)
                .about("By type of event: which channels tell of it.")
                .example("a text message when something is shipped", json!({
                    "phone_number": "+4915112345667",
                    "events": { "order_shipped": { "sms": true }, "order_placed": { "email": false } },
                })),
        )
        .ok::<PreferencesAnswer<'_>>("The preferences, all of them.", example())
        .refuses(NotificationsError::Gone)
        .refuses(NotificationsError::Busy)
}

#[cfg(test)]
mod tests {
    use lambda::input::read_object;

    use super::*;

    #[test]
    fn what_is_given_is_read_and_the_rest_stays() {
        let body = json!({ "events": { "orderShipped": { "sms": true }, "order_placed": null } });
        let wishes = read_object(&body, read).expect("wishes");
        assert_eq!(wishes.phone_number, None);
        assert_eq!(
            wishes.choices,
            [(NotificationKind::OrderShipped, Choices { sms: Some(true), ..Choices::default() })]
        );
        assert_eq!(read_object(&json!({ "phone_number": null }), read).expect("wishes").phone_number, Some(None));
    }

    #[test]
    fn every_wrong_field_is_named() {
        let body = json!({ "phone_number": "0151", "events": {
            "order_shipped": { "fax": true, "sms": "yes" }, "order_lost": { "email": true }, "order_placed": true,
        } });
        let problem = read_object(&body, read).expect_err("a problem").to_json("");
        let mut fields: Vec<&str> =
            problem["errors"].as_array().expect("errors").iter().filter_map(|error| error["field"].as_str()).collect();
        fields.sort_unstable();
        assert_eq!(
            fields,
            [
                "events.order_lost",
                "events.order_placed",
                "events.order_shipped.fax",
                "events.order_shipped.sms",
                "phone_number",
            ]
        );
    }
}
