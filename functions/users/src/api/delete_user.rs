use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Limit, Route},
};

use crate::{Users, UsersError};

pub(crate) const ROUTE: Route = Route::new("DELETE /api/v1/users/{user_id}", Access::Owner).limited(Limit::Writes);

/// `DELETE /users/{user_id}`: erases the account and all personal data in it. Its orders remain.
pub async fn delete_user(users: &Users, request: Request) -> Reply {
    users.delete(request.id("user_id", "user")?, request.caller()?, request.now(), &request.cause()).await?;
    http::no_content()
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "deleteUser", "Delete an account")
        .describe("Erases all personal data of the account and ends its sessions. Its orders remain.")
        .no_content("The account was deleted.")
        .refuses(UsersError::OwnAccount)
        .refuses(UsersError::Busy)
}
