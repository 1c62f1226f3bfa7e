//! The endpoints of the orders context.

mod audit;
mod cancel_order;
mod checkout;
mod get_order;
mod health;
mod list_events;
mod list_orders;
mod list_parked;
mod order_body;
mod order_stats;
mod pay_order;
mod place_order;
mod response;
mod retry_order;
mod set_status;

use lambda::{openapi::Operation, policy::Route};

pub use cancel_order::cancel_order;
pub use checkout::checkout;
pub use get_order::get_order;
pub use health::health;
pub use list_events::list_events;
pub use list_orders::{list_orders, list_user_orders};
pub use list_parked::list_parked;
pub use order_stats::order_stats;
pub use pay_order::pay_order;
pub use place_order::place_order;
pub use retry_order::retry_order;
pub use set_status::set_status;

/// The routes of the context, with who may call them and how often.
pub const ROUTES: &[Route] = &[
    list_orders::LIST_USER_ORDERS,
    place_order::ROUTE,
    checkout::ROUTE,
    list_orders::LIST_ORDERS,
    order_stats::ROUTE,
    list_parked::ROUTE,
    get_order::ROUTE,
    cancel_order::ROUTE,
    list_events::ROUTE,
    set_status::SET_ORDER_STATUS,
    set_status::PATCH_ORDER_STATUS,
    retry_order::ROUTE,
    pay_order::ROUTE,
    health::ROUTE,
];

/// Describes the operations for the OpenAPI document.
pub fn operations() -> Vec<Operation> {
    let lists = list_orders::operations();
    let one = [
        place_order::operation(),
        checkout::operation(),
        get_order::operation(),
        pay_order::operation(),
        cancel_order::operation(),
        set_status::operation(),
        list_events::operation(),
        order_stats::operation(),
        list_parked::operation(),
        retry_order::operation(),
        health::operation(),
    ];
    one.into_iter().chain(lists).collect()
}

#[cfg(test)]
mod tests {
    use lambda::openapi::{Tag, up_to_date};

    use super::*;

    #[test]
    fn openapi_is_up_to_date() {
        let tag = Tag {
            name: "orders",
            description: "Orders, from placement to delivery.",
            routes: ROUTES,
            operations: operations(),
        };
        assert_eq!(up_to_date(env!("CARGO_MANIFEST_DIR"), &tag), Ok(()));
    }
}
