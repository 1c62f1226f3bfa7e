use contracts::Role;
use deserr::Deserr;
use kernel::UserId;
use lambda::{
    http::{self, ApiRequest, Reply, Request},
    input::InvalidFields,
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
};
use schemars::JsonSchema;
use serde_json::json;

use super::response::{UserResponse, example};
use crate::{Users, UsersError};

pub(crate) const ROUTE: Route = Route::new("PUT /api/v1/users/{user_id}/role", Access::Admin).limited(Limit::Writes);

#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
struct ChangeRole {
    role: Role,
}

/// `PUT /users/{user_id}/role`: changes the role of an account to customer or administrator.
pub async fn change_role(users: &Users, request: Request) -> Reply {
    let id: UserId = request.id("user_id", "user")?;
    let ChangeRole { role } = request.json()?;
    if request.caller()?.user_id == id {
        return Err(UsersError::OwnRole.into());
    }
    http::ok(&UserResponse::from(&users.change_role(id, role, request.now(), &request.cause()).await?))
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "changeRole", "Update the role of an account")
        .body(Form::of::<ChangeRole>().example("an administrator", json!({ "role": "admin" })))
        .ok::<UserResponse<'_>>("The account.", example())
        .refuses(UsersError::OwnRole)
        .refuses(UsersError::Busy)
}
