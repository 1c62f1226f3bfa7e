//! The functions of the payments context, by handler name (`Handler:` in template.yaml).

use lambda::{Error, cursor::Cursors, handler, http, outbox, queue, start, task, unknown_handler};
use payments::{Payments, api, consumers, saga};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start().await;
    let payments = Payments::connect(&config)?;
    match handler()?.as_str() {
        "list-payments" => http::serve((payments, Cursors::from_env()?), api::list_payments).await,
        "get-payment" => http::serve(payments, api::get_payment).await,
        "publish" => outbox::serve(&config).await,
        "undo-cancelled" => queue::serve(payments.with_provider()?, consumers::undo_cancelled).await,
        "authorize-payment" => task::serve(payments.with_provider()?, saga::authorize_payment).await,
        "capture-payment" => task::serve(payments.with_provider()?, saga::capture_payment).await,
        "void-payment" => task::serve(payments.with_provider()?, saga::void_payment).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
