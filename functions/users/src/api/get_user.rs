use lambda::http::{self, Reply, Request};

use super::answer::UserAnswer;
use crate::Users;

/// `GET /users/{user_id}`
pub async fn get_user(users: &Users, request: &Request) -> Reply {
    http::ok(&UserAnswer::from(&users.find(request.id("user_id", "user")?).await?))
}
