//! A Lambda that does nothing, to measure the time of the gateway, the runtime and a process alone.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| {
        Ok::<_, Error>(json!({ "statusCode": 200, "headers": { "content-type": "application/json" }, "body": "{}" }))
    }))
    .await
}
