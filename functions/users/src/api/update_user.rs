use std::time::Duration;

use deserr::Deserr;
use kernel::{Email, Redacted, UserId};
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    input::{InvalidFields, Secret},
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
};
use schemars::JsonSchema;
use serde_json::json;

use super::response::{UserResponse, example};
use crate::{
    Users, UsersError,
    domain::{Changes, FullName, Password, Username},
};

pub(crate) const ROUTE: Route = Route::new("PUT /api/v1/users/{user_id}", Access::Owner).limited(Limit::Writes);

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct UpdateUser {
    #[deserr(default)]
    email: Option<Email>,
    #[deserr(default)]
    username: Option<Username>,
    #[deserr(default)]
    full_name: Option<Redacted<FullName>>,
    #[deserr(default)]
    password: Option<Password>,
    /// The caller's own password.
    #[deserr(default)]
    current_password: Option<Secret>,
}

/// `PUT /users/{user_id}`: changes the given fields. A new e-mail address or password requires `current_password`,
/// which is the caller's own password.
pub async fn update_user(users: &Users, request: Request) -> Reply {
    update(users, &request, request.id("user_id", "user")?).await
}

pub(super) async fn update(users: &Users, request: &Request, id: UserId) -> Reply {
    let UpdateUser { email, username, full_name, password, current_password } = request.json()?;
    let changes = Changes { email, username, full_name, password };
    let current_password = current_password.map(|Secret(text)| Password::unchecked(text));
    let account = users.update(id, request.caller()?, changes, current_password.as_ref(), request).await?;
    http::ok(&UserResponse::from(&account))
}

/// Describes the endpoint in the OpenAPI document.
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
        .body(Form::of::<UpdateUser>().example("another name", json!({ "full_name": "Alice A. Anderson" })))
        .ok::<UserResponse<'_>>("The account.", example())
        .refuses(UsersError::EmailTaken)
        .refuses(UsersError::UsernameTaken)
        .refuses(UsersError::TooManyFailures(Duration::from_secs(30)))
        .refuses(UsersError::Busy)
}
