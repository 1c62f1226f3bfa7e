//! The functions of the payments context, by handler name (`Handler:` in this context's template.yaml).

use lambda::{
    Error, command, cursor::Cursors, handler, http, limit::Limiter, outbox, policy::Limit, queue, start, task,
    unknown_handler,
};
use payments::{Health, Payments, api, consumers, provider::stripe::Stripe, saga, schedules};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start()?;
    let payments = || Payments::connect(&config);
    let limiter = || Limiter::connect(&config, Limit::Writes);
    match handler()?.as_str() {
        "list-payments" => http::serve(api::ROUTES, (payments()?, Cursors::from_env()?), api::list_payments).await,
        "get-payment" => http::serve(api::ROUTES, payments()?, api::get_payment).await,
        "pay" => http::serve_limited(api::ROUTES, limiter()?, payments()?.with_methods()?, api::pay).await,
        "refund" => {
            http::serve_limited(api::ROUTES, limiter()?, payments()?.with_provider(&config)?, api::refund).await
        }
        "payment-stats" => http::serve(api::ROUTES, payments()?, api::payment_stats).await,
        "webhook" => http::serve(api::ROUTES, (payments()?, Stripe::from_env(&config)?), api::webhook).await,
        "health" => http::serve(api::ROUTES, Health::connect(&config)?, api::health).await,
        "publish" => outbox::serve(&config).await,
        "replicate-order" => queue::serve(payments()?, consumers::replicate_order).await,
        "capture-confirmed" => queue::serve(payments()?.with_provider(&config)?, consumers::capture_confirmed).await,
        "settle-refunds" => command::serve(payments()?.with_provider(&config)?, schedules::settle_refunds).await,
        "undo-cancelled" => {
            let dead_letters = queue::DeadLetters::connect(&config)?;
            queue::serve((payments()?.with_provider(&config)?, dead_letters), consumers::undo_cancelled).await
        }
        "authorize-payment" => task::serve(payments()?.with_provider(&config)?, saga::authorize_payment).await,
        "capture-payment" => task::serve(payments()?.with_provider(&config)?, saga::capture_payment).await,
        "void-payment" => task::serve(payments()?.with_provider(&config)?, saga::void_payment).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
