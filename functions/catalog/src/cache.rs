//! Responses that an execution environment caches, so that a repeated request costs one small read.
//!
//! A cached response is valid for one version of the catalog only. The version has to be read before the data of the
//! response: then a write in between leaves a new response under an old version, which is never used again, and not an
//! old response under a new version.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::Timestamp;
use lru::LruCache;

/// The maximum size of the cached responses in bytes: some hundred pages.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The approximate size of an entry without its texts, in bytes.
const ENTRY_BYTES: usize = 128;

/// A response as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedResponse {
    /// The JSON body.
    pub body: Arc<str>,
    /// The entity tag.
    pub etag: String,
    /// When the request was received that it was made for.
    pub created_at: Timestamp,
}

/// The responses that one environment caches. An environment handles one request at a time.
pub struct Cache {
    max_age_seconds: i64,
    max_bytes: usize,
    entries: Mutex<Entries>,
}

/// The responses for one version of the catalog.
struct Entries {
    version: u64,
    bytes: usize,
    by_key: LruCache<String, CachedResponse>,
}

impl Cache {
    /// Returns a cache for lists, which are valid for one minute.
    pub fn for_lists() -> Self {
        Self::new(60, MAX_BYTES)
    }

    /// Returns a cache for single products, which are valid for five minutes.
    pub fn for_products() -> Self {
        Self::new(300, MAX_BYTES)
    }

    fn new(max_age_seconds: i64, max_bytes: usize) -> Self {
        let entries = Entries { version: 0, bytes: 0, by_key: LruCache::unbounded() };
        Self { max_age_seconds, max_bytes, entries: Mutex::new(entries) }
    }

    /// Returns the response under `key` and its age in seconds, if it was made for `version` and is not too old.
    ///
    /// The age is measured with the wall clock: an environment is frozen between requests, and a monotonic clock may
    /// stop with it.
    pub fn get(&self, version: u64, key: &str, now: Timestamp) -> Option<(CachedResponse, i64)> {
        let mut entries = self.entries();
        if entries.version != version {
            return None;
        }
        let cached = entries.by_key.get(key)?;
        let age = now.as_seconds() - cached.created_at.as_seconds();
        (0..self.max_age_seconds).contains(&age).then(|| (cached.clone(), age))
    }

    /// Stores a response that was made for `version`. The least recently used responses make room for it.
    pub fn put(&self, version: u64, key: String, cached: CachedResponse) {
        let mut entries = self.entries();
        if entries.version != version {
            *entries = Entries { version, bytes: 0, by_key: LruCache::unbounded() };
        }
        entries.bytes += size(&key, &cached);
        if let Some((key, old)) = entries.by_key.push(key, cached) {
            entries.bytes -= size(&key, &old);
        }
        while entries.bytes > self.max_bytes
            && let Some((key, old)) = entries.by_key.pop_lru()
        {
            entries.bytes -= size(&key, &old);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(key: &str, cached: &CachedResponse) -> usize {
    key.len() + cached.body.len() + cached.etag.len() + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_767_355_200;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis((NOON + second) * 1000)
    }

    fn cached(body: &str) -> CachedResponse {
        CachedResponse { body: body.into(), etag: "\"1\"".to_owned(), created_at: at(0) }
    }

    fn found(cache: &Cache, version: u64, key: &str, second: i64) -> Option<(String, i64)> {
        cache.get(version, key, at(second)).map(|(cached, age)| (cached.body.to_string(), age))
    }

    #[test]
    fn a_response_is_valid_until_it_is_too_old() {
        let cache = Cache::for_lists();
        cache.put(7, "list".to_owned(), cached("mugs"));
        assert_eq!(found(&cache, 7, "list", 0), Some(("mugs".to_owned(), 0)));
        assert_eq!(found(&cache, 7, "list", 59), Some(("mugs".to_owned(), 59)));
        assert_eq!(found(&cache, 7, "list", 60), None);
        assert_eq!(found(&cache, 7, "other", 0), None);
        assert_eq!(found(&cache, 7, "list", -1), None, "a response is not valid if the clock was set back");
    }

    #[test]
    fn a_response_is_valid_for_its_version_only() {
        let cache = Cache::for_products();
        cache.put(7, "mug".to_owned(), cached("12.50"));
        assert_eq!(found(&cache, 8, "mug", 1), None);
        assert_eq!(found(&cache, 6, "mug", 1), None);
        cache.put(8, "cup".to_owned(), cached("3.00"));
        assert_eq!(found(&cache, 8, "mug", 1), None);
        assert_eq!(found(&cache, 7, "mug", 1), None);
        assert_eq!(found(&cache, 8, "cup", 1), Some(("3.00".to_owned(), 1)));
    }

    #[test]
    fn the_least_recently_used_response_makes_room() {
        let room_for_two = 2 * size("a", &cached("body"));
        let cache = Cache::new(60, room_for_two);
        cache.put(1, "a".to_owned(), cached("body"));
        cache.put(1, "b".to_owned(), cached("body"));
        assert!(found(&cache, 1, "a", 1).is_some());
        cache.put(1, "c".to_owned(), cached("body"));
        let is_cached = ["a", "b", "c"].map(|key| found(&cache, 1, key, 1).is_some());
        assert_eq!(is_cached, [true, false, true]);
    }

    #[test]
    fn sizes_are_counted_exactly() {
        let cache = Cache::new(60, 1000);
        for turn in 0..100 {
            cache.put(1, "a".to_owned(), cached(&"x".repeat(turn)));
        }
        assert_eq!(cache.entries().bytes, size("a", &cached(&"x".repeat(99))));
        cache.put(1, "too large".to_owned(), cached(&"x".repeat(2000)));
        let entries = cache.entries();
        assert_eq!((entries.bytes, entries.by_key.len()), (0, 0));
    }
}
