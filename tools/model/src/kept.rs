//! A value that is kept in many moments, and told from others by a number that is counted once.

use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

/// A value, shared, with its fingerprint.
#[derive(Debug)]
pub struct Kept<T> {
    value: Arc<T>,
    fingerprint: u64,
}

/// A number that tells things apart.
pub fn fingerprint(of: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(of)
}

impl<T: Hash> Kept<T> {
    /// Keeps it.
    pub fn new(value: T) -> Self {
        Self { fingerprint: fingerprint(&value), value: Arc::new(value) }
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), fingerprint: self.fingerprint }
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Hash for Kept<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.fingerprint);
    }
}

impl<T> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl<T> Eq for Kept<T> {}
