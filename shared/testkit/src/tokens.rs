//! Access tokens that the shop never issued: expired and forged ones.

use ::tokens::{Claims, SigningKeys};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};

use crate::{Person, Stack};

/// Returns the id of the key that signs tokens.
async fn key_id() -> String {
    let keys = Person::anonymous().get("/auth/jwks").await.expect(200);
    keys["keys"][0]["kid"].as_str().expect("a key").to_owned()
}

/// Returns a token with `claims`, signed with the key of the shop.
pub async fn genuine_token(claims: &Claims) -> String {
    let keys = SigningKeys::connect(&Stack::get().aws().await, &key_id().await);
    keys.sign(claims).await.expect("a signature")
}

/// Returns a token with `claims`, `algorithm` and the key id of the shop, signed with another key.
pub async fn forged_token(claims: &Claims, algorithm: &str) -> String {
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "alg": algorithm, "typ": "JWT", "kid": key_id().await });
    let signed = format!("{}.{}", encode(&header), encode(&json!(claims)));
    if algorithm == "none" {
        return format!("{signed}.");
    }
    let key = SigningKey::from_slice(&[7; 32]).expect("a private key");
    let signature: Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}
