//! Cached responses.

use std::sync::Arc;

use kernel::Timestamp;
use lambda::{
    http::{self, ApiRequest, Reply, Request, Response},
    problem::Problem,
};
use serde::Serialize;

use crate::cache::{Cache, CachedResponse};

/// Browsers and CDNs may store the response, but have to revalidate it each time, which costs one small read. If they
/// could skip that even for one second, a stale read could follow an acknowledged write.
const CACHE_CONTROL: &str = "public, max-age=0, must-revalidate";

/// Returns a response with `body` that can be cached.
pub(super) fn cacheable(body: &impl Serialize, etag: String, created_at: Timestamp) -> Result<CachedResponse, Problem> {
    Ok(CachedResponse { body: Arc::from(http::json_text(body)?), etag, created_at })
}

/// Returns 304, because the client has the current state.
pub(super) fn not_modified(etag: String) -> Response {
    http::not_modified(etag).header("cache-control", CACHE_CONTROL)
}

/// Returns the response that is cached under `key`, or else the one that `make` returns, which is then cached. The
/// status is 304 if the client has it already.
///
/// The caller has to read `version` before, for this request.
pub(super) async fn respond(
    cache: &Cache,
    request: &Request,
    version: u64,
    key: String,
    make: impl AsyncFnOnce() -> Result<CachedResponse, Problem>,
) -> Reply {
    let (cached, age, x_cache) = match cache.get(version, &key, request.now()) {
        Some((cached, age)) => (cached, age, "hit"),
        None => {
            let cached = make().await?;
            cache.put(version, key, cached.clone());
            (cached, 0, "miss")
        }
    };
    if request.matches_if_none_match(&cached.etag) {
        return Ok(not_modified(cached.etag));
    }
    Ok(http::content("application/json", cached.body.to_string())
        .header("cache-control", CACHE_CONTROL)
        .header("etag", cached.etag)
        .header("age", age.to_string())
        .header("x-cache", x_cache))
}
