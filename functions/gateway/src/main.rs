//! The functions of the gateway context, by handler name (`Handler:` in this context's template.yaml).

use gateway::{Health, api};
use lambda::{Error, handler, http, start, unknown_handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start()?;
    match handler()?.as_str() {
        "openapi" => http::serve(api::ROUTES, (), api::openapi).await,
        "docs" => http::serve(api::ROUTES, (), api::docs).await,
        "docs-asset" => http::serve(api::ROUTES, (), api::docs_asset).await,
        "health" => http::serve(api::ROUTES, Health::connect(&config)?, api::health).await,
        "fallback" => http::serve(api::ROUTES, (), gateway::fallback).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
