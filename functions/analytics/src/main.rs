//! The functions of the analytics context, by handler name (`Handler:` in template.yaml).

use analytics::{
    api, consumers,
    rollups::{Rollups, calendar::Zone, rebuild},
};
use contracts::{OrderEvent, PaymentEvent, UserEvent};
use dynamo::Table;
use lambda::{Error, command, env, handler, http, queue, start, unknown_handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start().await;
    let table = Table::connect(&config, env("TABLE_NAME")?);
    let rollups = || Ok::<_, Error>(Rollups::new(table).in_zone(Zone::from_env()?));
    match handler()?.as_str() {
        "count-orders" => queue::serve(rollups()?, consumers::count::<OrderEvent>).await,
        "count-payments" => queue::serve(rollups()?, consumers::count::<PaymentEvent>).await,
        "count-users" => queue::serve(rollups()?, consumers::count::<UserEvent>).await,
        "daily-orders" => http::serve(rollups()?, api::daily_orders).await,
        "monthly-revenue" => http::serve(rollups()?, api::monthly_revenue).await,
        "user-growth" => http::serve(rollups()?, api::user_growth).await,
        "top-products" => http::serve(rollups()?, api::top_products).await,
        "rebuild" => command::serve(rollups()?, rebuild).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
