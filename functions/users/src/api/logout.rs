use lambda::http::{self, Reply, Request};

use crate::Users;

/// `POST /auth/logout`: ends the session; its tokens are refused from then on.
pub async fn logout(users: &Users, request: &Request) -> Reply {
    users.log_out(request.caller()?).await?;
    http::no_content()
}
