//! The functions of the users context, by handler name (`Handler:` in template.yaml).

use lambda::{Error, command, handler, http, outbox, start, unknown_handler};
use users::{Users, api, seed};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start().await;
    match handler()?.as_str() {
        "register" => http::serve(Users::connect(&config)?, api::register).await,
        "login" => http::serve(Users::connect(&config)?.with_key(&config)?, api::login).await,
        "jwks" => http::serve(Users::connect(&config)?.with_key(&config)?, api::jwks).await,
        "publish" => outbox::serve(&config).await,
        "seed" => command::serve(Users::connect(&config)?, seed::seed).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
