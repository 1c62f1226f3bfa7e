//! Sessions: what a login opens, a refresh goes on with, and a logout ends.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use kernel::{Redacted, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Account;

/// How long a refresh token is good for, in seconds; each refresh begins it anew.
pub const REFRESH_SECONDS: i64 = 30 * 24 * 3600;

/// What every refresh token begins with, so that one that leaked is recognized.
const PREFIX: &str = "wbr_";

/// One login and all that was refreshed from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// The hash of what all refresh tokens of this session share: who does not know it has never held one.
    pub family_hash: String,
    /// The hash of the one refresh token that is good now.
    pub refresh_hash: String,
    /// The account's epoch at login: a later one has ended this session.
    pub epoch: u64,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it ends if nobody refreshes it, in seconds since 1970; the item's time to live.
    pub expires_at: i64,
}

/// What goes on with a session once: whose, which, a secret of 128 bits that its whole family shares, and one of 256 bits.
#[derive(Clone)]
pub struct RefreshToken {
    /// Whose session.
    pub user_id: UserId,
    /// Which.
    pub session_id: SessionId,
    family: [u8; 16],
    secret: [u8; 32],
}

/// What was given is not a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotARefreshToken;

impl Session {
    /// A new session of `account`, and the token that goes on with it.
    pub fn open(account: &Account, now: Timestamp) -> (Self, RefreshToken) {
        let token = RefreshToken::first(account.id, SessionId::new());
        let session = Self {
            id: token.session_id,
            user_id: account.id,
            family_hash: hash(&token.family),
            refresh_hash: token.hash(),
            epoch: account.epoch,
            created_at: now,
            expires_at: now.as_seconds() + REFRESH_SECONDS,
        };
        (session, token)
    }

    /// This session after a refresh with `used`, and the token that replaces it.
    pub fn refreshed(&self, used: &RefreshToken, now: Timestamp) -> (Self, RefreshToken) {
        let token = RefreshToken { secret: rand::random(), ..used.clone() };
        let expires_at = now.as_seconds() + REFRESH_SECONDS;
        (Self { refresh_hash: token.hash(), expires_at, ..self.clone() }, token)
    }

    /// Whether `token` is or was a token of this session; not one that somebody made up.
    pub fn gave_out(&self, token: &RefreshToken) -> bool {
        self.user_id == token.user_id && self.family_hash == hash(&token.family)
    }

    /// Whether it still is a session of `account`.
    pub fn is_open(&self, account: &Account, now: Timestamp) -> bool {
        self.user_id == account.id && self.epoch == account.epoch && now.as_seconds() < self.expires_at
    }
}

impl RefreshToken {
    fn first(user_id: UserId, session_id: SessionId) -> Self {
        Self { user_id, session_id, family: rand::random(), secret: rand::random() }
    }

    /// What is kept of it: whoever reads the table cannot use it.
    pub fn hash(&self) -> String {
        hash(&self.secret)
    }

    /// As the client holds it.
    pub fn expose(&self) -> String {
        let bytes = [self.user_id.as_ref(), self.session_id.as_ref(), &self.family[..], &self.secret].concat();
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a client gave.
    ///
    /// # Errors
    /// When it is no refresh token at all.
    pub fn given(text: &Redacted<String>) -> Result<Self, NotARefreshToken> {
        let encoded = text.expose().strip_prefix(PREFIX).ok_or(NotARefreshToken)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(encoded).map_err(|_| NotARefreshToken)?;
        let (user_id, rest) = bytes.split_first_chunk::<16>().ok_or(NotARefreshToken)?;
        let (session_id, rest) = rest.split_first_chunk::<16>().ok_or(NotARefreshToken)?;
        let (family, secret) = rest.split_first_chunk::<16>().ok_or(NotARefreshToken)?;
        Ok(Self {
            user_id: UserId::from(*user_id),
            session_id: SessionId::from(*session_id),
            family: *family,
            secret: secret.try_into().map_err(|_| NotARefreshToken)?,
        })
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshToken of session {}", self.session_id)
    }
}

fn hash(secret: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_is_read_as_it_was_given_out() {
        let token = RefreshToken::first(UserId::new(), SessionId::new());
        let given = RefreshToken::given(&Redacted::new(token.expose())).expect("a token");
        assert_eq!((given.user_id, given.session_id, given.hash()), (token.user_id, token.session_id, token.hash()));
        assert!(token.expose().starts_with("wbr_"));
    }

    #[test]
    fn what_is_not_a_token_is_refused() {
        let token = RefreshToken::first(UserId::new(), SessionId::new()).expose();
        for text in ["", "wbr_", &token[4..], &token[..token.len() - 2], &format!("{token}AAAA"), "wbr_????"] {
            assert!(RefreshToken::given(&Redacted::new(text.to_owned())).is_err(), "{text}");
        }
    }

    #[test]
    fn the_secret_stays_out_of_debug_output() {
        let token = RefreshToken::first(UserId::new(), SessionId::new());
        assert!(!format!("{token:?}").contains(&token.expose()[50..]));
    }

    proptest! {
        #[test]
        fn whatever_is_given_is_read_as_it_was_sent_or_refused(
            text in prop_oneof![".{0,120}", "(wbr_)?[A-Za-z0-9_-]{0,120}", "wbr_[A-Za-z0-9_-]{106}[AQgw]"],
        ) {
            if let Ok(token) = RefreshToken::given(&Redacted::new(text.clone())) {
                prop_assert_eq!(token.expose(), text);
            }
        }

        #[test]
        fn a_token_of_which_one_letter_differs_is_another(at in any::<prop::sample::Index>(), letter in "[ -~]") {
            let account = UserId::from([1; 16]);
            let token = RefreshToken::first(account, SessionId::from([2; 16]));
            let text = token.expose();
            let at = at.index(text.len());
            let forged = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
            prop_assume!(forged != text);
            let session = Session {
                id: token.session_id,
                user_id: account,
                family_hash: hash(&token.family),
                refresh_hash: token.hash(),
                epoch: 0,
                created_at: Timestamp::from_millis(0),
                expires_at: 1,
            };
            let is_good = RefreshToken::given(&Redacted::new(forged)).is_ok_and(|forged| {
                forged.session_id == session.id && session.gave_out(&forged) && forged.hash() == session.refresh_hash
            });
            prop_assert!(!is_good);
        }
    }
}
