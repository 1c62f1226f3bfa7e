use contracts::Role;
use kernel::{Email, Redacted};
use lambda::{
    http::{self, Reply, Request, Response},
    input::Fields,
    openapi::{Object, Operation},
};

use serde_json::json;

use super::answer::{UserAnswer, example};
use crate::{
    Users, UsersError,
    domain::{FullName, Password, Registration, Username},
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
    // Whoever has no account yet has only their address to tell them from others with the same key.
    let claim = request.idempotency_of(registration.email.expose(), &same)?;
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

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let body =
        json!({ "email": "you@example.com", "username": "you", "password": "correct horse", "full_name": "You" });
    making(Operation::new("POST /api/v1/auth/register", "register", "Make a customer's account"))
        .body(form().example("a customer", body))
}

/// What making an account takes.
pub(super) fn form() -> Object {
    Object::new()
        .required::<Email>("email")
        .required::<Username>("username")
        .about("Its case is not kept.")
        .required::<Password>("password")
        .about("None of the most common ones, and not the address or the username.")
        .optional::<FullName>("full_name")
}

/// What making an account answers.
pub(super) fn making(operation: Operation) -> Operation {
    operation
        .idempotent()
        .created::<UserAnswer<'_>>("The account.", example())
        .refuses(UsersError::EmailTaken)
        .refuses(UsersError::UsernameTaken)
        .refuses(UsersError::Busy)
        .refuses(UsersError::NotFound)
}
