//! The functions of the @{context} context, by handler name (`Handler:` in this context's template.yaml).

use lambda::{Error, cursor::Cursors, handler, health::Health, http, start, unknown_handler};
use @{context}::{@{Context}, api};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start()?;
    let @{context} = || @{Context}::connect(&config);
    match handler()?.as_str() {
        "list-@{context}" => http::serve(api::ROUTES, (@{context}()?, Cursors::from_env()?), api::list_@{context}).await,
        "health" => http::serve(api::ROUTES, Health::connect(&config, "@{context}")?, api::health).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
