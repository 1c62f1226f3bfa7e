//! Telephones and devices, as the engine keeps what was sent to them.

use serde_json::Value;
use uuid::Uuid;

use crate::{Stack, items_with};

/// A number that one test has to itself.
pub fn new_phone_number() -> String {
    format!("+4915{:010}", Uuid::new_v4().as_u128() % 10_000_000_000)
}

/// A device's token that one test has to itself, in the form of FCM's.
pub fn new_device_token() -> String {
    format!("fcm-registration:APA91b{}", Uuid::new_v4().simple())
}

/// The text messages to a number.
pub async fn texts_to(number: &str) -> Vec<String> {
    let all = ask("/_ministack/sns/sms-messages").await;
    let mut found = Vec::new();
    collect(&all, &mut |message| {
        if message["PhoneNumber"] == number {
            found.push(message["Message"].as_str().expect("a text").to_owned());
        }
    });
    found
}

/// The push messages to a device, each as it was published: by platform.
pub async fn pushes_to(token: &str) -> Vec<Value> {
    let all = ask("/_waybill/pushes").await;
    let messages = all[token].as_array().cloned().unwrap_or_default();
    let parse = |message: &Value| {
        assert_eq!(message["structure"], "json", "{message}");
        serde_json::from_str(message["message"].as_str().expect("a text")).expect("JSON")
    };
    messages.iter().map(parse).collect()
}

/// Has the platform say that a device is not there any more: the endpoint of its token is disabled.
pub async fn is_uninstalled(token: &str) {
    let sns = aws_sdk_sns::Client::new(&Stack::get().aws().await);
    let applications = sns.list_platform_applications().send().await.expect("applications");
    let application = applications.platform_applications()[0].platform_application_arn().expect("an ARN");
    // The same endpoint each time.
    let create = sns.create_platform_endpoint().platform_application_arn(application).token(token);
    let endpoint = create.send().await.expect("an endpoint").endpoint_arn.expect("an ARN");
    let disable = sns.set_endpoint_attributes().endpoint_arn(endpoint).attributes("Enabled", "false");
    disable.send().await.expect("disabled");
}

/// The endpoint of the one device of this name, as notifications keep it.
pub async fn endpoint_of(name: &str) -> String {
    let items = items_with("NotificationsTable", name).await;
    let [contact] = &items[..] else { panic!("{name} is not one device: {items:?}") };
    let begin = contact.find("arn:").expect("an ARN");
    contact[begin..].split('"').next().expect("an ARN").to_owned()
}

/// Whether SNS knows an endpoint.
pub async fn is_endpoint(endpoint: &str) -> bool {
    let sns = aws_sdk_sns::Client::new(&Stack::get().aws().await);
    match sns.get_endpoint_attributes().endpoint_arn(endpoint).send().await {
        Ok(_) => true,
        Err(error) if error.as_service_error().is_some_and(|refusal| refusal.is_not_found_exception()) => false,
        Err(error) => panic!("{error:?}"),
    }
}

async fn ask(path: &str) -> Value {
    let answer = reqwest::get(format!("{}{path}", Stack::get().engine_url)).await.expect("the engine answers");
    answer.json().await.expect("JSON")
}

/// Calls `each` for every object in `value` that has a number, however deep.
fn collect(value: &Value, each: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(object) if object.contains_key("PhoneNumber") => each(value),
        Value::Object(object) => object.values().for_each(|value| collect(value, each)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, each)),
        _ => {}
    }
}
