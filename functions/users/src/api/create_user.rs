use contracts::Role;
use lambda::{
    http::{Reply, Request},
    openapi::Operation,
};
use serde_json::json;

use super::register::{form, make, making, read};
use crate::Users;

/// `POST /users`: an administrator makes an account, of either role.
pub async fn create_user(users: &Users, request: &Request) -> Reply {
    let (registration, role) = request.body(|body| {
        let role = body.required("role");
        let registration = read(body);
        Some((registration?, role?))
    })?;
    make(users, request, registration, role).await
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    let body =
        json!({ "email": "erin@example.com", "username": "erin", "password": "correct horse", "role": "customer" });
    making(Operation::new("POST /api/v1/users", "createUser", "Make an account, of either role"))
        .body(form().required::<Role>("role").example("a customer", body))
}
