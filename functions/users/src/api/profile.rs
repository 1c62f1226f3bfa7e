use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
};

use super::{
    answer::{UserAnswer, example},
    update_user::{update, updating},
};
use crate::{Users, UsersError};

/// `GET /users/profile`: the caller's own account.
pub async fn get_profile(users: &Users, request: &Request) -> Reply {
    http::ok(&UserAnswer::from(&users.find(request.caller()?.user_id).await?))
}

/// `PUT /users/profile`: changes the caller's own account.
pub async fn update_profile(users: &Users, request: &Request) -> Reply {
    update(users, request, request.caller()?.user_id).await
}

/// How the document tells of them.
pub(super) fn operations() -> [Operation; 2] {
    let get = Operation::new("GET /api/v1/users/profile", "getProfile", "The caller's own account")
        .ok::<UserAnswer<'_>>("The account.", example())
        .refuses(UsersError::NotFound);
    let update = Operation::new("PUT /api/v1/users/profile", "updateProfile", "Change the caller's own account");
    [get, updating(update).refuses(UsersError::NotFound)]
}
