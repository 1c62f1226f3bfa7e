//! The functions of the notifications context, by handler name (`Handler:` in this context's template.yaml).

use contracts::{NotificationKind as Kind, OrderEvent, PaymentEvent};
use lambda::{
    Error, cursor::Cursors, handler, health::Health, http, limit::Limiter, outbox, policy::Limit, queue, start,
    unknown_handler,
};
use notifications::{NotificationDispatcher, Notifications, Push, api, consumers};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start()?;
    let notifications = || Notifications::connect(&config);
    let (limiter, push) = (|| Limiter::connect(&config, Limit::Writes), || Push::connect(&config));
    let dispatcher = |kind| NotificationDispatcher::connect(&config, kind);
    match handler()?.as_str() {
        "list-notifications" => {
            http::serve(api::ROUTES, (notifications()?, Cursors::from_env()?), api::list_notifications).await
        }
        "get-preferences" => http::serve(api::ROUTES, notifications()?, api::get_preferences).await,
        "set-preferences" => http::serve_limited(api::ROUTES, limiter()?, notifications()?, api::set_preferences).await,
        "register-device" => {
            http::serve_limited(api::ROUTES, limiter()?, (notifications()?, push()?), api::register_device).await
        }
        "delete-device" => {
            http::serve_limited(api::ROUTES, limiter()?, (notifications()?, push()?), api::delete_device).await
        }
        "health" => http::serve(api::ROUTES, Health::connect(&config, "notifications")?, api::health).await,
        "publish" => outbox::serve(&config).await,
        "replicate-contact" => queue::serve((notifications()?, push()?), consumers::replicate_contact).await,
        "user-registered" => {
            queue::serve_with_last_attempt(dispatcher(Kind::UserRegistered)?, consumers::user_registered).await
        }
        "order-placed" => {
            queue::serve_with_last_attempt(dispatcher(Kind::OrderPlaced)?, consumers::dispatch::<OrderEvent>).await
        }
        "order-confirmed" => {
            queue::serve_with_last_attempt(dispatcher(Kind::OrderConfirmed)?, consumers::dispatch::<OrderEvent>).await
        }
        "order-shipped" => {
            queue::serve_with_last_attempt(dispatcher(Kind::OrderShipped)?, consumers::dispatch::<OrderEvent>).await
        }
        "order-cancelled" => {
            queue::serve_with_last_attempt(dispatcher(Kind::OrderCancelled)?, consumers::dispatch::<OrderEvent>).await
        }
        "order-refunded" => {
            queue::serve_with_last_attempt(dispatcher(Kind::OrderRefunded)?, consumers::dispatch::<OrderEvent>).await
        }
        "payment-processed" => {
            queue::serve_with_last_attempt(dispatcher(Kind::PaymentProcessed)?, consumers::dispatch::<PaymentEvent>)
                .await
        }
        "payment-failed" => {
            queue::serve_with_last_attempt(dispatcher(Kind::PaymentFailed)?, consumers::dispatch::<PaymentEvent>).await
        }
        unknown => Err(unknown_handler(unknown)),
    }
}
