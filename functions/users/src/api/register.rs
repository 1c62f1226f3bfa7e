use contracts::Role;
use kernel::{Redacted, UserId};
use lambda::http::{self, Reply, Request, Response};

use super::answer::UserAnswer;
use crate::{
    Users,
    domain::{FullName, Registration},
};

/// `POST /auth/register`: makes a customer's account. A role is not a field of it.
pub async fn register(users: &Users, request: &Request) -> Reply {
    let registration = request.body(|body| {
        let email = body.required("email");
        let username = body.required("username");
        let password = body.required("password");
        let full_name = body.optional::<FullName>("full_name");
        Some(Registration {
            email: email?,
            username: username?,
            password: password?,
            full_name: full_name?.map(Redacted::new),
        })
    })?;
    let account = users.register(UserId::new(), registration, Role::Customer, request.now, &request.cause()).await?;
    http::created(format!("/api/v1/users/{}", account.id), &UserAnswer::from(&account)).map(Response::from)
}
