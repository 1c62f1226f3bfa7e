//! The endpoints of inventory.

mod get_stock;
mod health;
mod response;
mod set_stock;

use lambda::{openapi::Operation, policy::Route};

pub use get_stock::get_stock;
pub use health::health;
pub use set_stock::set_stock;

/// The routes of the context, with who may call them and how often.
pub const ROUTES: &[Route] = &[get_stock::ROUTE, set_stock::SET_STOCK, set_stock::CHANGE_STOCK, health::ROUTE];

/// The OpenAPI descriptions of all endpoints.
pub fn operations() -> Vec<Operation> {
    vec![get_stock::operation(), set_stock::operation(), health::operation()]
}

#[cfg(test)]
mod tests {
    use lambda::openapi::{Tag, up_to_date};

    use super::*;

    #[test]
    fn openapi_is_up_to_date() {
        let tag = Tag {
            name: "inventory",
            description: "Stock levels of products.",
            routes: ROUTES,
            operations: operations(),
        };
        assert_eq!(up_to_date(env!("CARGO_MANIFEST_DIR"), &tag), Ok(()));
    }
}
