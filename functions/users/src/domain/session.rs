//! Sessions: a login opens one, a refresh extends it, and a logout ends it.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use kernel::{Redacted, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Account;

/// The lifetime of a refresh token, in seconds. Each refresh starts it again.
pub const REFRESH_SECONDS: i64 = 30 * 24 * 3600;

/// The prefix of every refresh token, which makes a leaked one recognizable.
const PREFIX: &str = "wbr_";

/// A session: one login and its refreshes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The id.
    pub id: SessionId,
    /// The user who logged in.
    pub user_id: UserId,
    /// The hash of the secret that all refresh tokens of this session share. A token without that secret was not issued
    /// by this session.
    pub family_hash: String,
    /// The hash of the refresh token that is valid now.
    pub refresh_hash: String,
    /// The account's epoch at login. The session has ended if the account's epoch is a later one.
    pub epoch: u64,
    /// When the session was opened.
    pub created_at: Timestamp,
    /// When the session ends unless it is refreshed, in seconds since 1970. It is the item's time to live.
    pub expires_at: i64,
}

/// A refresh token, which can be used once. It consists of the ids of user and session, a secret of 128 bits that all
/// tokens of the session share (its family), and a secret of 256 bits of its own.
#[derive(Clone)]
pub struct RefreshToken {
    /// The user of the session.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    family: [u8; 16],
    secret: [u8; 32],
}

/// The error of a text that is not a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotARefreshToken;

impl Session {
    /// Returns a new session of `account`, and its refresh token.
    pub fn open(account: &Account, now: Timestamp) -> (Self, RefreshToken) {
        let token = RefreshToken::new(account.id, SessionId::new());
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

    /// Returns this session after a refresh with `used`, and the token that replaces `used`.
    pub fn refreshed(&self, used: &RefreshToken, now: Timestamp) -> (Self, RefreshToken) {
        let token = RefreshToken { secret: rand::random(), ..used.clone() };
        let expires_at = now.as_seconds() + REFRESH_SECONDS;
        (Self { refresh_hash: token.hash(), expires_at, ..self.clone() }, token)
    }

    /// Returns whether this session issued `token`, which may have been used since.
    pub fn issued(&self, token: &RefreshToken) -> bool {
        self.user_id == token.user_id && self.family_hash == hash(&token.family)
    }

    /// Returns whether the session belongs to `account` and has not ended.
    pub fn is_active(&self, account: &Account, now: Timestamp) -> bool {
        self.user_id == account.id && self.epoch == account.epoch && now.as_seconds() < self.expires_at
    }
}

impl RefreshToken {
    fn new(user_id: UserId, session_id: SessionId) -> Self {
        Self { user_id, session_id, family: rand::random(), secret: rand::random() }
    }

    /// Returns the hash that is stored in place of the token. A reader of the table cannot use it as a token.
    pub fn hash(&self) -> String {
        hash(&self.secret)
    }

    /// Returns the token in plain text, for the client.
    pub fn expose(&self) -> String {
        let bytes = [self.user_id.as_ref(), self.session_id.as_ref(), &self.family[..], &self.secret].concat();
        format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Parses the token that a client sent.
    ///
    /// # Errors
    /// If the text does not have the format of a refresh token.
    pub fn parse(text: &Redacted<String>) -> Result<Self, NotARefreshToken> {
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
        write!(f, "refresh token of session {}", self.session_id)
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
    fn an_issued_token_is_parsed_back() {
        let token = RefreshToken::new(UserId::new(), SessionId::new());
        let parsed = RefreshToken::parse(&Redacted::new(token.expose())).expect("a token");
        assert_eq!((parsed.user_id, parsed.session_id, parsed.hash()), (token.user_id, token.session_id, token.hash()));
        assert!(token.expose().starts_with("wbr_"));
    }

    #[test]
    fn malformed_tokens_are_rejected() {
        let token = RefreshToken::new(UserId::new(), SessionId::new()).expose();
        for text in ["", "wbr_", &token[4..], &token[..token.len() - 2], &format!("{token}AAAA"), "wbr_????"] {
            assert!(RefreshToken::parse(&Redacted::new(text.to_owned())).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let token = RefreshToken::new(UserId::new(), SessionId::new());
        assert!(!format!("{token:?}").contains(&token.expose()[50..]));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_loss_or_rejected(
            text in prop_oneof![".{0,120}", "(wbr_)?[A-Za-z0-9_-]{0,120}", "wbr_[A-Za-z0-9_-]{106}[AQgw]"],
        ) {
            if let Ok(token) = RefreshToken::parse(&Redacted::new(text.clone())) {
                prop_assert_eq!(token.expose(), text);
            }
        }

        #[test]
        fn a_token_with_one_changed_character_is_not_accepted(at in any::<prop::sample::Index>(), letter in "[ -~]") {
            let account = UserId::from([1; 16]);
            let token = RefreshToken::new(account, SessionId::from([2; 16]));
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
            let is_accepted = RefreshToken::parse(&Redacted::new(forged)).is_ok_and(|forged| {
                forged.session_id == session.id && session.issued(&forged) && forged.hash() == session.refresh_hash
            });
            prop_assert!(!is_accepted);
        }
    }
}
