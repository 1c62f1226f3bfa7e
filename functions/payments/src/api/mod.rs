//! The endpoints of payments.

mod get_payment;
mod health;
mod list_payments;
mod pay;
mod payment_stats;
mod problem;
mod refund;
mod response;
mod webhook;

use lambda::{openapi::Operation, policy::Route};

pub use get_payment::get_payment;
pub use health::health;
pub use list_payments::list_payments;
pub use pay::pay;
pub use payment_stats::payment_stats;
pub use refund::refund;
pub use webhook::webhook;

/// The routes of the context, with who may call them and how often.
pub const ROUTES: &[Route] = &[
    list_payments::ROUTE,
    pay::ROUTE,
    payment_stats::ROUTE,
    refund::ROUTE,
    webhook::ROUTE,
    get_payment::ROUTE,
    health::ROUTE,
];

/// Describes the endpoints in the OpenAPI document.
pub fn operations() -> Vec<Operation> {
    vec![
        list_payments::operation(),
        pay::operation(),
        get_payment::operation(),
        refund::operation(),
        payment_stats::operation(),
        webhook::operation(),
        health::operation(),
    ]
}

#[cfg(test)]
mod tests {
    use lambda::openapi::{ContextDocument, Tag, up_to_date};
    use serde_json::Value;

    use super::*;
    use crate::domain::payment_id;

    fn tag() -> Tag {
        Tag {
            name: "payments",
            description: "Payments and refunds of orders.",
            routes: ROUTES,
            operations: operations(),
        }
    }

    #[test]
    fn openapi_is_up_to_date() {
        assert_eq!(up_to_date(env!("CARGO_MANIFEST_DIR"), &tag()), Ok(()));
    }

    #[test]
    fn the_example_is_the_payment_of_the_first_order_of_the_seed() {
        let seed: Value = serde_json::from_str(include_str!("../../../../localstack/seed.json")).expect("JSON");
        let order = seed["orders"][0]["id"].as_str().expect("an id");
        let payment = payment_id(order.parse().expect("an id"));
        let document = serde_json::to_value(ContextDocument::of(&tag())).expect("JSON");
        assert_eq!(document["components"]["parameters"]["payment_id"]["example"], payment.to_string());
    }
}
