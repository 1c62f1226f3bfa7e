//! How answers are given that an environment keeps.

use std::rc::Rc;

use kernel::Timestamp;
use lambda::{
    http::{self, Reply, Request, Response},
    problem::Problem,
};
use serde::Serialize;

use crate::cache::{Cache, Kept};

/// Browsers and CDNs may keep the answer, but have to ask each time whether it still stands, which costs us one small read. Were they
/// allowed not to ask, even for a second, an acknowledged write could be followed by a stale read.
const CACHE_CONTROL: &str = "public, max-age=0, must-revalidate";

/// `body`, as it is kept.
pub(super) fn keep(body: &impl Serialize, etag: String, made_at: Timestamp) -> Result<Kept, Problem> {
    Ok(Kept { body: Rc::from(http::json_text(body)?), etag, made_at })
}

/// 304: the caller has it.
pub(super) fn not_modified(etag: String) -> Response {
    http::not_modified(etag).header("cache-control", CACHE_CONTROL)
}

/// What is kept under `key`, or what `make` makes, which is then kept; 304 if the caller has it.
///
/// `version` was read for this request; `make` reads only now.
pub(super) async fn answer(
    cache: &Cache,
    request: &Request,
    version: u64,
    key: String,
    make: impl AsyncFnOnce() -> Result<Kept, Problem>,
) -> Reply {
    let (kept, age, x_cache) = match cache.get(version, &key, request.now) {
        Some((kept, age)) => (kept, age, "hit"),
        None => {
            let kept = make().await?;
            cache.put(version, key, kept.clone());
            (kept, 0, "miss")
        }
    };
    if request.has_seen(&kept.etag) {
        return Ok(not_modified(kept.etag));
    }
    Ok(http::content("application/json", kept.body.to_string())
        .header("cache-control", CACHE_CONTROL)
        .header("etag", kept.etag)
        .header("age", age.to_string())
        .header("x-cache", x_cache))
}
