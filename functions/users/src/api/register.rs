use contracts::Role;
use kernel::Redacted;
use lambda::{
    http::{self, Reply, Request, Response},
    input::Fields,
};

use super::answer::UserAnswer;
use crate::{
    Users,
    domain::{FullName, Registration},
};

/// `POST /auth/register`: makes a customer's account. A role is not a field of it.
pub async fn register(users: &Users, request: &Request) -> Reply {
    let registration = request.body(read)?;
    make(users, request, registration, Role::Customer).await
}

/// Makes the account and answers with it.
pub(super) async fn make(users: &Users, request: &Request, registration: Registration, role: Role) -> Reply {
    let name = registration.full_name.as_ref().map(|name| name.expose().to_string());
    let same = (registration.email.clone(), registration.username.clone(), name, role);
    let claim = request.idempotency(&same)?;
    let account = users.register_once(registration, role, claim, request).await?;
    http::created(format!("/api/v1/users/{}", account.id), &UserAnswer::from(&account)).map(Response::from)
}

/// Reads what makes an account.
pub(super) fn read(body: &Fields<'_>) -> Option<Registration> {
    let email = body.required("email");
    let username = body.required("username");
    let password = body.required("password");
    let full_name = body.optional::<FullName>("full_name");
    let registration = Registration {
        email: email?,
        username: username?,
        password: password?,
        full_name: full_name?.map(Redacted::new),
    };
    if registration.password.is(registration.email.expose()) || registration.password.is(registration.username.expose())
    {
        return body.refuse("password", super::known_to_others());
    }
    Some(registration)
}
