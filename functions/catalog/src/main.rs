//! The functions of the catalog context, by handler name (`Handler:` in this context's template.yaml).

use catalog::{
    Cache, Catalog, api, consumers,
    search::{index::SearchIndex, indexer, rebuild},
    seed,
};
use lambda::{
    Error, command, cursor::Cursors, handler, health::Health, http, limit::Limiter, outbox, policy::Limit, queue,
    start, stream, unknown_handler,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = start()?;
    let catalog = || Catalog::connect(&config);
    let limiter = || Limiter::connect(&config, Limit::Writes);
    match handler()?.as_str() {
        "list-products" => {
            http::serve(api::ROUTES, (catalog()?, Cursors::from_env()?, Cache::for_lists()), api::list_products).await
        }
        "get-product" => http::serve(api::ROUTES, (catalog()?, Cache::for_products()), api::get_product).await,
        "product-stats" => http::serve(api::ROUTES, catalog()?, api::product_stats).await,
        "create-product" => http::serve_limited(api::ROUTES, limiter()?, catalog()?, api::create_product).await,
        "update-product" => http::serve_limited(api::ROUTES, limiter()?, catalog()?, api::update_product).await,
        "archive-product" => http::serve_limited(api::ROUTES, limiter()?, catalog()?, api::archive_product).await,
        "search-products" => {
            http::serve(api::ROUTES, (SearchIndex::connect(&config)?, Cursors::from_env()?), api::search_products).await
        }
        "index-products" => stream::serve(SearchIndex::connect(&config)?, indexer::index_products).await,
        "rebuild-search" => command::serve(SearchIndex::connect(&config)?, rebuild::rebuild).await,
        "health" => http::serve(api::ROUTES, Health::connect(&config, "catalog")?, api::health).await,
        "publish" => outbox::serve(&config).await,
        "update-availability" => queue::serve(catalog()?, consumers::update_availability).await,
        "seed" => command::serve(catalog()?, seed::seed).await,
        unknown => Err(unknown_handler(unknown)),
    }
}
