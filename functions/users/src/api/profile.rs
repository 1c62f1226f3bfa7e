use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Limit, Route},
};

use super::{
    response::{UserResponse, example},
    update_user::{describe_update, update},
};
use crate::{Users, UsersError};

pub(crate) const GET_PROFILE: Route = Route::new("GET /api/v1/users/profile", Access::Customer);
pub(crate) const UPDATE_PROFILE: Route =
    Route::new("PUT /api/v1/users/profile", Access::Customer).limited(Limit::Writes);

/// `GET /users/profile`: returns the caller's own account.
pub async fn get_profile(users: &Users, request: Request) -> Reply {
    http::ok(&UserResponse::from(&users.find(request.caller()?.user_id).await?))
}

/// `PUT /users/profile`: changes the caller's own account.
pub async fn update_profile(users: &Users, request: Request) -> Reply {
    update(users, &request, request.caller()?.user_id).await
}

/// Describes the endpoints in the OpenAPI document.
pub(super) fn operations() -> [Operation; 2] {
    let get = Operation::new(GET_PROFILE, "getProfile", "Get the caller's own account")
        .ok::<UserResponse<'_>>("The account.", example())
        .refuses(UsersError::NotFound);
    let update = Operation::new(UPDATE_PROFILE, "updateProfile", "Update the caller's own account");
    [get, describe_update(update).refuses(UsersError::NotFound)]
}
