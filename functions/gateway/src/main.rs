//! The functions of the gateway context, by handler name (`Handler:` in template.yaml).

mod fallback;

use lambda::{Error, handler, http, start, unknown_handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start().await;
    match handler()?.as_str() {
        "fallback" => http::serve((), fallback::fallback).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
