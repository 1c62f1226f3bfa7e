//! The endpoints of the catalog.

mod archive_product;
mod cached;
mod create_product;
mod get_product;
mod health;
mod list_products;
mod product_stats;
mod response;
mod search_products;
mod update_product;

use lambda::{openapi::Operation, policy::Route};

pub use archive_product::archive_product;
pub use create_product::create_product;
pub use get_product::get_product;
pub use health::health;
pub use list_products::list_products;
pub use product_stats::product_stats;
pub use search_products::search_products;
pub use update_product::update_product;

/// The routes of the context, with who may call them and how often.
pub const ROUTES: &[Route] = &[
    list_products::ROUTE,
    create_product::ROUTE,
    product_stats::ROUTE,
    search_products::ROUTE,
    get_product::ROUTE,
    update_product::ROUTE,
    archive_product::ROUTE,
    health::ROUTE,
];

/// The OpenAPI descriptions of all endpoints.
pub fn operations() -> Vec<Operation> {
    vec![
        create_product::operation(),
        get_product::operation(),
        list_products::operation(),
        product_stats::operation(),
        search_products::operation(),
        update_product::operation(),
        archive_product::operation(),
        health::operation(),
    ]
}

#[cfg(test)]
mod tests {
    use lambda::openapi::{Tag, up_to_date};

    use super::*;

    #[test]
    fn openapi_is_up_to_date() {
        let tag =
            Tag { name: "catalog", description: "The products of the shop.", routes: ROUTES, operations: operations() };
        assert_eq!(up_to_date(env!("CARGO_MANIFEST_DIR"), &tag), Ok(()));
    }
}
