//! The bare login: reads the account, checks the password, writes a session and signs a token.

use argon2::{Argon2, PasswordVerifier, password_hash::phc::PasswordHash};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_sdk_kms::{
    primitives::Blob,
    types::{MessageType, SigningAlgorithmSpec},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use lambda_runtime::Error;
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{Bare, body, find, item, key, number, string, text};

impl Bare {
    /// Logs in with UpdateItem of the rate limit, GetItem of the claim, BatchGetItem of account and failures, the same
    /// argon2id hash, Sign, and PutItem of the session.
    pub async fn log_in(&self, request: &ApiGatewayV2httpRequest) -> Result<String, Error> {
        let credentials = body(request)?;
        let now = Timestamp::now();
        let address = request.request_context.http.source_ip.as_deref().unwrap_or_default();
        let bucket = self.dynamodb.update_item().table_name(&self.table);
        bucket
            .set_key(Some(key(&format!("LIMIT#bare#{address}"), "BUCKET")))
            .update_expression("SET full_at = :next, expires_at = :expires")
            .condition_expression("attribute_not_exists(full_at) OR full_at < :never")
            .expression_attribute_values(":next", number(now.as_microsecond()))
            .expression_attribute_values(":never", number(i64::MAX))
            .expression_attribute_values(":expires", number(now.as_second() + 120))
            .send()
            .await?;

        let email = credentials["email"].as_str().unwrap_or_default();
        let claim = self.get(key(&format!("EMAIL#{email}"), "CLAIM")).await?;
        let user = string(&claim, "user_id")?;
        let failures = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(user));
        let account = key(&format!("USER#{user}"), "ACCOUNT");
        let found =
            self.get_many(vec![account, key(&format!("FAILURES#{failures}#{address}"), "FAILURES")], true).await?;
        let account = find(&found, "USER#")?;

        let hash = PasswordHash::new(string(account, "password_hash")?).map_err(|error| error.to_string())?;
        let password = credentials["password"].as_str().unwrap_or_default();
        Argon2::default().verify_password(password.as_bytes(), &hash).map_err(|error| error.to_string())?;

        let session = Uuid::now_v7();
        let claims =
            json!({ "sub": user, "sid": session, "role": string(account, "role")?, "exp": now.as_second() + 900 });
        let token = self.sign(&claims.to_string()).await?;
        let (family, secret) = (Uuid::new_v4(), Uuid::new_v4());
        let hash = |secret: Uuid| text(BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(secret)));
        let session = item([
            ("pk", text(format!("USER#{user}"))),
            ("sk", text(format!("SESSION#{session}"))),
            ("id", text(session)),
            ("user_id", text(user)),
            ("family_hash", hash(family)),
            ("refresh_hash", hash(secret)),
            ("epoch", number(0)),
            ("created_at", text(now.to_string())),
            ("expires_at", number(now.as_second() + 2_592_000)),
        ]);
        self.dynamodb.put_item().table_name(&self.table).set_item(Some(session)).send().await?;
        let user = json!({ "id": user, "email": email, "username": string(account, "username")? });
        Ok(json!({ "access_token": token, "refresh_token": secret, "token_type": "Bearer", "user": user }).to_string())
    }

    async fn sign(&self, claims: &str) -> Result<String, Error> {
        let keys = std::env::var("SIGNING_KEY_IDS")?;
        let key = keys.split(',').next().unwrap_or_default();
        let header = json!({ "alg": "ES256", "typ": "JWT", "kid": key }).to_string();
        let signed = format!("{}.{}", BASE64_URL_SAFE_NO_PAD.encode(header), BASE64_URL_SAFE_NO_PAD.encode(claims));
        let sign = self.kms.sign().key_id(key).message(Blob::new(Sha256::digest(&signed).to_vec()));
        let sign = sign.message_type(MessageType::Digest).signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
        let signature = sign.send().await?.signature.ok_or("KMS returned no signature")?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}
