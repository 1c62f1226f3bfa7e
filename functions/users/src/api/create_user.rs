use lambda::http::{Reply, Request};

use super::register::{make, read};
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
