use kernel::Redacted;
use lambda::http::{self, Reply, Request};

use super::answer::TokensAnswer;
use crate::{Users, UsersError, domain::RefreshToken};

/// `POST /auth/refresh`: new tokens for a refresh token, which is used up by that.
pub async fn refresh(users: &Users, request: &Request) -> Reply {
    let given = request.body(|body| body.required::<Redacted<String>>("refresh_token"))?;
    let given = RefreshToken::given(&given).map_err(|_| UsersError::InvalidRefreshToken)?;
    http::ok(&TokensAnswer::from(users.refresh(&given, request.now).await?))
}
