use kernel::UserId;
use lambda::http::{self, Reply, Request};

use super::answer::UserAnswer;
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
