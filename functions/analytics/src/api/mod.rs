//! The endpoints of analytics.

mod daily_orders;
mod examples;
mod health;
mod monthly_revenue;
mod period;
mod top_products;
mod user_growth;

use lambda::{openapi::Operation, policy::Route};

pub use daily_orders::daily_orders;
pub use health::health;
pub use monthly_revenue::monthly_revenue;
pub use top_products::top_products;
pub use user_growth::user_growth;

/// The routes of the context, with who may call them and how often.
pub const ROUTES: &[Route] =
    &[daily_orders::ROUTE, monthly_revenue::ROUTE, user_growth::ROUTE, top_products::ROUTE, health::ROUTE];

/// Describes the endpoints in the OpenAPI document.
pub fn operations() -> Vec<Operation> {
    vec![
        daily_orders::operation(),
        monthly_revenue::operation(),
        user_growth::operation(),
        top_products::operation(),
        health::operation(),
    ]
}

#[cfg(test)]
mod tests {
    use lambda::openapi::{Tag, up_to_date};

    use super::*;

    #[test]
    fn openapi_is_up_to_date() {
        let tag = Tag {
            name: "analytics",
            description: "Reports about orders, revenue, products and users.",
            routes: ROUTES,
            operations: operations(),
        };
        assert_eq!(up_to_date(env!("CARGO_MANIFEST_DIR"), &tag), Ok(()));
    }
}
