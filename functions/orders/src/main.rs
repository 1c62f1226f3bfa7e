//! The functions of the orders context, by handler name (`Handler:` in this context's template.yaml).

use lambda::{
    Error, command, cursor::Cursors, handler, health::Health, http, limit::Limiter, outbox, policy::Limit, queue,
    start, task, unknown_handler,
};
use orders::{
    Orders, api, consumers, rebuild, saga,
    schedules::{self, UnpaidTimeout},
    seed,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start()?;
    let orders = || Orders::connect(&config);
    let limiter = || Limiter::connect(&config, Limit::Writes);
    match handler()?.as_str() {
        "place-order" => http::serve(api::ROUTES, orders()?.with_limiter()?, api::place_order).await,
        "checkout" => http::serve(api::ROUTES, orders()?.with_limiter()?, api::checkout).await,
        "list-orders" => http::serve(api::ROUTES, (orders()?, Cursors::from_env()?), api::list_orders).await,
        "list-user-orders" => http::serve(api::ROUTES, (orders()?, Cursors::from_env()?), api::list_user_orders).await,
        "order-stats" => http::serve(api::ROUTES, orders()?, api::order_stats).await,
        "get-order" => http::serve(api::ROUTES, orders()?, api::get_order).await,
        "list-events" => http::serve(api::ROUTES, (orders()?, Cursors::from_env()?), api::list_events).await,
        "set-status" => http::serve_limited(api::ROUTES, limiter()?, orders()?, api::set_status).await,
        "cancel" => http::serve_limited(api::ROUTES, limiter()?, orders()?, api::cancel_order).await,
        "pay-order" => http::serve_limited(api::ROUTES, limiter()?, orders()?, api::pay_order).await,
        "list-parked" => http::serve(api::ROUTES, (orders()?, Cursors::from_env()?), api::list_parked).await,
        "retry-order" => {
            http::serve_limited(api::ROUTES, limiter()?, orders()?.with_workflow(&config)?, api::retry_order).await
        }
        "health" => http::serve(api::ROUTES, Health::connect(&config, "orders")?, api::health).await,
        "publish" => outbox::serve(&config).await,
        "replicate-user" => queue::serve(orders()?, consumers::replicate_user).await,
        "replicate-product" => queue::serve(orders()?, consumers::replicate_product).await,
        "replicate-payment" => queue::serve(orders()?, consumers::replicate_payment).await,
        "end-expired" => queue::serve(orders()?, consumers::end_expired).await,
        "start-checkout" => queue::serve(orders()?.with_workflow(&config)?, consumers::start_checkout).await,
        "confirm-order" => task::serve(orders()?, saga::confirm_order).await,
        "defer-checkout" => task::serve(orders()?, saga::defer_checkout).await,
        "cancel-order" => task::serve(orders()?, saga::cancel_order).await,
        "park-order" => task::serve(orders()?, saga::park_order).await,
        "resume-checkouts" => command::serve(orders()?.with_workflow(&config)?, schedules::resume_checkouts).await,
        "end-unpaid" => command::serve((orders()?, UnpaidTimeout::from_env()?), schedules::end_unpaid).await,
        "rebuild" => command::serve(orders()?, rebuild::rebuild).await,
        "seed" => command::serve(orders()?, seed::seed).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
