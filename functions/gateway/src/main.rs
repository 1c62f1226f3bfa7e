//! The functions of the gateway context, by handler name (`Handler:` in template.yaml).

mod authorizer;
mod fallback;

use lambda::{Error, env, handler, http, start, unknown_handler};
use tokens::SigningKey;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start().await;
    match handler()?.as_str() {
        "authorizer" => authorizer::serve(SigningKey::connect(&config, env("SIGNING_KEY_ID")?)).await,
        "fallback" => http::serve((), fallback::fallback).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
