use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use super::response::{UserResponse, example};
use crate::Users;

/// `GET /users/{user_id}`: returns an account.
pub async fn get_user(users: &Users, request: &Request) -> Reply {
    http::ok(&UserResponse::from(&users.find(request.id("user_id", "user")?).await?))
}

/// The OpenAPI description.
pub(super) fn operation() -> Operation {
    Operation::new("GET /api/v1/users/{user_id}", "getUser", "Get an account")
        .ok::<UserResponse<'_>>("The account.", example())
}
