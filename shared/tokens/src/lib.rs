//! Access tokens: JWTs (RFC 7519) signed with ES256 by a KMS key. The private key never leaves KMS; its public half is read
//! once per environment and verifies without a call.

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

/// Who issues the tokens.
pub const ISSUER: &str = "waybill";
/// Whom they are for.
pub const AUDIENCE: &str = "waybill-api";
/// How long an access token is good for, in seconds.
pub const LIFETIME_SECONDS: i64 = 15 * 60;

/// What an access token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who issued it.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// Whose it is.
    pub sub: UserId,
    /// The login it came from.
    pub sid: SessionId,
    /// What they may do.
    pub role: Role,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
}

impl Claims {
    /// The claims of a token issued `now`.
    pub fn issued(sub: UserId, sid: SessionId, role: Role, now: Timestamp) -> Self {
        let iat = now.as_seconds();
        Self { iss: ISSUER.to_owned(), aud: AUDIENCE.to_owned(), sub, sid, role, iat, exp: iat + LIFETIME_SECONDS }
    }
}

/// A public key as RFC 7517 has it.
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

/// The KMS key, or what stands between us and it, did not do its part.
#[derive(Debug, thiserror::Error)]
#[error("the signing key: {0}")]
pub struct KeyError(String);

/// The token is not one of ours, or not any more. It is not said why: that helps only those who forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the access token is not valid")]
pub struct InvalidToken;

/// The KMS keys of access tokens: the first signs, all of them verify. A second one stands beside the first while keys are
/// exchanged, for as long as tokens of the other are about.
pub struct SigningKeys {
    client: Client,
    keys: Vec<SigningKey>,
}

struct SigningKey {
    id: String,
    public: OnceCell<Jwk>,
}

impl SigningKeys {
    /// The keys `ids`, a list with commas, over the environment's one configuration.
    pub fn connect(config: &SdkConfig, ids: &str) -> Self {
        let keys = ids.split(',').map(|id| SigningKey { id: id.trim().to_owned(), public: OnceCell::new() });
        Self { client: Client::new(config), keys: keys.collect() }
    }

    /// Signs `claims` with the first key: one call of KMS.
    ///
    /// # Errors
    /// When KMS does not sign.
    pub async fn sign(&self, claims: &Claims) -> Result<String, KeyError> {
        let encode = |value: serde_json::Result<Vec<u8>>| {
            value.map(|json| BASE64_URL_SAFE_NO_PAD.encode(json)).map_err(|error| KeyError(error.to_string()))
        };
        let key = self.keys.first().ok_or_else(|| KeyError("none is named".to_owned()))?;
        let header = serde_json::json!({ "alg": "ES256", "typ": "JWT", "kid": key.id });
        let signed = format!("{}.{}", encode(serde_json::to_vec(&header))?, encode(serde_json::to_vec(claims))?);
        let answer = self
            .client
            .sign()
            .key_id(&key.id)
            .message(Blob::new(Sha256::digest(&signed).to_vec()))
            .message_type(MessageType::Digest)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
            .send()
            .await
            .map_err(|error| KeyError(Chain(error).to_string()))?;
        let der = answer.signature.ok_or_else(|| KeyError("KMS gave no signature".to_owned()))?;
        // KMS answers in DER; RFC 7518 wants the two numbers side by side.
        let signature = Signature::from_der(der.as_ref()).map_err(|error| KeyError(error.to_string()))?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes())))
    }

    /// The public halves: one call of KMS each in the life of an environment.
    ///
    /// # Errors
    /// When KMS does not give one.
    pub async fn public(&self) -> Result<Vec<&Jwk>, KeyError> {
        let mut public = Vec::new();
        for key in &self.keys {
            public.push(self.public_half(key).await?);
        }
        Ok(public)
    }

    /// The claims of `token`, if it is ours and still good.
    ///
    /// # Errors
    /// When the key cannot be had; the inner error when the token is refused.
    pub async fn verify(&self, token: &str) -> Result<Result<Claims, InvalidToken>, KeyError> {
        let kid = jsonwebtoken::decode_header(token).ok().and_then(|header| header.kid);
        match self.keys.iter().find(|key| Some(&key.id) == kid.as_ref()) {
            Some(key) => Ok(self.public_half(key).await?.verify(token)),
            None => Ok(Err(InvalidToken)),
        }
    }

    async fn public_half<'a>(&self, key: &'a SigningKey) -> Result<&'a Jwk, KeyError> {
        key.public.get_or_try_init(|| self.fetch_public(&key.id)).await
    }

    async fn fetch_public(&self, id: &str) -> Result<Jwk, KeyError> {
        let answer = self.client.get_public_key().key_id(id).send().await;
        let answer = answer.map_err(|error| KeyError(Chain(error).to_string()))?;
        let der = answer.public_key.ok_or_else(|| KeyError("KMS gave no public key".to_owned()))?;
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

    /// The claims of `token`: the algorithm, the key, issuer, audience and time have to be right.
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
    fn a_genuine_token_says_who_it_is() {
        let claims = claims();
        assert_eq!(jwk().verify(&token(es256(), &claims, 7)), Ok(claims));
    }

    #[test]
    fn forged_and_stale_tokens_are_refused() {
        let genuine = token(es256(), &claims(), 7);
        let (signed, _) = genuine.rsplit_once('.').expect("three parts");
        let stale = Claims { exp: Timestamp::now().as_seconds() - 1, ..claims() };
        let foreign = Claims { iss: "another".to_owned(), ..claims() };
        let for_others = Claims { aud: "another".to_owned(), ..claims() };
        let forged = [
            String::new(),
            "a.b.c".to_owned(),
            format!("{signed}."),
            token(es256(), &claims(), 8),
            token(es256(), &stale, 7),
            token(es256(), &foreign, 7),
            token(es256(), &for_others, 7),
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
        fn a_token_of_which_one_letter_differs_is_refused(at in any::<prop::sample::Index>(), letter in "[ -~]") {
            let genuine = token(es256(), &claims(), 7);
            let at = at.index(genuine.len());
            let forged = format!("{}{letter}{}", &genuine[..at], &genuine[at + 1..]);
            prop_assume!(forged != genuine);
            prop_assert_eq!(jwk().verify(&forged), Err(InvalidToken));
        }

        #[test]
        fn nobody_makes_one_up(text in prop_oneof![".{0,200}", "[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,80}\\.[A-Za-z0-9_-]{0,90}"]) {
            prop_assert_eq!(jwk().verify(&text), Err(InvalidToken));
        }

        #[test]
        fn a_genuine_header_with_other_claims_is_refused(claims in ".{0,80}", signature in "[A-Za-z0-9_-]{86}") {
            let header = BASE64_URL_SAFE_NO_PAD.encode(es256().to_string());
            let text = format!("{header}.{}.{signature}", BASE64_URL_SAFE_NO_PAD.encode(claims));
            prop_assert_eq!(jwk().verify(&text), Err(InvalidToken));
        }
    }
}
