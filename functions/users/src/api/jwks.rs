use lambda::{
    http::{self, Reply, Request},
    openapi::Operation,
    policy::{Access, Route},
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use tokens::Jwk;

use crate::Users;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Keys")]
struct KeysResponse<'a> {
    keys: Vec<&'a Jwk>,
}

pub(crate) const GET_KEYS: Route = Route::new("GET /api/v1/auth/jwks", Access::Anyone);
pub(crate) const GET_WELL_KNOWN_KEYS: Route = Route::new("GET /.well-known/jwks.json", Access::Anyone);

/// `GET /auth/jwks` and `/.well-known/jwks.json`: returns the public keys that verify access tokens (RFC 7517).
pub async fn jwks(users: &Users, _: Request) -> Reply {
    let keys = users.public_keys().await?;
    http::ok(&KeysResponse { keys }).map(|response| response.header("cache-control", "public, max-age=300"))
}

/// Describes the endpoint in the OpenAPI document.
pub(super) fn operation() -> Operation {
    let key = json!({
        "kty": "EC",
        "crv": "P-256",
        "alg": "ES256",
        "use": "sig",
        "kid": "01930000-0000-7009-8000-000000000001",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    Operation::new(GET_KEYS, "getKeys", "Get the public keys that verify access tokens (RFC 7517)")
        .also(GET_WELL_KNOWN_KEYS, "getWellKnownKeys")
        .ok::<KeysResponse<'_>>("The keys.", json!({ "keys": [key] }))
}
