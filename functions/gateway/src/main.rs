//! The functions of the gateway context, by handler name (`Handler:` in template.yaml).

mod fallback;
mod health;

use lambda::{Error, handler, http, start, unknown_handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start().await;
    match handler()?.as_str() {
        "fallback" => http::serve((), fallback::fallback).await,
        "health" => http::serve(health::Health::connect(&config)?, health::health).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
