use contracts::NotificationKind;
use deserr::Deserr;
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    input::{Given, InvalidFields},
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
};
use schemars::JsonSchema;
use serde_json::json;

use super::response::{PreferencesResponse, example};
use crate::{
    Notifications, NotificationsError, PreferencesUpdate,
    domain::{ChannelChoices, PhoneNumber},
};

lambda::text_fields!(PhoneNumber);

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct SetPreferences {
    /// The number for text messages, in E.164 format. `null` removes it.
    #[deserr(default)]
    #[schemars(with = "Option<PhoneNumber>")]
    phone_number: Given<PhoneNumber>,
    /// The channels for each type of event.
    #[deserr(default)]
    events: Option<Events>,
}

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct Events {
    #[deserr(default)]
    user_registered: Option<Channels>,
    #[deserr(default)]
    order_placed: Option<Channels>,
    #[deserr(default)]
    payment_processed: Option<Channels>,
    #[deserr(default)]
    payment_failed: Option<Channels>,
    #[deserr(default)]
    order_confirmed: Option<Channels>,
    #[deserr(default)]
    order_shipped: Option<Channels>,
    #[deserr(default)]
    order_cancelled: Option<Channels>,
    #[deserr(default)]
    order_refunded: Option<Channels>,
}

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct Channels {
    #[deserr(default)]
    email: Option<bool>,
    #[deserr(default)]
    sms: Option<bool>,
    #[deserr(default)]
    push: Option<bool>,
}

pub(crate) const ROUTE: Route =
    Route::new("PUT /api/v1/notifications/preferences", Access::Customer).limited(Limit::Writes);

/// `PUT /notifications/preferences`: changes the channels and the phone number in the body.
pub async fn set_preferences(notifications: &Notifications, request: Request) -> Reply {
    let user_id = request.caller()?.user_id;
    let update = request.json::<SetPreferences>()?.into();
    http::ok(&PreferencesResponse::from(&notifications.update_preferences(user_id, &update).await?))
}

impl From<SetPreferences> for PreferencesUpdate {
    fn from(SetPreferences { phone_number, events }: SetPreferences) -> Self {
        let phone_number = match phone_number {
            Given::Absent => None,
            Given::Null => Some(None),
            Given::Value(number) => Some(Some(number)),
        };
        Self { phone_number, choices: events.map(Events::choices).unwrap_or_default() }
    }
}

impl Events {
    fn choices(self) -> Vec<(NotificationKind, ChannelChoices)> {
        let given = [
            (NotificationKind::UserRegistered, self.user_registered),
            (NotificationKind::OrderPlaced, self.order_placed),
            (NotificationKind::PaymentProcessed, self.payment_processed),
            (NotificationKind::PaymentFailed, self.payment_failed),
            (NotificationKind::OrderConfirmed, self.order_confirmed),
            (NotificationKind::OrderShipped, self.order_shipped),
            (NotificationKind::OrderCancelled, self.order_cancelled),
            (NotificationKind::OrderRefunded, self.order_refunded),
        ];
        let choices = |Channels { email, sms, push }| ChannelChoices { email, sms, push };
        given.into_iter().filter_map(|(kind, channels)| Some((kind, choices(channels?)))).collect()
    }
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "setPreferences", "Update notification preferences")
        .describe(
            "Absent fields do not change. Text messages require a phone number, and push notifications a device \
             (`POST /api/v1/notifications/devices`).",
        )
        .body(Form::of::<SetPreferences>().example(
            "text messages about shipments",
            json!({
                "phone_number": "+4915112345667",
                "events": { "order_shipped": { "sms": true }, "order_placed": { "email": false } },
            }),
        ))
        .ok::<PreferencesResponse<'_>>("All preferences.", example())
        .refuses(NotificationsError::UserDeleted)
        .refuses(NotificationsError::Busy)
}

#[cfg(test)]
mod tests {
    use lambda::{input, problem::Problem};
    use serde_json::Value;
    use strum::VariantArray;

    use super::*;

    fn read(body: &Value) -> Result<PreferencesUpdate, Problem> {
        input::read::<SetPreferences>(body.to_string().as_bytes()).map(PreferencesUpdate::from)
    }

    #[test]
    fn given_fields_are_read_and_absent_ones_do_not_change() {
        let body = json!({ "events": { "orderShipped": { "sms": true }, "order_placed": null } });
        let update = read(&body).expect("an update");
        assert_eq!(update.phone_number, None);
        assert_eq!(
            update.choices,
            [(NotificationKind::OrderShipped, ChannelChoices { sms: Some(true), ..ChannelChoices::default() })]
        );
        assert_eq!(read(&json!({ "phone_number": null })).expect("an update").phone_number, Some(None));
    }

    #[test]
    fn all_wrong_fields_are_reported() {
        let body = json!({ "phone_number": "0151", "events": {
            "order_shipped": { "fax": true, "sms": "yes" }, "order_lost": { "email": true }, "order_placed": true,
        } });
        let problem = read(&body).expect_err("a problem").to_json("");
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

    #[test]
    fn every_type_of_event_is_a_field() {
        let all: serde_json::Map<String, Value> = NotificationKind::VARIANTS
            .iter()
            .map(|kind| (<&str>::from(kind).to_owned(), json!({ "sms": true })))
            .collect();
        let update = read(&json!({ "events": all })).expect("an update");
        assert_eq!(update.choices.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), NotificationKind::VARIANTS);
    }
}
