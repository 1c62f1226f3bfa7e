use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use crate::Users;

/// `POST /auth/logout`: ends the session; its tokens are refused from then on.
pub async fn logout(users: &Users, request: &Request) -> Reply {
    users.log_out(request.caller()?).await?;
    http::no_content()
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    Operation::new("POST /api/v1/auth/logout", "logout", "End the session")
        .describe("Its access and refresh tokens are refused from then on.")
        .no_content("It has ended.")
}
