//! Passwords, stored as argon2id hashes with the parameters that OWASP recommends (19 MiB, two passes).

use std::{collections::HashSet, str::FromStr, sync::LazyLock};

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash as Phc};
use kernel::{Invalid, Redacted};
use serde::{Deserialize, Serialize};

/// The most common passwords, in lower case.
static COMMON_PASSWORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().filter(|line| !line.starts_with('#')).collect());

/// A password in plain text: 8 to 128 characters, and not a common one. It is never stored.
#[derive(Debug)]
pub struct Password(Redacted<String>);

/// An argon2id hash in PHC format, with its salt and parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(Redacted<String>);

/// The error of a password that could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password could not be hashed: {0}")]
pub struct HashError(String);

impl Password {
    /// Hashes the password with a new salt. This takes about 20 ms, on purpose.
    ///
    /// # Errors
    /// If the system does not provide a random salt.
    pub fn hash(&self) -> Result<PasswordHash, HashError> {
        let hash = Argon2::default().hash_password(self.0.expose().as_bytes());
        let hash = hash.map_err(|error| HashError(error.to_string()))?;
        Ok(PasswordHash(Redacted::new(hash.to_string())))
    }

    /// Returns whether the password equals `name`, without regard to case.
    pub fn equals(&self, name: &str) -> bool {
        self.0.expose().eq_ignore_ascii_case(name)
    }

    /// Accepts any text as a password, for a login, which only compares it with a hash.
    pub fn unchecked(text: Redacted<String>) -> Self {
        Self(text)
    }
}

impl PasswordHash {
    /// Returns whether this is the hash of `password`.
    pub fn matches(&self, password: &Password) -> bool {
        let Ok(hash) = Phc::new(self.0.expose()) else {
            tracing::error!("a password hash is not in PHC format");
            return false;
        };
        Argon2::default().verify_password(password.0.expose().as_bytes(), &hash).is_ok()
    }

    /// Returns a hash that no password matches, for logins of unknown accounts. The comparison takes as long as with
    /// any other hash.
    pub fn dummy() -> &'static Self {
        static DUMMY: LazyLock<PasswordHash> = LazyLock::new(|| {
            let phc = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
            PasswordHash(Redacted::new(phc.to_owned()))
        });
        &DUMMY
    }
}

impl FromStr for Password {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !(8..=128).contains(&text.chars().count()) {
            return Err(Invalid::new("out_of_range", "must have 8 to 128 characters"));
        }
        if COMMON_PASSWORDS.contains(text.to_lowercase().as_str()) {
            return Err(Invalid::new("too_common", "must not be one of the most common passwords"));
        }
        Ok(Self(Redacted::new(text.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        text.parse().expect("a password")
    }

    #[test]
    fn only_the_same_password_matches_its_hash() {
        let hash = password("correct horse").hash().expect("a hash");
        assert!(hash.0.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hash.matches(&password("correct horse")));
        assert!(!hash.matches(&password("correct house")));
    }

    #[test]
    fn short_long_and_common_passwords_are_rejected() {
        let code = |text: &str| text.parse::<Password>().expect_err("rejected").code;
        assert_eq!(code("1234567"), "out_of_range");
        assert_eq!(code(&"x".repeat(129)), "out_of_range");
        for common in ["password", "PassWord", "12345678", "qwertyuiop", "iloveyou"] {
            assert_eq!(code(common), "too_common", "{common}");
        }
        assert!("ü".repeat(8).parse::<Password>().is_ok() && "x".repeat(128).parse::<Password>().is_ok());
    }

    #[test]
    fn no_password_matches_the_dummy_hash() {
        assert!(Phc::new(PasswordHash::dummy().0.expose()).is_ok());
        assert!(!PasswordHash::dummy().matches(&password("whatever it is")));
    }

    #[test]
    fn debug_output_shows_no_password_and_no_hash() {
        let shown = format!("{:?} {:?}", password("correct horse"), password("correct horse").hash());
        assert!(!shown.contains("correct") && !shown.contains("argon2"), "{shown}");
    }
}
