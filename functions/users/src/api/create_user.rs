use contracts::Role;
use lambda::{
    http::{Reply, Request},
    openapi::Operation,
    policy::{Access, Limit, Route},
};
use serde_json::json;

use super::register::{account_form, create_account, describe_creation, read};
use crate::Users;

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/users", Access::Admin).limited(Limit::Writes);

/// `POST /users`: creates an account of either role. For administrators.
pub async fn create_user(users: &Users, request: &Request) -> Reply {
    let (registration, role) = request.body(|body| {
        let role = body.required("role");
        let registration = read(body);
        Some((registration?, role?))
    })?;
    create_account(users, request, registration, role).await
}

/// The OpenAPI description.
pub(super) fn operation() -> Operation {
    let body =
        json!({ "email": "erin@example.com", "username": "erin", "password": "correct horse", "role": "customer" });
    describe_creation(Operation::new(ROUTE, "createUser", "Create an account of either role"))
        .body(account_form().required::<Role>("role").example("a customer", body))
}
