use contracts::Role;
use deserr::Deserr;
use kernel::{Email, Redacted};
use lambda::{
    http::{self, ApiRequest, Reply, Request, Response},
    input::{InvalidFields, unknown_field},
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
    problem::Problem,
};
use schemars::JsonSchema;
use serde_json::json;

use super::response::{UserResponse, example};
use crate::{
    Users, UsersError,
    domain::{FullName, Password, Registration, Username},
    error::password_equals_login,
};

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/auth/register", Access::Anyone).limited(Limit::Registrations);

// Only administrators may give the role.
#[derive(Deserr, JsonSchema)]
#[deserr(error = InvalidFields, deny_unknown_fields)]
pub(super) struct AccountBody {
    email: Email,
    /// It is stored in lower case.
    username: Username,
    /// It must not be a common password, the e-mail address or the username.
    password: Password,
    #[deserr(default)]
    full_name: Option<Redacted<FullName>>,
    #[deserr(default)]
    pub(super) role: Option<Role>,
}

/// `POST /auth/register`: creates a customer's account. A body with a role is refused.
pub async fn register(users: &Users, request: Request) -> Reply {
    let body: AccountBody = request.json_with(|body| {
        if body.is_given("role") {
            body.refuse("role", unknown_field());
        }
    })?;
    create_account(users, &request, body, Role::Customer).await
}

/// Creates the account and responds with it.
pub(super) async fn create_account(users: &Users, request: &Request, body: AccountBody, role: Role) -> Reply {
    let registration = body.registration()?;
    let name = registration.full_name.as_ref().map(|name| name.expose().to_string());
    let fingerprinted = (registration.email.clone(), registration.username.clone(), name, role);
    // Only the address distinguishes callers without an account who use the same key.
    let key = request.idempotency_key_of(registration.email.expose(), &fingerprinted)?;
    let account = users.register_once(registration, role, key, request).await?;
    http::created(format!("/api/v1/users/{}", account.id), &UserResponse::from(&account)).map(Response::from)
}

impl AccountBody {
    fn registration(self) -> Result<Registration, Problem> {
        let Self { email, username, password, full_name, role: _ } = self;
        if password.equals(email.expose()) || password.equals(username.expose()) {
            return Err(Problem::invalid("password", password_equals_login()));
        }
        Ok(Registration { email, username, password, full_name })
    }
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let body =
        json!({ "email": "you@example.com", "username": "you", "password": "correct horse", "full_name": "You" });
    describe_creation(Operation::new(ROUTE, "register", "Register as a customer"))
        .body(Form::of::<AccountBody>().without(&["role"]).example("a customer", body))
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
