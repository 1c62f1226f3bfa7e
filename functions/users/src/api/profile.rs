use lambda::http::{self, Reply, Request};

use super::{answer::UserAnswer, update_user::update};
use crate::Users;

/// `GET /users/profile`: the caller's own account.
pub async fn get_profile(users: &Users, request: &Request) -> Reply {
    http::ok(&UserAnswer::from(&users.find(request.caller()?.user_id).await?))
}

/// `PUT /users/profile`: changes the caller's own account.
pub async fn update_profile(users: &Users, request: &Request) -> Reply {
    update(users, request, request.caller()?.user_id).await
}
