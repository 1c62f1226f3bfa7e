use contracts::Role;
use kernel::{Email, Redacted};
use lambda::{
    http::{self, Reply, Request, Response},
    input::Fields,
    openapi::{Object, Operation},
    policy::{Access, Limit, Route},
};

use serde_json::json;

use super::response::{UserResponse, example};
use crate::{
    Users, UsersError,
    domain::{FullName, Password, Registration, Username},
    error::password_equals_login,
};

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/auth/register", Access::Anyone).limited(Limit::Registrations);

/// `POST /auth/register`: creates a customer's account. The body has no role.
pub async fn register(users: &Users, request: &Request) -> Reply {
    let registration = request.body(read)?;
    create_account(users, request, registration, Role::Customer).await
}

/// Creates the account and responds with it.
pub(super) async fn create_account(users: &Users, request: &Request, registration: Registration, role: Role) -> Reply {
    let name = registration.full_name.as_ref().map(|name| name.expose().to_string());
    let fingerprinted = (registration.email.clone(), registration.username.clone(), name, role);
    // Only the address distinguishes callers without an account who use the same key.
    let key = request.idempotency_key_of(registration.email.expose(), &fingerprinted)?;
    let account = users.register_once(registration, role, key, request).await?;
    http::created(format!("/api/v1/users/{}", account.id), &UserResponse::from(&account)).map(Response::from)
}

/// Reads a registration from the body.
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
    if registration.password.equals(registration.email.expose())
        || registration.password.equals(registration.username.expose())
    {
        return body.refuse("password", password_equals_login());
    }
    Some(registration)
}

/// The OpenAPI description.
pub(super) fn operation() -> Operation {
    let body =
        json!({ "email": "you@example.com", "username": "you", "password": "correct horse", "full_name": "You" });
    describe_creation(Operation::new(ROUTE, "register", "Register as a customer"))
        .body(account_form().example("a customer", body))
}

/// The body of a request that creates an account.
pub(super) fn account_form() -> Object {
    Object::new()
        .required::<Email>("email")
        .required::<Username>("username")
        .description("It is stored in lower case.")
        .required::<Password>("password")
        .description("It must not be a common password, the e-mail address or the username.")
        .optional::<FullName>("full_name")
}

/// Adds the responses of an operation that creates an account.
pub(super) fn describe_creation(operation: Operation) -> Operation {
    operation
        .idempotent()
        .created::<UserResponse<'_>>("The account.", example())
        .refuses(UsersError::EmailTaken)
        .refuses(UsersError::UsernameTaken)
        .refuses(UsersError::Busy)
        .refuses(UsersError::NotFound)
}
