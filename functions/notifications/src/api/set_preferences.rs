use contracts::NotificationKind;
use kernel::Invalid;
use lambda::{
    http::{self, Reply, Request},
    input::{Field, Fields, Given, schema_of},
    openapi::{Object, Operation},
    policy::{Access, Limit, Route},
};
use schemars::Schema;
use serde_json::{Value, json};

use super::response::{PreferencesResponse, example};
use crate::{
    Notifications, NotificationsError, PreferencesUpdate,
    domain::{ChannelChoices, KINDS, PhoneNumber},
};

impl Field for PhoneNumber {
    fn read(value: &Value) -> Result<Self, Invalid> {
        value.as_str().ok_or_else(|| Invalid::new("wrong_type", "must be a string"))?.parse()
    }

    fn schema() -> Schema {
        schema_of::<Self>()
    }
}

pub(crate) const ROUTE: Route =
    Route::new("PUT /api/v1/notifications/preferences", Access::Customer).limited(Limit::Writes);

/// `PUT /notifications/preferences`: changes the channels and the phone number in the body.
pub async fn set_preferences(notifications: &Notifications, request: &Request) -> Reply {
    let user_id = request.caller()?.user_id;
    let update = request.body(read)?;
    http::ok(&PreferencesResponse::from(&notifications.update_preferences(user_id, &update).await?))
}

fn read(body: &Fields<'_>) -> Option<PreferencesUpdate> {
    let phone_number = body.given::<PhoneNumber>("phone_number");
    let choices = body.object("events", |events| {
        // All objects are read before the first invalid one ends the function, so that all wrong fields are reported.
        let read: Vec<Option<Option<(NotificationKind, ChannelChoices)>>> = KINDS
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
    Some(PreferencesUpdate { phone_number, choices: choices?.into_iter().flatten().flatten().collect() })
}

fn channels(channels: &Fields<'_>) -> Option<ChannelChoices> {
    let (email, sms, push) = (channels.optional("email"), channels.optional("sms"), channels.optional("push"));
    Some(ChannelChoices { email: email?, sms: sms?, push: push? })
}

/// Describes the endpoint for OpenAPI.
pub(super) fn operation() -> Operation {
    let channels = || Object::new().optional::<bool>("email").optional::<bool>("sms").optional::<bool>("push");
    let events = KINDS.iter().fold(Object::new(), |events, (_, name)| events.object(name, channels()));
    Operation::new(ROUTE, "setPreferences", "Update notification preferences")
        .describe(
            "Absent fields do not change. Text messages require a phone number, and push notifications a device \
             (`POST /api/v1/notifications/devices`).",
        )
        .body(
            Object::new()
                .optional::<PhoneNumber>("phone_number")
                .description("The number for text messages, in E.164 format. `null` removes it.")
                .object("events", events)
                .description("The channels for each type of event.")
                .example(
                    "text messages about shipments",
                    json!({
                        "phone_number": "+4915112345667",
                        "events": { "order_shipped": { "sms": true }, "order_placed": { "email": false } },
                    }),
                ),
        )
        .ok::<PreferencesResponse<'_>>("All preferences.", example())
        .refuses(NotificationsError::UserDeleted)
        .refuses(NotificationsError::Busy)
}

#[cfg(test)]
mod tests {
    use lambda::input::read_object;

    use super::*;

    #[test]
    fn given_fields_are_read_and_absent_ones_do_not_change() {
        let body = json!({ "events": { "orderShipped": { "sms": true }, "order_placed": null } });
        let update = read_object(&body, read).expect("an update");
        assert_eq!(update.phone_number, None);
        assert_eq!(
            update.choices,
            [(NotificationKind::OrderShipped, ChannelChoices { sms: Some(true), ..ChannelChoices::default() })]
        );
        assert_eq!(read_object(&json!({ "phone_number": null }), read).expect("an update").phone_number, Some(None));
    }

    #[test]
    fn all_wrong_fields_are_reported() {
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
