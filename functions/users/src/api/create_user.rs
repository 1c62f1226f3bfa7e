use lambda::{
    http::{ApiRequest, Reply, Request},
    input::required,
    openapi::{Form, Operation},
    policy::{Access, Limit, Route},
    problem::Problem,
};
use serde_json::json;

use super::register::{AccountBody, create_account, describe_creation};
use crate::Users;

pub(crate) const ROUTE: Route = Route::new("POST /api/v1/users", Access::Admin).limited(Limit::Writes);

/// `POST /users`: creates an account of either role.
pub async fn create_user(users: &Users, request: Request) -> Reply {
    let body: AccountBody = request.json_with(|body| {
        if !body.has("role") {
            body.refuse("role", required());
        }
    })?;
    let role = body.role.ok_or_else(|| Problem::invalid("role", required()))?;
    create_account(users, &request, body, role).await
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let body =
        json!({ "email": "erin@example.com", "username": "erin", "password": "correct horse", "role": "customer" });
    describe_creation(Operation::new(ROUTE, "createUser", "Create an account of either role"))
        .body(Form::of::<AccountBody>().requiring(&["role"]).example("a customer", body))
}
