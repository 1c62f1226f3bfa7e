use std::time::Duration;

use kernel::{Email, Redacted, UserId};
use lambda::{
    http::{self, Reply, Request},
    input::Fields,
    openapi::{Object, Operation},
    policy::{Access, Limit, Route},
};

use serde_json::json;

use super::response::{UserResponse, example};
use crate::{
    Users, UsersError,
    domain::{Changes, FullName, Password, Username},
};

pub(crate) const ROUTE: Route = Route::new("PUT /api/v1/users/{user_id}", Access::Owner).limited(Limit::Writes);

/// `PUT /users/{user_id}`: changes the given fields. A new e-mail address or password requires `current_password`,
/// which is the caller's own password.
pub async fn update_user(users: &Users, request: &Request) -> Reply {
    update(users, request, request.id("user_id", "user")?).await
}

pub(super) async fn update(users: &Users, request: &Request, id: UserId) -> Reply {
    let (changes, current_password) = request.body(read)?;
    let account = users.update(id, request.caller()?, changes, current_password.as_ref(), request).await?;
    http::ok(&UserResponse::from(&account))
}

fn read(body: &Fields<'_>) -> Option<(Changes, Option<Password>)> {
    let email = body.optional("email");
    let username = body.optional("username");
    let full_name = body.optional::<FullName>("full_name");
    let password = body.optional("password");
    let current_password = body.optional::<Redacted<String>>("current_password");
    let changes =
        Changes { email: email?, username: username?, full_name: full_name?.map(Redacted::new), password: password? };
    Some((changes, current_password?.map(Password::unchecked)))
}

/// The OpenAPI description.
pub(super) fn operation() -> Operation {
    describe_update(Operation::new(ROUTE, "updateUser", "Update an account"))
}

/// Adds the body and the responses of an operation that changes an account.
pub(super) fn describe_update(operation: Operation) -> Operation {
    operation
        .describe(
            "Fields that are not given do not change. A new e-mail address or password requires `current_password`. \
             A new password ends all other sessions.",
        )
        .body(
            Object::new()
                .optional::<Email>("email")
                .optional::<Username>("username")
                .optional::<FullName>("full_name")
                .optional::<Password>("password")
                .optional::<Redacted<String>>("current_password")
                .description("The caller's own password.")
                .example("another name", json!({ "full_name": "Alice A. Anderson" })),
        )
        .ok::<UserResponse<'_>>("The account.", example())
        .refuses(UsersError::EmailTaken)
        .refuses(UsersError::UsernameTaken)
        .refuses(UsersError::TooManyFailures(Duration::from_secs(30)))
        .refuses(UsersError::Busy)
}
