use lambda::http::{self, Reply, Request};

use crate::Users;

/// `DELETE /users/{user_id}`: erases the account and all that is personal of it; orders remain.
pub async fn delete_user(users: &Users, request: &Request) -> Reply {
    users.delete(request.id("user_id", "user")?, request.now, &request.cause()).await?;
    http::no_content()
}
