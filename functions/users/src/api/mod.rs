//! The endpoints of the users context.

mod change_role;
mod create_user;
mod delete_user;
mod fields;
mod get_user;
mod health;
mod jwks;
mod list_users;
mod login;
mod logout;
mod profile;
mod refresh;
mod register;
mod response;
mod update_user;
mod user_stats;

use lambda::{openapi::Operation, policy::Route};

pub use change_role::change_role;
pub use create_user::create_user;
pub use delete_user::delete_user;
pub use get_user::get_user;
pub use health::health;
pub use jwks::jwks;
pub use list_users::list_users;
pub use login::login;
pub use logout::logout;
pub use profile::{get_profile, update_profile};
pub use refresh::refresh;
pub use register::register;
pub use update_user::update_user;
pub use user_stats::user_stats;

/// The routes of the context, with who may call them and how often.
pub const ROUTES: &[Route] = &[
    register::ROUTE,
    login::ROUTE,
    refresh::ROUTE,
    logout::ROUTE,
    jwks::GET_KEYS,
    jwks::GET_WELL_KNOWN_KEYS,
    profile::GET_PROFILE,
    profile::UPDATE_PROFILE,
    list_users::ROUTE,
    create_user::ROUTE,
    user_stats::ROUTE,
    get_user::ROUTE,
    update_user::ROUTE,
    delete_user::ROUTE,
    change_role::ROUTE,
    health::ROUTE,
];

/// The OpenAPI descriptions of all endpoints.
pub fn operations() -> Vec<Operation> {
    let mut operations = vec![
        register::operation(),
        login::operation(),
        refresh::operation(),
        logout::operation(),
        jwks::operation(),
        list_users::operation(),
        create_user::operation(),
        user_stats::operation(),
        get_user::operation(),
        update_user::operation(),
        delete_user::operation(),
        change_role::operation(),
        health::operation(),
    ];
    operations.extend(profile::operations());
    operations
}

#[cfg(test)]
mod tests {
    use lambda::openapi::{Tag, up_to_date};

    use super::*;

    #[test]
    fn openapi_is_up_to_date() {
        let tag =
            Tag { name: "users", description: "Accounts, logins and roles.", routes: ROUTES, operations: operations() };
        assert_eq!(up_to_date(env!("CARGO_MANIFEST_DIR"), &tag), Ok(()));
    }
}
