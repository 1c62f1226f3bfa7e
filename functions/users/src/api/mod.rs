//! The endpoints of users.

mod answer;
mod change_role;
mod create_user;
mod delete_user;
mod get_user;
mod health;
mod jwks;
mod list_users;
mod login;
mod logout;
mod profile;
mod refresh;
mod register;
mod update_user;
mod user_stats;

use lambda::openapi::Operation;

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

/// What is wrong with a password that is the account's own address or name.
pub(crate) fn known_to_others() -> kernel::Invalid {
    kernel::Invalid::new("known_to_others", "must not be the e-mail address or the username")
}

/// How the document tells of them.
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
        let tag = Tag { name: "users", description: "Accounts, logins, roles.", operations: operations() };
        assert_eq!(up_to_date(env!("CARGO_MANIFEST_DIR"), &tag), Ok(()));
    }
}
