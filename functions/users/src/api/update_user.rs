use kernel::{Redacted, UserId};
use lambda::{
    http::{self, Reply, Request},
    input::Fields,
};

use super::answer::UserAnswer;
use crate::{
    Users,
    domain::{Changes, FullName, Password},
};

/// `PUT /users/{user_id}`: changes the fields that are given. A new e-mail address or password needs `current_password`, which is
/// the caller's own.
pub async fn update_user(users: &Users, request: &Request) -> Reply {
    update(users, request, request.id("user_id", "user")?).await
}

pub(super) async fn update(users: &Users, request: &Request, id: UserId) -> Reply {
    let (changes, current_password) = request.body(read)?;
    let account = users.update(id, changes, current_password.as_ref(), request).await?;
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
