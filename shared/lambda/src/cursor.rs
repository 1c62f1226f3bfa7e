//! Cursors, which are positions in lists. They are opaque to callers and authenticated, so that a changed cursor is
//! rejected.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{Error, env, problem::Problem};

/// Creates and verifies cursors with a key that all environments share.
#[derive(Clone)]
pub struct Cursors {
    key: Vec<u8>,
}

/// The length of the authentication code in a cursor, in bytes.
const TAG_BYTES: usize = 16;

impl Cursors {
    /// Uses the secret of the stack.
    ///
    /// # Errors
    /// If `CURSOR_SECRET` is not set.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self::new(&env("CURSOR_SECRET")?))
    }

    fn new(secret: &str) -> Self {
        Self { key: secret.as_bytes().to_vec() }
    }

    /// Returns a cursor for the entries after `position` in the list `scope` (its route, caller and filters).
    pub fn seal(&self, scope: &str, position: &str) -> String {
        let mut sealed = self.tag(scope, position);
        sealed.extend(position.as_bytes());
        BASE64_URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Returns the position in `cursor`.
    ///
    /// # Errors
    /// 400 if it is not a cursor of this list.
    pub fn open(&self, scope: &str, cursor: &str) -> Result<String, Problem> {
        let position = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|sealed| {
            let (tag, position) = sealed.split_at_checked(TAG_BYTES)?;
            let position = std::str::from_utf8(position).ok()?;
            let genuine = self.mac(scope, position).verify_truncated_left(tag).is_ok();
            genuine.then(|| position.to_owned())
        });
        position.ok_or_else(invalid)
    }

    fn tag(&self, scope: &str, position: &str) -> Vec<u8> {
        self.mac(scope, position).finalize().into_bytes()[..TAG_BYTES].to_vec()
    }

    fn mac(&self, scope: &str, position: &str) -> Hmac<Sha256> {
        #[allow(clippy::expect_used)] // HMAC accepts keys of any length
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC accepts any key");
        mac.update(scope.as_bytes());
        mac.update(&[0]);
        mac.update(position.as_bytes());
        mac
    }
}

pub(crate) fn invalid() -> Problem {
    Problem::new(400, "invalid_cursor", "The cursor is not valid for this list.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_an_untouched_cursor_of_the_same_list_opens() {
        let cursors = Cursors::new("secret");
        let cursor = cursors.seal("GET /orders alice", "ORDER#1");
        assert_eq!(cursors.open("GET /orders alice", &cursor), Ok("ORDER#1".to_owned()));
        assert!(cursors.open("GET /orders bob", &cursor).is_err());
        assert!(Cursors::new("other").open("GET /orders alice", &cursor).is_err());
        for forged in ["", "x", "????", &cursor[1..], &format!("{cursor}AA")] {
            assert!(cursors.open("GET /orders alice", forged).is_err(), "{forged:?}");
        }
    }

    proptest! {
        #[test]
        fn a_sealed_position_opens_unchanged(scope in ".{0,40}", position in ".{0,80}") {
            let cursors = Cursors::new("secret");
            prop_assert_eq!(cursors.open(&scope, &cursors.seal(&scope, &position)), Ok(position));
        }

        #[test]
        fn a_cursor_with_one_changed_character_is_rejected(
            position in ".{0,80}", at in any::<prop::sample::Index>(), character in "[ -~]",
        ) {
            let cursors = Cursors::new("secret");
            let cursor = cursors.seal("GET /orders alice", &position);
            let at = at.index(cursor.len());
            let forged = format!("{}{character}{}", &cursor[..at], &cursor[at + 1..]);
            prop_assume!(forged != cursor);
            prop_assert!(cursors.open("GET /orders alice", &forged).is_err());
        }

        #[test]
        fn made_up_cursors_are_rejected(text in prop_oneof![".{0,100}", "[A-Za-z0-9_-]{0,120}"]) {
            prop_assert!(Cursors::new("secret").open("GET /orders alice", &text).is_err());
        }

        // The authentication code covers where the scope ends and the position begins.
        #[test]
        fn no_character_moves_between_scope_and_position(scope in "[a-z ]{1,20}", position in "[a-z#]{1,20}") {
            let cursors = Cursors::new("secret");
            let (shorter, last) = scope.split_at(scope.len() - 1);
            let cursor = cursors.seal(&scope, &position);
            prop_assert!(cursors.open(shorter, &cursor).is_err(), "{last}");
        }
    }
}
