//! The functions of the notifications context, by handler name (`Handler:` in this context's template.yaml).

use contracts::NotificationKind as Kind;
use lambda::{
    Error, cursor::Cursors, handler, health::Health, http, limit::Limiter, outbox, policy::Limit, queue, start,
    unknown_handler,
};
use notifications::{Notifications, Push, Teller, api, consumers};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start()?;
    let notifications = || Notifications::connect(&config);
    let (limiter, push) = (|| Limiter::connect(&config, Limit::Writes), || Push::connect(&config));
    let teller = |kind| Teller::connect(&config, kind);
    match handler()?.as_str() {
        "list-notifications" => http::serve((notifications()?, Cursors::from_env()?), api::list_notifications).await,
        "get-preferences" => http::serve(notifications()?, api::get_preferences).await,
        "set-preferences" => http::serve_limited(limiter()?, notifications()?, api::set_preferences).await,
        "register-device" => http::serve_limited(limiter()?, (notifications()?, push()?), api::register_device).await,
        "delete-device" => http::serve_limited(limiter()?, (notifications()?, push()?), api::delete_device).await,
        "health" => http::serve(Health::connect(&config, "notifications")?, api::health).await,
        "publish" => outbox::serve(&config).await,
        "replicate-contact" => queue::serve((notifications()?, push()?), consumers::replicate_contact).await,
        "user-registered" => queue::serve_to_the_last(teller(Kind::UserRegistered)?, consumers::user_registered).await,
        "order-placed" => queue::serve_to_the_last(teller(Kind::OrderPlaced)?, consumers::order_placed).await,
        "order-confirmed" => queue::serve_to_the_last(teller(Kind::OrderConfirmed)?, consumers::order_confirmed).await,
        "order-shipped" => queue::serve_to_the_last(teller(Kind::OrderShipped)?, consumers::order_shipped).await,
        "order-cancelled" => queue::serve_to_the_last(teller(Kind::OrderCancelled)?, consumers::order_cancelled).await,
        "order-refunded" => queue::serve_to_the_last(teller(Kind::OrderRefunded)?, consumers::order_refunded).await,
        "payment-processed" => {
            queue::serve_to_the_last(teller(Kind::PaymentProcessed)?, consumers::payment_processed).await
        }
        "payment-failed" => queue::serve_to_the_last(teller(Kind::PaymentFailed)?, consumers::payment_failed).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
