//! The functions of the notifications context, by handler name (`Handler:` in template.yaml).

use lambda::{Error, handler, queue, start, unknown_handler};
use notifications::{Notifications, consumers};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let notifications = Notifications::connect(&start().await)?;
    match handler()?.as_str() {
        "remember-contact" => queue::serve(notifications, consumers::remember_contact).await,
        "order-confirmed" => queue::serve(notifications, consumers::order_confirmed).await,
        "order-cancelled" => queue::serve(notifications, consumers::order_cancelled).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
