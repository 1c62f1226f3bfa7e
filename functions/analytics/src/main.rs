//! The functions of the analytics context, by handler name (`Handler:` in this context's template.yaml).

use analytics::{
    api, consumers,
    realtime::{self, Realtime},
    rollups::{Rollups, calendar::Zone, rebuild},
};
use contracts::{OrderEvent, PaymentEvent, UserEvent};
use dynamo::Table;
use lambda::{
    Error, batch, command, env, handler, health::Health, http, queue, socket, start, stream, unknown_handler,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start()?;
    let table = Table::connect(&config, env("TABLE_NAME")?);
    let rollups = || Ok::<_, Error>(Rollups::new(table.clone()).in_zone(Zone::from_env()?));
    let connections = || Realtime::new(table.clone());
    let publisher = || connections().publisher(&config);
    let customer = |event: &_| realtime::customer_of(event).to_string();
    match handler()?.as_str() {
        "count-orders" => batch::serve(rollups()?, |_| String::new(), consumers::count::<OrderEvent>).await,
        "count-payments" => batch::serve(rollups()?, |_| String::new(), consumers::count::<PaymentEvent>).await,
        "count-users" => batch::serve(rollups()?, |_| String::new(), consumers::count::<UserEvent>).await,
        "daily-orders" => http::serve(api::ROUTES, rollups()?, api::daily_orders).await,
        "monthly-revenue" => http::serve(api::ROUTES, rollups()?, api::monthly_revenue).await,
        "user-growth" => http::serve(api::ROUTES, rollups()?, api::user_growth).await,
        "top-products" => http::serve(api::ROUTES, rollups()?, api::top_products).await,
        "health" => http::serve(api::ROUTES, Health::connect(&config, "analytics")?, api::health).await,
        "rebuild" => command::serve(rollups()?, rebuild).await,
        "socket-connect" => socket::serve(connections(), realtime::connect).await,
        "socket-disconnect" => socket::serve(connections(), realtime::disconnect).await,
        "socket-message" => socket::serve(publisher()?, realtime::handle_message).await,
        "publish-order-updates" => batch::serve(publisher()?, customer, realtime::publish_order_updates).await,
        "publish-analytics-updates" => {
            stream::serve_items((publisher()?, rollups()?), realtime::COUNTED_KIND, realtime::publish_analytics_updates)
                .await
        }
        "end-connections" => queue::serve(publisher()?, realtime::end_connections).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
