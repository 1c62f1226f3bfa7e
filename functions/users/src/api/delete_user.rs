use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use crate::{Users, UsersError};

/// `DELETE /users/{user_id}`: erases the account and all that is personal of it; orders remain.
pub async fn delete_user(users: &Users, request: &Request) -> Reply {
    users.delete(request.id("user_id", "user")?, request.caller()?, request.now, &request.cause()).await?;
    http::no_content()
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("DELETE /api/v1/users/{user_id}", "deleteUser", "Erase an account")
        .describe("All that is personal of it goes, and its sessions end; orders remain.")
        .no_content("It is gone.")
        .refuses(UsersError::OwnAccount)
        .refuses(UsersError::Busy)
}
