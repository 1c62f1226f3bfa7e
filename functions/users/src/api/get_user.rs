use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};

use super::response::{UserResponse, example};
use crate::Users;

pub(crate) const ROUTE: Route = Route::new("GET /api/v1/users/{user_id}", Access::Owner);

/// `GET /users/{user_id}`: returns an account.
pub async fn get_user(users: &Users, request: Request) -> Reply {
    http::ok(&UserResponse::from(&users.find(request.id("user_id", "user")?).await?))
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "getUser", "Get an account").ok::<UserResponse<'_>>("The account.", example())
}
