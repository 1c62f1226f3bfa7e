//! The endpoints of notifications.

mod delete_device;
mod get_preferences;
mod health;
mod list_notifications;
mod register_device;
mod response;
mod set_preferences;

use lambda::{openapi::Operation, policy::Route};

pub use delete_device::delete_device;
pub use get_preferences::get_preferences;
pub use health::health;
pub use list_notifications::list_notifications;
pub use register_device::register_device;
pub use set_preferences::set_preferences;

/// The routes of the context, with who may call them and how often.
pub const ROUTES: &[Route] = &[
    list_notifications::ROUTE,
    get_preferences::ROUTE,
    set_preferences::ROUTE,
    register_device::ROUTE,
    delete_device::ROUTE,
    health::ROUTE,
];

/// Describes the endpoints for OpenAPI.
pub fn operations() -> Vec<Operation> {
    vec![
        list_notifications::operation(),
        get_preferences::operation(),
        set_preferences::operation(),
        register_device::operation(),
        delete_device::operation(),
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
            name: "notifications",
            description: "The notifications of customers, and their preferences.",
            routes: ROUTES,
            operations: operations(),
        };
        assert_eq!(up_to_date(env!("CARGO_MANIFEST_DIR"), &tag), Ok(()));
    }
}
