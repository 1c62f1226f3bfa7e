//! The functions of the analytics context, by handler name (`Handler:` in template.yaml).

use analytics::realtime::{self, Realtime};
use lambda::{Error, batch, handler, queue, socket, start, stream, unknown_handler};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start().await;
    let live = || Realtime::connect(&config);
    let telling = || Realtime::connect(&config)?.telling(&config);
    let whose = |event: &_| realtime::whose(event).to_string();
    match handler()?.as_str() {
        "socket-connect" => socket::serve(live()?, realtime::connect).await,
        "socket-disconnect" => socket::serve(live()?, realtime::disconnect).await,
        "socket-message" => socket::serve(telling()?, realtime::message).await,
        "push-orders" => batch::serve(telling()?, whose, realtime::push_orders).await,
        "push-analytics" => stream::serve_items(telling()?, realtime::COUNTED_KIND, realtime::push_analytics).await,
        "end-connections" => queue::serve(telling()?, realtime::end_connections).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
