//! Secrets in the engine's Secrets Manager.

use aws_sdk_secretsmanager::Client;
use serde_json::Value;
use uuid::Uuid;

use crate::Stack;

async fn client() -> Client {
    Client::new(&Stack::get().aws().await)
}

/// Returns the value of a secret, by its name or ARN.
pub async fn secret(id: &str) -> Value {
    let read = client().await.get_secret_value().secret_id(id).send().await.expect("a secret");
    serde_json::from_str(&read.secret_string.expect("a text")).expect("JSON")
}

/// Creates a secret, and returns its ARN.
pub async fn new_secret(value: &Value) -> String {
    let name = format!("test-{}", Uuid::new_v4().simple());
    let create = client().await.create_secret().name(name).secret_string(value.to_string());
    create.send().await.expect("a new secret").arn.expect("an ARN")
}

/// Changes the value of a secret.
pub async fn change_secret(arn: &str, value: &Value) {
    let put = client().await.put_secret_value().secret_id(arn).secret_string(value.to_string());
    put.send().await.expect("a changed secret");
}

/// Deletes a secret.
pub async fn forget_secret(arn: &str) {
    let delete = client().await.delete_secret().secret_id(arn).force_delete_without_recovery(true);
    delete.send().await.expect("the secret is deleted");
}
