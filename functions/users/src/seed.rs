//! Seeds a stack with example users.

use contracts::{Cause, Role};
use kernel::{Invalid, Redacted, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{Users, UsersError, domain::Registration};

/// The users to create.
#[derive(Debug, Deserialize)]
pub struct Seed {
    users: Vec<SeedUser>,
}

#[derive(Debug, Deserialize)]
struct SeedUser {
    id: UserId,
    email: Redacted<String>,
    username: Redacted<String>,
    full_name: Redacted<String>,
    role: Role,
    password: Redacted<String>,
}

/// The numbers of created and of existing users.
#[derive(Debug, Default, Serialize)]
pub struct Seeded {
    created: usize,
    existing: usize,
}

/// Creates the accounts that do not exist yet.
///
/// # Errors
/// If one of them is not valid, or the table does not respond.
pub async fn seed(users: &Users, seed: Seed) -> Result<Seeded, lambda::Error> {
    let mut seeded = Seeded::default();
    for user in seed.users {
        let registration = registration(&user)?;
        match users.register(user.id, registration, user.role, Timestamp::now(), &Cause::own()).await {
            Ok(_) => seeded.created += 1,
            Err(UsersError::EmailTaken | UsersError::UsernameTaken) => seeded.existing += 1,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(seeded)
}

fn registration(user: &SeedUser) -> Result<Registration, Invalid> {
    Ok(Registration {
        email: user.email.expose().parse()?,
        username: user.username.expose().parse()?,
        password: user.password.expose().parse()?,
        full_name: Some(Redacted::new(user.full_name.expose().parse()?)),
    })
}
