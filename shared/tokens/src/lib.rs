//! Access tokens: JWTs (RFC 7519) signed with ES256 by a KMS key. The private key never leaves KMS. The public key is
//! read once per environment, so that verifying a token needs no further call.

use aws_config::SdkConfig;
use aws_sdk_kms::{
    Client,
    primitives::Blob,
    types::{MessageType, SigningAlgorithmSpec},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use contracts::Role;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use kernel::{Chain, SessionId, Timestamp, UserId};
use p256::{PublicKey, ecdsa::Signature, elliptic_curve::sec1::ToSec1Point, pkcs8::DecodePublicKey};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

/// The issuer of the tokens.
pub const ISSUER: &str = "waybill";
/// The audience of the tokens.
pub const AUDIENCE: &str = "waybill-api";
/// How long an access token is valid, in seconds.
pub const LIFETIME_SECONDS: i64 = 15 * 60;

/// The claims of an access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The issuer.
    pub iss: String,
    /// The audience.
    pub aud: String,
    /// The user.
    pub sub: UserId,
    /// The session.
    pub sid: SessionId,
    /// The user's role.
    pub role: Role,
    /// The time at which the token was issued, in seconds since 1970.
    pub iat: i64,
    /// The time at which the token expires, in seconds since 1970.
    pub exp: i64,
}

impl Claims {
    /// Returns the claims of a token that is issued `now`.
    pub fn issued(sub: UserId, sid: SessionId, role: Role, now: Timestamp) -> Self {
        let iat = now.as_seconds();
        Self { iss: ISSUER.to_owned(), aud: AUDIENCE.to_owned(), sub, sid, role, iat, exp: iat + LIFETIME_SECONDS }
    }
}

/// A public key as a JSON Web Key (RFC 7517).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    kid: String,
    x: String,
    y: String,
}

/// The error of a KMS key that cannot be used or reached.
#[derive(Debug, thiserror::Error)]
#[error("the signing key: {0}")]
pub struct KeyError(String);

/// The error of a token that is forged or expired. It has no reason, which would only help an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid")]
pub struct InvalidToken;

/// The KMS keys of access tokens. The first one signs, and all of them verify. There is a second key during a key
/// rotation, for as long as tokens that it has signed are valid.
pub struct SigningKeys {
    client: Client,
    keys: Vec<SigningKey>,
}

struct SigningKey {
    id: String,
    public: OnceCell<Jwk>,
}

impl SigningKeys {
    /// Creates a client for the keys `ids`, which are separated by commas.
    pub fn connect(config: &SdkConfig, ids: &str) -> Self {
        let keys = ids.split(',').map(|id| SigningKey { id: id.trim().to_owned(), public: OnceCell::new() });
        Self { client: Client::new(config), keys: keys.collect() }
    }

    /// Signs `claims` with the first key, which takes one call of KMS.
    ///
    /// # Errors
    /// If KMS does not sign.
    pub async fn sign(&self, claims: &Claims) -> Result<String, KeyError> {
        let encode = |value: serde_json::Result<Vec<u8>>| {
            value.map(|json| BASE64_URL_SAFE_NO_PAD.encode(json)).map_err(|error| KeyError(error.to_string()))
        };
        let key = self.keys.first().ok_or_else(|| KeyError("no key is configured".to_owned()))?;
        let header = serde_json::json!({ "alg": "ES256", "typ": "JWT", "kid": key.id });
        let signed = format!("{}.{}", encode(serde_json::to_vec(&header))?, encode(serde_json::to_vec(claims))?);
        let response = self
            .client
            .sign()
            .key_id(&key.id)
            .message(Blob::new(Sha256::digest(&signed).to_vec()))
            .message_type(MessageType::Digest)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
            .send()
            .await
            .map_err(|error| KeyError(Chain(error).to_string()))?;
        let der = response.signature.ok_or_else(|| KeyError("KMS returned no signature".to_owned()))?;
        // KMS returns DER, and RFC 7518 requires the two concatenated numbers.
        let signature = Signature::from_der(der.as_ref()).map_err(|error| KeyError(error.to_string()))?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes())))
    }

    /// Returns the public keys. Each is read from KMS once per environment.
    ///
    /// # Errors
    /// If KMS does not return one of them.
    pub async fn public(&self) -> Result<Vec<&Jwk>, KeyError> {
        let mut public = Vec::new();
        for key in &self.keys {
            public.push(self.public_key(key).await?);
        }
        Ok(public)
    }

    /// Verifies `token` and returns its claims.
    ///
    /// # Errors
    /// The outer error if the public key cannot be read, the inner error if the token is invalid.
    pub async fn verify(&self, token: &str) -> Result<Result<Claims, InvalidToken>, KeyError> {
        let kid = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
        match self.keys.iter().find(|key| Some(&key.id) == kid.as_ref()) {
            Some(key) => Ok(self.public_key(key).await?.verify(token)),
            None => Ok(Err(InvalidToken)),
        }
    }

    async fn public_key<'a>(&self, key: &'a SigningKey) -> Result<&'a Jwk, KeyError> {
        key.public.get_or_try_init(|| self.fetch_public(&key.id)).await
    }

    async fn fetch_public(&self, id: &str) -> Result<Jwk, KeyError> {
        let response = self.client.get_public_key().key_id(id).send().await;
        let response = response.map_err(|error| KeyError(Chain(error).to_string()))?;
        let der = response.public_key.ok_or_else(|| KeyError("KMS returned no public key".to_owned()))?;
        let key = PublicKey::from_public_key_der(der.as_ref()).map_err(|error| KeyError(error.to_string()))?;
        Jwk::of(&key, id)
    }
}

impl Jwk {
    fn of(key: &PublicKey, kid: &str) -> Result<Self, KeyError> {
        let point = key.to_sec1_point(false);
        let (Some(x), Some(y)) = (point.x(), point.y()) else {
            return Err(KeyError("the public key is not a point of P-256".to_owned()));
        };
        Ok(Self {
            kty: "EC",
            crv: "P-256",
            alg: "ES256",
            usage: "sig",
            kid: kid.to_owned(),
            x: BASE64_URL_SAFE_NO_PAD.encode(x),
            y: BASE64_URL_SAFE_NO_PAD.encode(y),
        })
    }

    /// Verifies algorithm, key, signature, issuer, audience and expiry of `token`, and returns its claims.
    fn verify(&self, token: &str) -> Result<Claims, InvalidToken> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| InvalidToken)?;
        if header.kid.as_deref() != Some(&self.kid) {
            return Err(InvalidToken);
        }
        let key = DecodingKey::from_ec_components(&self.x, &self.y).map_err(|_| InvalidToken)?;
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules.leeway = 0;
        jsonwebtoken::decode::<Claims>(token, &key, &rules).map(|token| token.claims).map_err(|_| InvalidToken)
    }
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::{SigningKey as PrivateKey, signature::Signer};
    use proptest::prelude::*;

    use super::*;

    const KID: &str = "key-1";

    fn private_key(seed: u8) -> PrivateKey {
        PrivateKey::from_slice(&[seed; 32]).expect("a private key")
    }

    fn jwk() -> Jwk {
        Jwk::of(&PublicKey::from(private_key(7).verifying_key()), KID).expect("a public key")
    }

    fn claims() -> Claims {
        Claims::issued(UserId::new(), SessionId::new(), Role::Customer, Timestamp::now())
    }

    fn token(header: serde_json::Value, claims: &Claims, key: u8) -> String {
        let encode = |value: Vec<u8>| BASE64_URL_SAFE_NO_PAD.encode(value);
        let claims = serde_json::to_vec(claims).expect("claims");
        let signed = format!("{}.{}", encode(header.to_string().into_bytes()), encode(claims));
        let signature: Signature = private_key(key).sign(signed.as_bytes());
        format!("{signed}.{}", encode(signature.to_bytes().to_vec()))
    }

    fn es256() -> serde_json::Value {
        serde_json::json!({ "alg": "ES256", "typ": "JWT", "kid": KID })
    }

    #[test]
    fn a_genuine_token_is_verified() {
        let claims = claims();
        assert_eq!(jwk().verify(&token(es256(), &claims, 7)), Ok(claims));
    }

    #[test]
    fn forged_and_stale_tokens_are_refused() {
        let genuine = token(es256(), &claims(), 7);
        let (signed, _) = genuine.rsplit_once('.').expect("three parts");
        let expired = Claims { exp: Timestamp::now().as_seconds() - 1, ..claims() };
        let other_issuer = Claims { iss: "another".to_owned(), ..claims() };
        let other_audience = Claims { aud: "another".to_owned(), ..claims() };
        let forged = [
            String::new(),
            "a.b.c".to_owned(),
            format!("{signed}."),
            token(es256(), &claims(), 8),
            token(es256(), &expired, 7),
            token(es256(), &other_issuer, 7),
            token(es256(), &other_audience, 7),
            token(serde_json::json!({ "alg": "none", "kid": KID }), &claims(), 7),
            token(serde_json::json!({ "alg": "HS256", "kid": KID }), &claims(), 7),
            token(serde_json::json!({ "alg": "ES256", "kid": "key-2" }), &claims(), 7),
            token(serde_json::json!({ "alg": "ES256" }), &claims(), 7),
        ];
        for token in forged {
            assert_eq!(jwk().verify(&token), Err(InvalidToken), "{token}");
        }
    }

    proptest! {
        #[test]
        fn a_token_with_one_changed_character_is_rejected(at in any::<prop::sample::Index>(), character in "[ -~]") {
            let genuine = token(es256(), &claims(), 7);
            let at = at.index(genuine.len());
            let forged = format!("{}{character}{}", &genuine[..at], &genuine[at + 1..]);
            prop_assume!(forged != genuine);
            prop_assert_eq!(jwk().verify(&forged), Err(InvalidToken));
        }

        #[test]
        fn made_up_tokens_are_rejected(text in prop_oneof![".{0,200}", "[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,90}"]) {
            prop_assert_eq!(jwk().verify(&text), Err(InvalidToken));
        }

        #[test]
        fn a_genuine_header_with_other_claims_is_rejected(claims in ".{0,80}", signature in "[A-Za-z0-9_-]{86}") {
            let header = BASE64_URL_SAFE_NO_PAD.encode(es256().to_string());
            let text = format!("{header}.{}.{signature}", BASE64_URL_SAFE_NO_PAD.encode(claims));
            prop_assert_eq!(jwk().verify(&text), Err(InvalidToken));
        }
    }
}
