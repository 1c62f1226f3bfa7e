//! Text messages and push messages, which the engine stores instead of sending them.

use serde_json::Value;
use uuid::Uuid;

use crate::{Stack, items_with};

/// Returns a phone number that only one test uses.
pub fn new_phone_number() -> String {
    format!("+4915{:010}", Uuid::new_v4().as_u128() % 10_000_000_000)
}

/// Returns a device token that only one test uses, in the format of FCM.
pub fn new_device_token() -> String {
    format!("fcm-registration:APA91b{}", Uuid::new_v4().simple())
}

/// Returns the text messages to a number.
pub async fn texts_to(number: &str) -> Vec<String> {
    let all = get("/_ministack/sns/sms-messages").await;
    let mut found = Vec::new();
    collect(&all, &mut |message| {
        if message["PhoneNumber"] == number {
            found.push(message["Message"].as_str().expect("a text").to_owned());
        }
    });
    found
}

/// Returns the push messages to a device. Each has the payloads by platform, as it was published.
pub async fn pushes_to(token: &str) -> Vec<Value> {
    let all = get("/_waybill/pushes").await;
    let messages = all[token].as_array().cloned().unwrap_or_default();
    let parse = |message: &Value| {
        assert_eq!(message["structure"], "json", "{message}");
        serde_json::from_str(message["message"].as_str().expect("a text")).expect("JSON")
    };
    messages.iter().map(parse).collect()
}

/// Makes the platform report that the app was uninstalled: the endpoint of the token is disabled.
pub async fn is_uninstalled(token: &str) {
    let sns = aws_sdk_sns::Client::new(&Stack::get().aws().await);
    let applications = sns.list_platform_applications().send().await.expect("applications");
    let application = applications.platform_applications()[0].platform_application_arn().expect("an ARN");
    // For the same token, SNS returns the same endpoint.
    let create = sns.create_platform_endpoint().platform_application_arn(application).token(token);
    let endpoint = create.send().await.expect("an endpoint").endpoint_arn.expect("an ARN");
    let disable = sns.set_endpoint_attributes().endpoint_arn(endpoint).attributes("Enabled", "false");
    disable.send().await.expect("disabled");
}

/// Returns the endpoint that notifications stores for the device of this name, which must be unique.
pub async fn endpoint_of(name: &str) -> String {
    let items = items_with("NotificationsTable", name).await;
    let [contact] = &items[..] else { panic!("{name} is not one device: {items:?}") };
    let begin = contact.find("arn:").expect("an ARN");
    contact[begin..].split('"').next().expect("an ARN").to_owned()
}

/// Returns whether SNS has an endpoint.
pub async fn is_endpoint(endpoint: &str) -> bool {
    let sns = aws_sdk_sns::Client::new(&Stack::get().aws().await);
    match sns.get_endpoint_attributes().endpoint_arn(endpoint).send().await {
        Ok(_) => true,
        Err(error) if error.as_service_error().is_some_and(|refusal| refusal.is_not_found_exception()) => false,
        Err(error) => panic!("{error:?}"),
    }
}

async fn get(path: &str) -> Value {
    let response = reqwest::get(format!("{}{path}", Stack::get().engine_url)).await.expect("the engine responds");
    response.json().await.expect("JSON")
}

/// Calls `each` for every object in `value` that has a phone number, at any depth.
fn collect(value: &Value, each: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(object) if object.contains_key("PhoneNumber") => each(value),
        Value::Object(object) => object.values().for_each(|value| collect(value, each)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, each)),
        _ => {}
    }
}
