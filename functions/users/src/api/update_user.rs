use std::time::Duration;

use kernel::{Email, Redacted, UserId};
use lambda::{
    http::{self, Reply, Request},
    input::Fields,
    openapi::{Object, Operation},
};

use serde_json::json;

use super::answer::{UserAnswer, example};
use crate::{
    Users, UsersError,
    domain::{Changes, FullName, Password, Username},
};

/// `PUT /users/{user_id}`: changes the fields that are given. A new e-mail address or password needs `current_password`, which is
/// the caller's own.
pub async fn update_user(users: &Users, request: &Request) -> Reply {
    update(users, request, request.id("user_id", "user")?).await
}

pub(super) async fn update(users: &Users, request: &Request, id: UserId) -> Reply {
    let (changes, current_password) = request.body(read)?;
    let account = users.update(id, request.caller()?, changes, current_password.as_ref(), request).await?;
    http::ok(&UserAnswer::from(&account))
}

fn read(body: &Fields<'_>) -> Option<(Changes, Option<Password>)> {
    let email = body.optional("email");
    let username = body.optional("username");
    let full_name = body.optional::<FullName>("full_name");
    let password = body.optional("password");
    let current_password = body.optional::<Redacted<String>>("current_password");
    let changes =
        Changes { email: email?, username: username?, full_name: full_name?.map(Redacted::new), password: password? };
    Some((changes, current_password?.map(Password::given)))
}

/// How the document tells of it.
pub(super) fn operation() -> Operation {
    updating(Operation::new("PUT /api/v1/users/{user_id}", "updateUser", "Change an account"))
}

/// What changing an account takes and answers.
pub(super) fn updating(operation: Operation) -> Operation {
    operation
        .describe("What is absent stays. A new e-mail address or password needs `current_password`; a new password ends the other sessions.")
        .body(
            Object::new()
                .optional::<Email>("email")
                .optional::<Username>("username")
                .optional::<FullName>("full_name")
                .optional::<Password>("password")
                .optional::<Redacted<String>>("current_password")
                .about("The caller's own.")
                .example("another name", json!({ "full_name": "Alice A. Anderson" })),
        )
        .ok::<UserAnswer<'_>>("The account.", example())
        .refuses(UsersError::EmailTaken)
        .refuses(UsersError::UsernameTaken)
        .refuses(UsersError::TooManyFailures(Duration::from_secs(30)))
        .refuses(UsersError::Busy)
}
