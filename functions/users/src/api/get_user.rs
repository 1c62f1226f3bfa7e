use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use super::answer::{UserAnswer, example};
use crate::Users;

/// `GET /users/{user_id}`
pub async fn get_user(users: &Users, request: &Request) -> Reply {
    http::ok(&UserAnswer::from(&users.find(request.id("user_id", "user")?).await?))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/users/{user_id}", "getUser", "One account")
        .ok::<UserAnswer<'_>>("The account.", example())
}
