//! Answers that an environment keeps, so that asking again costs one small read.
//!
//! An answer is good for the version of the catalog under which it was made, and for no other. That version has to be read before what
//! the answer is made of: then a write in between leaves a new answer under an old version, which is never asked for again, and not
//! an old answer under a new one.

use std::{cell::RefCell, rc::Rc};

use kernel::Timestamp;
use lru::LruCache;

/// The most that is kept, in bytes: some hundred pages.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// What an entry takes besides its texts, about.
const ENTRY_BYTES: usize = 128;

/// An answer, as it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The JSON body.
    pub body: Rc<str>,
    /// Its entity tag.
    pub etag: String,
    /// When the request came for which it was made.
    pub made_at: Timestamp,
}

/// The answers that one environment keeps. It handles one request at a time.
pub struct Cache {
    max_age_seconds: i64,
    most_bytes: usize,
    entries: RefCell<Entries>,
}

/// All of one version.
struct Entries {
    version: u64,
    bytes: usize,
    by_key: LruCache<String, Kept>,
}

impl Cache {
    /// For lists: a minute.
    pub fn of_lists() -> Self {
        Self::new(60, MOST_BYTES)
    }

    /// For single products: five minutes.
    pub fn of_products() -> Self {
        Self::new(300, MOST_BYTES)
    }

    fn new(max_age_seconds: i64, most_bytes: usize) -> Self {
        let entries = Entries { version: 0, bytes: 0, by_key: LruCache::unbounded() };
        Self { max_age_seconds, most_bytes, entries: RefCell::new(entries) }
    }

    /// The answer under `key`, if it was made under this `version` and is young enough, and its age in seconds.
    ///
    /// The time is that of the wall clock: an environment sleeps between requests, and a monotonic clock may sleep with it.
    pub fn get(&self, version: u64, key: &str, now: Timestamp) -> Option<(Kept, i64)> {
        let mut entries = self.entries.borrow_mut();
        if entries.version != version {
            return None;
        }
        let kept = entries.by_key.get(key)?;
        let age = now.as_seconds() - kept.made_at.as_seconds();
        (0..self.max_age_seconds).contains(&age).then(|| (kept.clone(), age))
    }

    /// Keeps an answer that was made under `version`, in place of the ones that were not used for the longest time.
    pub fn put(&self, version: u64, key: String, kept: Kept) {
        let mut entries = self.entries.borrow_mut();
        if entries.version != version {
            *entries = Entries { version, bytes: 0, by_key: LruCache::unbounded() };
        }
        entries.bytes += size(&key, &kept);
        if let Some((key, old)) = entries.by_key.push(key, kept) {
            entries.bytes -= size(&key, &old);
        }
        while entries.bytes > self.most_bytes
            && let Some((key, old)) = entries.by_key.pop_lru()
        {
            entries.bytes -= size(&key, &old);
        }
    }
}

fn size(key: &str, kept: &Kept) -> usize {
    key.len() + kept.body.len() + kept.etag.len() + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_767_355_200;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis((NOON + second) * 1000)
    }

    fn kept(body: &str) -> Kept {
        Kept { body: body.into(), etag: "\"1\"".to_owned(), made_at: at(0) }
    }

    fn found(cache: &Cache, version: u64, key: &str, second: i64) -> Option<(String, i64)> {
        cache.get(version, key, at(second)).map(|(kept, age)| (kept.body.to_string(), age))
    }

    #[test]
    fn an_answer_is_good_until_it_is_too_old() {
        let cache = Cache::of_lists();
        cache.put(7, "list".to_owned(), kept("mugs"));
        assert_eq!(found(&cache, 7, "list", 0), Some(("mugs".to_owned(), 0)));
        assert_eq!(found(&cache, 7, "list", 59), Some(("mugs".to_owned(), 59)));
        assert_eq!(found(&cache, 7, "list", 60), None);
        assert_eq!(found(&cache, 7, "other", 0), None);
        assert_eq!(found(&cache, 7, "list", -1), None, "the clock was set back");
    }

    #[test]
    fn an_answer_is_good_for_its_version_alone() {
        let cache = Cache::of_products();
        cache.put(7, "mug".to_owned(), kept("12.50"));
        assert_eq!(found(&cache, 8, "mug", 1), None);
        assert_eq!(found(&cache, 6, "mug", 1), None);
        cache.put(8, "cup".to_owned(), kept("3.00"));
        assert_eq!(found(&cache, 8, "mug", 1), None);
        assert_eq!(found(&cache, 7, "mug", 1), None);
        assert_eq!(found(&cache, 8, "cup", 1), Some(("3.00".to_owned(), 1)));
    }

    #[test]
    fn what_was_not_used_makes_room() {
        let room_for_two = 2 * size("a", &kept("body"));
        let cache = Cache::new(60, room_for_two);
        cache.put(1, "a".to_owned(), kept("body"));
        cache.put(1, "b".to_owned(), kept("body"));
        assert!(found(&cache, 1, "a", 1).is_some());
        cache.put(1, "c".to_owned(), kept("body"));
        let there = ["a", "b", "c"].map(|key| found(&cache, 1, key, 1).is_some());
        assert_eq!(there, [true, false, true]);
    }

    #[test]
    fn room_is_counted_exactly() {
        let cache = Cache::new(60, 1000);
        for turn in 0..100 {
            cache.put(1, "a".to_owned(), kept(&"x".repeat(turn)));
        }
        assert_eq!(cache.entries.borrow().bytes, size("a", &kept(&"x".repeat(99))));
        cache.put(1, "too large".to_owned(), kept(&"x".repeat(2000)));
        assert_eq!((cache.entries.borrow().bytes, cache.entries.borrow().by_key.len()), (0, 0));
    }
}
