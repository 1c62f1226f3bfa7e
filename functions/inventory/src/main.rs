//! The functions of the inventory context, by handler name (`Handler:` in this context's template.yaml).

use inventory::{Inventory, api, consumers, publish, saga, seed, sweep};
use lambda::{
    Error, command, handler, health::Health, http, limit::Limiter, outbox, policy::Limit, queue, start, task,
    unknown_handler,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start()?;
    let inventory = || Inventory::connect(&config);
    let limiter = || Limiter::connect(&config, Limit::Writes);
    match handler()?.as_str() {
        "get-stock" => http::serve(api::ROUTES, inventory()?, api::get_stock).await,
        "set-stock" => http::serve_limited(api::ROUTES, limiter()?, inventory()?, api::set_stock).await,
        "health" => http::serve(api::ROUTES, Health::connect(&config, "inventory")?, api::health).await,
        "publish" => {
            outbox::serve_with_changes(&config, inventory()?, publish::events_of, publish::record_published).await
        }
        "stock-product" => queue::serve(inventory()?, consumers::stock_product).await,
        "settle-order" => queue::serve(inventory()?, consumers::settle_order).await,
        "reserve-stock" => task::serve(inventory()?, saga::reserve_stock).await,
        "release-stock" => task::serve(inventory()?, saga::release_stock).await,
        "sweep-reservations" => command::serve(inventory()?, sweep::sweep).await,
        "seed" => command::serve(inventory()?, seed::seed).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
