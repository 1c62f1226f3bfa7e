use contracts::Role;
use kernel::UserId;
use lambda::{
    http::{self, Reply, Request},
    openapi::{Object, Operation},
};

use serde_json::json;

use super::answer::{UserAnswer, example};
use crate::{Users, UsersError};

/// `PUT /users/{user_id}/role`: makes an account a customer's or an administrator's.
pub async fn change_role(users: &Users, request: &Request) -> Reply {
    let id: UserId = request.id("user_id", "user")?;
    let role = request.body(|body| body.required("role"))?;
    if request.caller()?.user_id == id {
        return Err(UsersError::OwnRole.into());
    }
    http::ok(&UserAnswer::from(&users.change_role(id, role, request.now, &request.cause()).await?))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new(
        "PUT /api/v1/users/{user_id}/role",
        "changeRole",
        "Make an account a customer's or an administrator's",
    )
    .body(Object::new().required::<Role>("role").example("an administrator", json!({ "role": "admin" })))
    .ok::<UserAnswer<'_>>("The account.", example())
    .refuses(UsersError::OwnRole)
    .refuses(UsersError::Busy)
}
