use lambda::{
    http::{self, ApiRequest, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};

use crate::Users;

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/auth/logout", Access::Customer);

/// `POST /auth/logout`: ends the session. From then on, its tokens are rejected.
pub async fn logout(users: &Users, request: Request) -> Reply {
    users.log_out(request.caller()?).await?;
    http::no_content()
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::new(ROUTE, "logout", "Log out")
        .describe("Ends the session. From then on, its access and refresh tokens are rejected.")
        .no_content("The session has ended.")
}
